export { InnerServer, type InnerServerOptions } from './inner-server.ts';
export { InnerSource, type InnerSourceOptions } from './inner-source.ts';
