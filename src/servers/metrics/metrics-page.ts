import { Counter, Gauge, type Metric as LibraryMetric, Registry } from '@prometheus-io/client';
import { listMetrics, type Metric } from '../../core/metric-table.ts';
import type { Distribution, Sample } from './samples.ts';

/** What a page is filled with. */
export interface PageValues {
  readonly samples: Iterable<Sample>;
  readonly distributions: Iterable<Distribution>;
}

type Instrument = Counter<string> | Gauge<string>;

const MILLIS_PER_SECOND = 1000;

/** Help is written for the reference; here it is plain. */
function plain(help: string): string {
  return help.replaceAll('`', '').replace(/\[([^\]]*)\]\([^)]*\)/g, '$1');
}

/** A histogram of the library observes single values; ours were counted before, so this one says what they came to. */
class CountedHistogram {
  readonly name: string;
  readonly help: string;
  readonly #rows: object[] = [];

  constructor({ name, help }: Metric) {
    this.name = name;
    this.help = plain(help);
  }

  set({ labels, buckets: { bounds, counts, sum } }: Distribution): void {
    let count = 0;
    for (const [index, inBucket] of counts.entries()) {
      count += inBucket;
      const bound = bounds[index];
      const le = bound === undefined ? '+Inf' : String(bound / MILLIS_PER_SECOND);
      this.#rows.push({ metricName: `${this.name}_bucket`, labels: { ...labels, le }, value: count });
    }
    this.#rows.push({ metricName: `${this.name}_sum`, labels, value: sum / MILLIS_PER_SECOND });
    this.#rows.push({ metricName: `${this.name}_count`, labels, value: count });
  }

  async get() {
    return { name: this.name, help: this.help, type: 'histogram', values: this.#rows };
  }
}

/** Writes values in the text format of Prometheus, 0.0.4, by the table of metrics. Made for one answer. */
export class MetricsPage {
  static readonly contentType = Registry.PROMETHEUS_CONTENT_TYPE;
  readonly #registry = new Registry();
  readonly #instruments = new Map<string, Instrument>();
  readonly #histograms = new Map<string, CountedHistogram>();

  constructor() {
    for (const metric of listMetrics()) {
      const { name, help, type } = metric;
      if (type === 'histogram') {
        const histogram = new CountedHistogram(metric);
        this.#histograms.set(name, histogram);
        this.#registry.registerMetric(histogram as unknown as LibraryMetric<string>);
        continue;
      }
      const options = { name, help: plain(help), labelNames: Object.keys(metric.labels), registers: [this.#registry] };
      this.#instruments.set(name, type === 'counter' ? new Counter(options) : new Gauge(options));
    }
  }

  /** @throws RangeError for a value of a metric that the table does not have */
  write({ samples, distributions }: PageValues): Promise<string> {
    for (const { name, labels, value } of samples) {
      const instrument = this.#instruments.get(name);
      if (instrument === undefined) throw new RangeError(`${name} is not in the table of metrics`);
      instrument.inc(labels, value);
    }
    for (const distribution of distributions) {
      const histogram = this.#histograms.get(distribution.name);
      if (histogram === undefined) throw new RangeError(`${distribution.name} is not in the table of metrics`);
      histogram.set(distribution);
    }
    return this.#registry.metrics();
  }
}
