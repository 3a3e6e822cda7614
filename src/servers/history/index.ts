import { defineServer } from '../../core/server.ts';
import { HistoryServer } from './history-server.ts';

/** The line of the list: what was published and played, kept in the store. */
export const history = defineServer({
  name: 'history',
  sections: {},
  effects: { 'store.maxHistory': 'now', 'store.maxHistoryDays': 'now' },
  create: (context) => new HistoryServer(context),
});
