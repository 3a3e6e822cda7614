/** One colour and name of a chart. */
export interface Series<Values> {
  readonly name: string;
  readonly values: Values;
}

const width = 720;
const height = 300;
const plot = { left: 64, top: 44, right: 16, bottom: 40 };
const colours = ['#2563eb', '#dc6803', '#16a34a', '#9333ea', '#64748b', '#be123c'];
const inner = { width: width - plot.left - plot.right, height: height - plot.top - plot.bottom };

/** Bars in groups; `null` leaves a gap. An SVG document. */
export function barChart(options: {
  readonly title: string;
  readonly groups: readonly string[];
  readonly series: readonly Series<readonly (number | null)[]>[];
}): string {
  const { groups, series } = options;
  const scale = axis(series.flatMap(({ values }) => values.filter((value) => value !== null)));
  const groupWidth = inner.width / groups.length;
  const barWidth = Math.min(56, (groupWidth * 0.8) / series.length);
  const bars = groups.flatMap((_, g) =>
    series.flatMap(({ values }, s) => {
      const value = values[g];
      if (value === null || value === undefined) return [];
      const x = plot.left + groupWidth * (g + 0.5) + barWidth * (s - series.length / 2);
      const y = scale.y(value);
      const size = `width="${round(barWidth - 3)}" height="${round(plot.top + inner.height - y)}"`;
      return [
        `<rect x="${round(x)}" y="${round(y)}" ${size} fill="${colour(s)}"/>`,
        text(x + barWidth / 2 - 1.5, y - 4, 'middle', short(value)),
      ];
    }),
  );
  const names = groups.map((name, g) => text(plot.left + groupWidth * (g + 0.5), height - 16, 'middle', name));
  return document(options.title, scale, series, [...bars, ...names]);
}

/** Lines over a numeric axis. An SVG document. */
export function lineChart(options: {
  readonly title: string;
  readonly xLabel: string;
  readonly series: readonly Series<readonly (readonly [x: number, y: number])[]>[];
}): string {
  const { series } = options;
  const points = series.flatMap(({ values }) => values);
  const scale = axis(points.map(([, y]) => y));
  const left = Math.min(...points.map(([x]) => x));
  const right = Math.max(...points.map(([x]) => x));
  const toX = (x: number) => plot.left + ((x - left) / Math.max(right - left, 1e-9)) * inner.width;
  const lines = series.map(({ values }, s) => {
    const path = values.map(([x, y]) => `${round(toX(x))},${round(scale.y(y))}`).join(' ');
    return `<polyline points="${path}" fill="none" stroke="${colour(s)}" stroke-width="2"/>`;
  });
  const marks = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const x = left + share * (right - left);
    return text(toX(x), height - 22, 'middle', short(x));
  });
  const label = text(plot.left + inner.width / 2, height - 6, 'middle', options.xLabel);
  return document(options.title, scale, series, [...lines, ...marks, label]);
}

interface Axis {
  readonly step: number;
  readonly top: number;
  y(value: number): number;
}

/** From 0 to a round number above all values. */
function axis(values: readonly number[]): Axis {
  const most = Math.max(...values, 1e-9);
  const magnitude = 10 ** Math.floor(Math.log10(most / 4));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * magnitude).find((size) => size * 4 >= most) ?? most / 4;
  const top = step * Math.ceil(most / step);
  return { step, top, y: (value) => plot.top + inner.height * (1 - value / top) };
}

function document(title: string, scale: Axis, series: readonly Series<unknown>[], content: readonly string[]): string {
  const lines: string[] = [];
  for (let value = 0; value <= scale.top * 1.0001; value += scale.step) {
    const y = round(scale.y(value));
    lines.push(`<line x1="${plot.left}" x2="${width - plot.right}" y1="${y}" y2="${y}" stroke="#e2e8f0"/>`);
    lines.push(text(plot.left - 8, scale.y(value) + 4, 'end', short(value)));
  }
  let x = plot.left;
  const legend = series.flatMap(({ name }, s) => {
    const at = x;
    x += 26 + name.length * 7;
    return [`<rect x="${at}" y="28" width="10" height="10" fill="${colour(s)}"/>`, text(at + 14, 37, 'start', name)];
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, sans-serif" font-size="12" fill="#334155" role="img" aria-label="${escaped(title)}">`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    `<text x="${plot.left}" y="18" font-size="14" font-weight="600" fill="#0f172a">${escaped(title)}</text>`,
    ...legend,
    ...lines,
    ...content,
    '</svg>',
    '',
  ].join('\n');
}

function text(x: number, y: number, anchor: 'start' | 'middle' | 'end', content: string): string {
  return `<text x="${round(x)}" y="${round(y)}" text-anchor="${anchor}">${escaped(content)}</text>`;
}

function colour(index: number): string {
  return colours[index % colours.length]!;
}

function short(value: number): string {
  return value >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

function escaped(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
