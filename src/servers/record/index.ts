import { defineServer } from '../../core/server.ts';
import { RecordServer } from './record-server.ts';

/** Writes streams to FLV files: all of them with `record.auto`, others when the API asks. */
export const record = defineServer({
  name: 'record',
  sections: {},
  create: (context) => new RecordServer(context),
});
