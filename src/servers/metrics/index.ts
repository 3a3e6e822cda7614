import { defineServer } from '../../core/server.ts';
import { metricsSection } from './config.ts';
import { MetricsServer } from './metrics-server.ts';

export { MetricsServer } from './metrics-server.ts';

/** The line of the list: metrics, and whether the server is alive and ready. */
export const metrics = defineServer({
  name: 'metrics',
  sections: { metrics: metricsSection },
  effects: { metrics: 'now' },
  create: (context, config) => new MetricsServer(context, config.metrics!),
});
