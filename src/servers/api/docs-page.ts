import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Router } from 'express';
import { docsHeaders } from './headers.ts';

const OWN = fileURLToPath(new URL('./files/', import.meta.url));
const FOREIGN = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));

/** What the page consists of, by its name below `/api/docs/`. */
const FILES: Readonly<Record<string, string>> = {
  '': resolve(OWN, 'docs.html'),
  'docs.js': resolve(OWN, 'docs.js'),
  'docs.css': resolve(OWN, 'docs.css'),
  'swagger-ui.css': join(FOREIGN, 'swagger-ui.css'),
  'swagger-ui-bundle.js': join(FOREIGN, 'swagger-ui-bundle.js'),
  'favicon.png': join(FOREIGN, 'favicon-32x32.png'),
};

/** The page about the API: everything on it comes from this server, and nothing of it is secret. */
export function createDocsPage(): Router {
  const router = Router({ strict: true });
  router.use(docsHeaders());
  for (const [name, path] of Object.entries(FILES)) {
    router.get(`/${name}`, (request, response) => {
      // What the page names is relative to its folder.
      if (name === '' && !request.originalUrl.replace(/[?#].*$/, '').endsWith('/')) {
        response.redirect(308, 'docs/');
        return;
      }
      response.set('Cache-Control', 'no-cache');
      response.sendFile(path, { dotfiles: 'allow' });
    });
  }
  return router;
}
