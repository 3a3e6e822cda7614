export { InnerServer, type InnerServerOptions } from './inner-server.ts';
export { createInnerSource, InnerSource, type InnerSourceOptions } from './inner-source.ts';
