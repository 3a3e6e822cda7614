import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { barChart, lineChart } from '../../../bench/charts.ts';

const heights = (svg: string) =>
  [...svg.matchAll(/<rect x="[\d.]+" y="[\d.]+" width="[\d.]+" height="([\d.]+)" fill/g)]
    .map(([, height]) => Number(height))
    .filter((height) => height !== 10);

describe('charts of the bench', () => {
  test('bars are as high as their values, and what was not measured leaves a gap', () => {
    const series = [
      { name: 'a', values: [100, 50] },
      { name: 'b', values: [25, null] },
    ];
    const [first, second, third, ...more] = heights(barChart({ title: 'x', groups: ['p', 'q'], series }));
    assert.deepEqual(more, []);
    assert.equal(first, 216);
    assert.equal(second, 54);
    assert.equal(third, 108);
  });

  test('lines run from the left edge to the right one, zero at the bottom', () => {
    const values = [
      [0, 0],
      [10, 100],
    ] as const;
    const svg = lineChart({ title: 'x', xLabel: 's', series: [{ name: 'a', values }] });
    assert.match(svg, /<polyline points="64,260 704,44" /);
  });

  test('texts are escaped', () => {
    const svg = barChart({ title: 'a < b & "c"', groups: ['g'], series: [{ name: 's', values: [1] }] });
    assert.match(svg, />a &lt; b &amp; &quot;c&quot;</);
  });
});
