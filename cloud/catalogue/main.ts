// `npm run catalogue`; command.ts says what it can do.
import { catalogueCommand } from './command.ts';

process.exitCode = await catalogueCommand(process.argv.slice(2));
