import type { LinkResult, Report } from './results.ts';
import { linkTable, oddTable } from './tables.ts';

/** The part of the page on lossy links that comes from the results; `null` when the suite was not run. */
export function linksText({ suites, machine, servers, command }: Report): string | null {
  if (suites.link === undefined) return null;
  const commit = machine.commit === null ? 'an unknown commit' : `commit \`${machine.commit.slice(0, 12)}\``;
  const repetitions = Math.max(...suites.link.rows.map((row) => row.repetitions));
  const rtts = [...new Set(suites.link.rows.map(({ rttMs }) => rttMs))].join(', ');
  const players = [...new Set(suites.link.rows.map((row) => row.players))].join(', ');
  return [
    `Measured on ${machine.date.slice(0, 10)} at ${commit}${machine.isClean ? '' : ' with changes'}, with \`${command}\`: ${machine.processor}, ${machine.cores} cores, Linux ${machine.kernel}, Node ${machine.node}. Servers: ${Object.values(servers).join(', ')}. ${players} players, ${rtts} ms there and back, ${repetitions === 1 ? 'one repetition' : `the median of ${repetitions} repetitions, with the lowest and the highest in brackets`}; behind, lost and left out are those of the worst. A star: other programs were busy.`,
    '### Everybody on the same line',
    linkTable(suites.link),
    '### One on a worse line than the others',
    oddTable(suites.link),
    ...seconds(suites.link),
  ].join('\n\n');
}

function seconds({ odd }: LinkResult): string[] {
  const mine = odd.filter(({ server }) => server === 'ours');
  if (mine.length === 0) return [];
  const rows = mine.map(
    ({ line, latencyMs }) =>
      `- ${line}: ${latencyMs.map((ms) => (ms < 0 ? '–' : (ms / 1000).toFixed(1))).join(' · ')} s`,
  );
  return ['How late this server’s video was for it, second by second from its first frame on:', rows.join('\n')];
}
