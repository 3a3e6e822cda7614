export { ClusterServer, type ClusterOptions } from './cluster-server.ts';
export { encodeError } from './error-data.ts';
export type { StartMessage, ToPrimary, ToWorker } from './messages.ts';
export { WorkerHouse, type WorkerParts } from './worker-house.ts';
