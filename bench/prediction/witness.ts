// Loaded before a program: says at its end, on standard error, the most memory it had. For memory.ts.
import { peakMiB } from './peak.ts';

process.on('exit', () => process.stderr.write(`\npeak ${peakMiB()}\n`));
