import { type ConfigInput, resolveConfig, type Sections } from './config-schema.ts';

/**
 * The configuration that a first start writes: every section with its defaults, all four doors open. JSON has no room for
 * comments; `schemaPath`, when given, becomes `$schema`, by which editors show what each key means.
 */
export function sampleConfig(sections: Sections, schemaPath?: string): ConfigInput {
  const resolved = resolveConfig({ workers: 'auto' }, sections);
  return schemaPath === undefined ? resolved : { $schema: schemaPath, ...resolved };
}
