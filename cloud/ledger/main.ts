// `npm run ledger`; arguments.ts says what it can be asked.
import { ledgerCommand } from './command.ts';

// `npm run ledger -- export … | head` has seen enough.
process.stdout.on('error', () => process.exit(0));
process.exitCode = await ledgerCommand(process.argv.slice(2));
