import assert from 'node:assert/strict';

export interface PrometheusSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface PrometheusFamily {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  readonly samples: PrometheusSample[];
}

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$)/;
const NUMBER = /^(?:[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?|\+Inf)$/i;

function readLabels(text: string, line: string): Record<string, string> {
  const labels: Record<string, string> = {};
  for (let rest = text; rest !== ''; ) {
    const found = LABEL.exec(rest);
    assert.ok(found, `labels of: ${line}`);
    const [whole, name = '', value = '', comma] = found;
    assert.equal(name in labels, false, `label twice: ${line}`);
    labels[name] = value.replaceAll('\\n', '\n').replaceAll('\\"', '"').replaceAll('\\\\', '\\');
    rest = rest.slice(whole.length);
    assert.ok(comma !== ',' || rest !== '', `comma at the end: ${line}`);
  }
  return labels;
}

function isOf(family: PrometheusFamily, name: string): boolean {
  if (family.type !== 'histogram') return name === family.name;
  return ['_bucket', '_sum', '_count'].some((end) => name === family.name + end);
}

/** Reads the text format 0.0.4 and refuses whatever Prometheus or `promtool check metrics` would object to. */
export function readPrometheus(text: string): Map<string, PrometheusFamily> {
  assert.ok(text.endsWith('\n'), 'a line feed at the end');
  const families = new Map<string, PrometheusFamily>();
  const series = new Set<string>();
  let help: { name: string; text: string } | null = null;
  let family: PrometheusFamily | null = null;
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const comment = new RegExp(`^# (HELP|TYPE) (${NAME}) (.*)$`).exec(line);
    if (comment !== null) {
      const [, kind, name = '', rest = ''] = comment;
      if (kind === 'HELP') {
        assert.equal(families.has(name), false, `HELP twice: ${name}`);
        assert.notEqual(rest, '', `no help: ${name}`);
        help = { name, text: rest };
        continue;
      }
      assert.equal(help?.name, name, `TYPE without its HELP: ${name}`);
      assert.match(rest, /^(counter|gauge|histogram)$/, name);
      family = { name, type: rest, help: help?.text ?? '', samples: [] };
      families.set(name, family);
      help = null;
      continue;
    }
    const sample = new RegExp(`^(${NAME})(?:\\{(.*)\\})? (\\S+)$`).exec(line);
    assert.ok(sample, `not a sample: ${line}`);
    const [, name = '', labels = '', number = ''] = sample;
    assert.ok(family !== null && isOf(family, name), `not of the family before it: ${line}`);
    assert.match(number, NUMBER, line);
    const id = `${name}{${labels}}`;
    assert.equal(series.has(id), false, `twice: ${id}`);
    series.add(id);
    const value = number === '+Inf' ? Number.POSITIVE_INFINITY : Number(number);
    family.samples.push({ name, labels: readLabels(labels, line), value });
  }
  for (const one of families.values()) checkFamily(one);
  return families;
}

function checkFamily({ name, type, samples }: PrometheusFamily): void {
  assert.equal(name.endsWith('_total'), type === 'counter', `${name} is a ${type}`);
  assert.doesNotMatch(name, /_(?:count|sum|bucket|info_total)$/);
  for (const { value } of samples) if (type !== 'gauge') assert.ok(value >= 0, `${name} is ${value}`);
  if (type !== 'histogram') return;
  const of = (sample: PrometheusSample) => {
    const { le: _le, ...labels } = sample.labels;
    return JSON.stringify(labels);
  };
  for (const [key, group] of Object.entries(Object.groupBy(samples, of))) {
    const buckets = group!.filter((sample) => sample.name === `${name}_bucket`);
    const ends = buckets.map(({ labels }) => (labels['le'] === '+Inf' ? Infinity : Number(labels['le'])));
    assert.deepEqual(
      ends,
      [...ends].sort((a, b) => a - b),
      `${name}${key}: ends rise`,
    );
    assert.equal(ends.at(-1), Infinity, `${name}${key}: +Inf`);
    const counts = buckets.map(({ value }) => value);
    assert.deepEqual(
      counts,
      [...counts].sort((a, b) => a - b),
      `${name}${key}: buckets are added up`,
    );
    assert.equal(
      group!.find((sample) => sample.name === `${name}_count`)?.value,
      counts.at(-1),
      `${name}${key}: count`,
    );
    assert.ok(
      group!.some((sample) => sample.name === `${name}_sum`),
      `${name}${key}: sum`,
    );
  }
}

/** The value of one series; the sum of all that have these labels. */
export function valueOf(
  families: ReadonlyMap<string, PrometheusFamily>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number {
  const samples = [...families.values()].flatMap((family) => family.samples.filter((sample) => sample.name === name));
  assert.ok(samples.length > 0, `no series of ${name}`);
  return samples
    .filter((sample) => Object.entries(labels).every(([label, value]) => sample.labels[label] === value))
    .reduce((sum, { value }) => sum + value, 0);
}

/** Fails when anything that only grows has shrunk from one scrape to the next, or is gone. */
export function assertGrown(
  before: ReadonlyMap<string, PrometheusFamily>,
  after: ReadonlyMap<string, PrometheusFamily>,
): void {
  for (const { name, type, samples } of before.values()) {
    if (type === 'gauge') continue;
    for (const sample of samples) {
      const now = after.get(name)?.samples.find((other) => {
        return other.name === sample.name && JSON.stringify(other.labels) === JSON.stringify(sample.labels);
      });
      assert.ok(now, `${sample.name} ${JSON.stringify(sample.labels)} is gone`);
      assert.ok(now.value >= sample.value, `${sample.name} fell from ${sample.value} to ${now.value}`);
    }
  }
}
