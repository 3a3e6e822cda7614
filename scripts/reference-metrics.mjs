// docs/6-reference/metrics.md from the table of metrics.
import { listMetrics } from '../src/core/metric-table.ts';

const PREFACE = `# Metrics

<!-- Made by scripts/generate-reference.mjs from src/core/metric-table.ts; change that. -->

What \`GET /metrics\` answers, in the text format of Prometheus. How to have it collected and who may ask: [Metrics](../4-operate/metrics.md).

Names and labels stay as they are; new ones may come. No label names a stream, a session or an address, so the number of
series does not grow with use. \`worker\` is \`primary\` for the process that you started and \`1\`, \`2\`, … for
[workers](../4-operate/workers.md); everything without it is of the whole server. What workers have counted and measured is
about a second old.
`;

const cell = (text) => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

function row({ name, help, labels }) {
  const told = Object.entries(labels).map(([label, values]) => `\`${label}\`: ${values}`);
  return `| \`${name}\` | ${cell(help)} | ${cell(told.join('<br>'))} |`;
}

function section(title, type) {
  const rows = listMetrics().filter((metric) => metric.type === type);
  return `## ${title}\n\n| metric | what it says | labels |\n|---|---|---|\n${rows.map(row).join('\n')}\n`;
}

export function renderMetrics() {
  const parts = [
    section('What is now', 'gauge'),
    section('What was counted since the start', 'counter'),
    section('Distributions', 'histogram'),
  ];
  return `${PREFACE}\n${parts.join('\n')}`;
}
