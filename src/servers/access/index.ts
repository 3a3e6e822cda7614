import { defineServer } from '../../core/server.ts';
import { AccessServer } from './access-server.ts';
import { AddressRules } from './address-rules.ts';
import { accessSection } from './config.ts';

export { AccessServer } from './access-server.ts';

/** The line of the list: who may publish and play, by address. */
export const access = defineServer({
  name: 'access',
  sections: { access: accessSection },
  create: (context, config) => {
    const rules = new AddressRules(config.access ?? accessSection.parse({}));
    return rules.isEmpty ? null : new AccessServer(context, rules);
  },
});
