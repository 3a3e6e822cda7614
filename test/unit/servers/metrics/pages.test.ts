import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, test } from 'node:test';
import { parse } from 'yaml';
import { resolveConfig } from '../../../../src/core/config-schema.ts';
import { NodeMediaServer } from '../../../../src/index.ts';
import { doctorSection } from '../../../../src/servers/doctor/config.ts';

const root = resolve(import.meta.dirname, '../../../..');
const read = (path: string) => readFileSync(resolve(root, path), 'utf8');
const blocks = (page: string, language: string) =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(([, text]) => text!);

describe('the pages about metrics and the doctor', () => {
  for (const path of ['docs/4-operate/metrics.md', 'docs/4-operate/ingest-doctor.md']) {
    test(`${path} shows a configuration that is one`, () => {
      const examples = blocks(read(path), 'json');
      assert.equal(examples.length, 1);
      const given = JSON.parse(`{${examples[0]}}`) as Record<string, object>;
      const resolved = resolveConfig(given, NodeMediaServer.sections);
      for (const [name, values] of Object.entries(given)) {
        assert.deepEqual({ ...(resolved[name] as object), ...values }, resolved[name]);
      }
    });
  }

  test('the configuration of Prometheus is that of the file beside the alerts', () => {
    const [shown] = blocks(read('docs/4-operate/metrics.md'), 'yaml');
    const { scrape_configs: jobs, rule_files: rules } = parse(read('assets/prometheus/prometheus.yml'));
    const { metrics_path: path, ...job } = jobs[0];
    assert.equal(path, '/metrics');
    assert.deepEqual(parse(shown!), { scrape_configs: [job], rule_files: rules });
  });

  test('the page of the doctor tells times and shares as they are', () => {
    const page = read('docs/4-operate/ingest-doctor.md');
    const { graceMs, raiseMs, clearMs } = doctorSection.parse(undefined);
    assert.match(page, new RegExp(`for \`raiseMs\` \\(${raiseMs / 1000} s\\)`));
    assert.match(page, new RegExp(`for \`clearMs\` \\(${clearMs / 1000} s\\)`));
    assert.match(page, new RegExp(`first ${graceMs / 1000} s \\(\`graceMs\`\\)`));
  });
});
