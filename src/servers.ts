import { access } from './servers/access/index.ts';
import { api } from './servers/api/index.ts';
import { ClusterServer } from './servers/cluster/index.ts';
import { credentials } from './servers/credentials/index.ts';
import { doctor } from './servers/doctor/index.ts';
import { flv } from './servers/flv/index.ts';
import { history } from './servers/history/index.ts';
import { createApplication, http } from './servers/http/index.ts';
import { createInnerSource } from './servers/inner/index.ts';
import { metrics } from './servers/metrics/index.ts';
import { notify } from './servers/notify/index.ts';
import { page } from './servers/page/index.ts';
import { record } from './servers/record/index.ts';
import { rtmp } from './servers/rtmp/index.ts';

/** Every part of the house, in the order in which they run; doors last, they open when the house is ready. */
export const servers = [
  access,
  credentials,
  notify,
  record,
  history,
  doctor,
  metrics,
  api,
  page,
  flv,
  rtmp,
  http,
] as const;

/** Those that run in every worker when there are several; all others run in the primary only. */
export const workerServers = [flv, rtmp, http] as const;

export { ClusterServer, createApplication, createInnerSource, credentials };
