// Tables of docs/6-reference that are made from tables in the sources, each between two marks of its page.
import { serverEvents } from '../src/core/events.ts';
import { errorCodes } from '../src/errors.ts';
import { apiErrorCodes } from '../src/servers/api/index.ts';

const begin = (name) => `<!-- ${name}: made by scripts/generate-reference.mjs from the sources; change those. -->`;
const end = (name) => `<!-- end of ${name} -->`;

const code = (text) => `\`${text}\``;

function table(head, rows) {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function eventsTable() {
  const rows = Object.entries(serverEvents).map(([name, { isAwaited, when }]) => {
    const listeners = isAwaited
      ? 'awaited, may refuse and [decide more](../5-embed/permissions.md#serveradmit)'
      : 'told';
    return [code(name), when, listeners];
  });
  return table(['event', 'told', 'listeners'], rows);
}

function errorsTable() {
  const rows = Object.entries(errorCodes).map(([name, error]) => [
    code(name),
    code(error.name),
    error.when,
    error.advice,
  ]);
  return table(['code', 'class', 'when', 'what to do'], rows);
}

function apiCodesTable() {
  const rows = Object.entries(apiErrorCodes).map(([name, { status, when }]) => [code(name), String(status), when]);
  return table(['code', 'status', 'when'], rows);
}

const TABLES = { events: eventsTable, errors: errorsTable, 'codes of the API': apiCodesTable };

/** The page with every marked table made anew; throws when a mark has no end. */
export function fillTables(page) {
  let filled = page;
  for (const [name, make] of Object.entries(TABLES)) {
    const from = filled.indexOf(begin(name));
    if (from < 0) continue;
    const to = filled.indexOf(end(name));
    if (to < from) throw new Error(`the table of ${name} has no end`);
    filled = `${filled.slice(0, from)}${begin(name)}\n\n${make()}\n\n${filled.slice(to)}`;
  }
  return filled;
}
