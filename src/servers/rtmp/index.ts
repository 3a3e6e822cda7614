import { defineServer } from '../../core/server.ts';
import { rtmpSection, rtmpsSection } from './config.ts';
import { RtmpServer } from './rtmp-server.ts';

/** RTMP and RTMPS: publish and play. */
export const rtmp = defineServer({
  name: 'rtmp',
  sections: { rtmp: rtmpSection, rtmps: rtmpsSection },
  create: (context, config) => new RtmpServer(context, config),
});
