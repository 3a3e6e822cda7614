import { type Command, InvalidArgumentError } from 'commander';

/** What is to be done with the outbox of webhooks. */
export interface OutboxRequest {
  readonly task: 'list' | 'dead' | 'resend' | 'drop';
  /** Of an event; `null`: every call. */
  readonly id: string | null;
  /** Calls shown at most. */
  readonly limit: number;
  /** Drop calls that wait in place of dead letters. */
  readonly isWaiting: boolean;
}

const SHOWN = 50;

interface Options {
  readonly limit?: number;
  readonly all?: boolean;
  readonly waiting?: boolean;
}

function readLimit(text: string): number {
  const limit = /^\d{1,7}$/.test(text) ? Number(text) : 0;
  if (limit < 1) throw new InvalidArgumentError('A whole number above 0 is allowed.');
  return limit;
}

/** Adds the command `outbox` to a program; `inherit` gives each command the program's settings. */
export function declareOutbox(
  program: Command,
  inherit: (command: Command) => Command,
  take: (request: OutboxRequest) => void,
): void {
  const outbox = inherit(program.command('outbox'))
    .description('see and mend what webhooks have not taken')
    .helpCommand(false);
  const request = (task: OutboxRequest['task'], options: Options, id: string | null = null) =>
    take({ task, id, limit: options.limit ?? SHOWN, isWaiting: options.waiting ?? false });
  const show = (task: 'list' | 'dead', help: string) =>
    inherit(outbox.command(task))
      .description(help)
      .option('--limit <n>', `calls shown (default: ${SHOWN})`, readLimit)
      .action((options: Options) => request(task, options));
  const change = (task: 'resend' | 'drop', help: string) =>
    inherit(outbox.command(`${task} [id]`))
      .description(help)
      .option('--all', 'all of them')
      .action((id: string | undefined, options: Options, command: Command) => {
        if ((id === undefined) === (options.all !== true)) command.error(`error: ${task} needs an id, or --all`);
        request(task, options, id ?? null);
      });
  show('list', 'calls that wait for a target');
  show('dead', 'dead letters: calls that were given up');
  change('resend', 'send dead letters again');
  change('drop', 'forget dead letters').option('--waiting', 'forget calls that wait in place of dead letters');
}
