import { defineServer } from '../../core/server.ts';
import { doctorSection } from './config.ts';
import { DoctorServer } from './doctor-server.ts';

export { DoctorServer } from './doctor-server.ts';

/** The line of the list: advice about streams that come in. */
export const doctor = defineServer({
  name: 'doctor',
  sections: { doctor: doctorSection },
  effects: { doctor: 'now' },
  create: (context, config) => new DoctorServer(context, config.doctor!),
});
