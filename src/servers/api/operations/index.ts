import type { Context } from '../../../core/context.ts';
import type { Accounts } from '../accounts.ts';
import type { Operation } from '../operation.ts';
import type { Rates } from '../rates.ts';
import { accountOperations } from './account.ts';
import { configurationOperations } from './configuration.ts';
import { documentOperations } from './document.ts';
import { eventOperations } from './events.ts';
import { healthOperations } from './health.ts';
import { historyOperations } from './history.ts';
import { recordOperations } from './records.ts';
import { sessionOperations } from './sessions.ts';
import { statsOperations } from './stats.ts';
import { streamOperations } from './streams.ts';

/** What operations need beside the context. */
export interface OperationParts {
  readonly rates: Rates;
  readonly accounts: Accounts;
  readonly version: string;
  /** The OpenAPI document, as text. */
  readonly document: () => string;
}

/** Everything that can be asked of the API, in the order in which it is shown. */
export function createOperations(context: Context, parts: OperationParts): Operation[] {
  const { rates, accounts, version, document } = parts;
  return [
    ...accountOperations(accounts),
    ...streamOperations(context, rates),
    ...sessionOperations(context, rates),
    ...statsOperations(context, rates),
    ...eventOperations(context, rates),
    ...historyOperations(context, rates),
    ...recordOperations(context, rates),
    ...configurationOperations(context),
    ...healthOperations(version),
    ...documentOperations(document),
  ];
}
