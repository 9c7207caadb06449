// The power button of a machine that is only a process: stand-ins for shutdown, poweroff, halt, reboot and systemctl, first
// in its PATH, that tell the hypervisor. Without them a script's `shutdown` would reach the real machine, so nothing boots
// without them, and a script that names one of them by an absolute path isn't booted at all.
import { accessSync, chmodSync, constants, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const POWER_COMMANDS = ['shutdown', 'poweroff', 'halt', 'reboot', 'systemctl', 'init', 'telinit'] as const;

export interface PowerLine {
  readonly port: number;
  /** Names the machine and proves that the message is its own. */
  readonly secret: string;
}

/** Writes the stand-ins; each sends `<secret> <command> <arguments>` as one line to the hypervisor's port. */
export function installShims(folder: string, line: PowerLine): void {
  mkdirSync(folder, { recursive: true });
  for (const command of POWER_COMMANDS) {
    const path = join(folder, command);
    writeFileSync(path, shim(command, line));
    chmodSync(path, 0o755);
  }
}

function shim(command: string, line: PowerLine): string {
  return `#!/bin/bash
# Tells the hypervisor; never touches the machine underneath.
exec 3<>/dev/tcp/127.0.0.1/${line.port} || { echo '${command}: the hypervisor does not answer' >&2; exit 1; }
printf '%s\\n' "${line.secret} ${command} $*" >&3
read -r answer <&3
[ "$answer" = ok ] && exit 0
echo "${command}: $answer" >&2
exit 1
`;
}

/** Throws unless every stand-in is there and executable. */
export function assertShims(folder: string): void {
  for (const command of POWER_COMMANDS) accessSync(join(folder, command), constants.X_OK);
}

/** The path in a script that would go round the stand-ins, if any. */
export function bypassesShims(script: string): string | undefined {
  const names = POWER_COMMANDS.join('|');
  return new RegExp(
    `(?:^|[^\\w./-])((?:/usr|/lib/systemd)?/s?bin/(?:${names})|/lib/systemd/systemd-shutdown)\\b`,
    'm',
  ).exec(script)?.[1];
}

export type PowerRequest =
  | { readonly kind: 'off'; readonly afterMs: number }
  | { readonly kind: 'reboot'; readonly afterMs: number }
  | { readonly kind: 'cancel' }
  | { readonly kind: 'none' };

/** What a command line asks for: `shutdown -h +5`, `systemctl poweroff`, `init 0` … */
export function powerRequest(command: string, args: readonly string[]): PowerRequest {
  switch (command) {
    case 'shutdown':
      return shutdownRequest(args);
    case 'reboot':
      return { kind: 'reboot', afterMs: 0 };
    case 'systemctl': {
      const verb = args.find((each) => !each.startsWith('-'));
      if (verb === 'poweroff' || verb === 'halt') return { kind: 'off', afterMs: 0 };
      return verb === 'reboot' ? { kind: 'reboot', afterMs: 0 } : { kind: 'none' };
    }
    case 'init':
    case 'telinit':
      if (args[0] === '0') return { kind: 'off', afterMs: 0 };
      return args[0] === '6' ? { kind: 'reboot', afterMs: 0 } : { kind: 'none' };
    default:
      return { kind: 'off', afterMs: 0 };
  }
}

/** Without a time shutdown waits a minute. */
function shutdownRequest(args: readonly string[]): PowerRequest {
  if (args.includes('-c')) return { kind: 'cancel' };
  if (args.includes('-k')) return { kind: 'none' };
  const kind = args.includes('-r') || args.includes('--reboot') ? 'reboot' : 'off';
  const time = args.find((each) => !each.startsWith('-'));
  const minutes = time === undefined ? 1 : time === 'now' ? 0 : Number(time.replace(/^\+/, ''));
  return { kind, afterMs: (Number.isFinite(minutes) ? minutes : 1) * 60_000 };
}
