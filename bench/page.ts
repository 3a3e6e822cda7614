import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { capacityText } from './page-capacity.ts';
import { figuresText } from './page-figures.ts';
import { linksText } from './page-links.ts';
import { microReport, report } from './results.ts';

/*
 * node bench/page.ts results.json [micro.json]
 *
 * Writes what a run of the bench found into docs/4-operate/benchmark.md and capacity.md, between their marks, with the
 * charts beside them, and keeps a copy of the results there. What the suite `link` found goes into links.md; of a run of
 * that suite alone nothing else is written.
 */

const folder = join(import.meta.dirname, '..', 'docs', '4-operate');
const mark = '<!-- made by bench/page.ts from a results file -->';
const endMark = '<!-- end of what bench/page.ts made -->';

/** The page with `made` between its marks. @throws when it has none */
function filled(page: string, path: string, made: string): string {
  const from = page.indexOf(mark);
  const to = page.indexOf(endMark);
  if (from < 0 || to < from) throw new Error(`${path} has no "${mark}" with an end`);
  return `${page.slice(0, from)}${mark}\n\n${made.trim()}\n\n${page.slice(to)}`;
}

function fill(name: string, made: string): void {
  const path = join(folder, name);
  writeFileSync(path, filled(readFileSync(path, 'utf8'), path, made));
  process.stdout.write(`${path}\n`);
}

function keep(name: string, results: unknown): void {
  writeFileSync(join(folder, name), `${JSON.stringify(results)}\n`);
}

const [resultsPath, microPath] = process.argv.slice(2);
if (resultsPath === undefined || !existsSync(resultsPath)) {
  process.stderr.write('usage: node bench/page.ts results.json [micro.json]\n');
  process.exitCode = 2;
} else {
  const results = report.parse(JSON.parse(readFileSync(resultsPath, 'utf8')));
  const links = linksText(results);
  if (links !== null) {
    fill('links.md', links);
    keep('links.json', { ...results, suites: { link: results.suites.link } });
  }
  if (Object.keys(results.suites).join() !== 'link') {
    const micro = microPath === undefined ? null : microReport.parse(JSON.parse(readFileSync(microPath, 'utf8')));
    const { text, charts } = figuresText(results, micro);
    const chartFolder = join(folder, 'charts');
    rmSync(chartFolder, { recursive: true, force: true });
    mkdirSync(chartFolder, { recursive: true });
    for (const { file, svg } of charts) writeFileSync(join(chartFolder, file), svg);
    fill('benchmark.md', text);
    fill('capacity.md', capacityText(results));
    keep('benchmark.json', results);
  }
}
