// The schema as JSON Schema (draft 2020-12), for editors, and as what error messages and environment variables look
// keys up in. Made when it is asked for: a gateway that starts well never needs it.
import { z } from 'zod';
import type { ConfigInput } from './config.ts';
import type { Path } from './problem.ts';
import { configSchema } from './schema.ts';

/** The part of JSON Schema that our schema uses. */
export interface JsonSchema {
	readonly type?: string;
	readonly description?: string;
	readonly default?: unknown;
	readonly properties?: Readonly<Record<string, JsonSchema>>;
	readonly items?: JsonSchema;
	readonly anyOf?: readonly JsonSchema[];
	readonly [keyword: string]: unknown;
}

/** The schema of a configuration file. */
export function jsonSchema(): JsonSchema {
	const schema = z.toJSONSchema(configSchema, { io: 'input', target: 'draft-2020-12' }) as JsonSchema;
	return { title: 'bauta', ...schema };
}

/** The schema of what stands at `path`, or null where nothing may stand. Of alternatives, the one with keys. */
export function schemaAt(path: Path, schema: JsonSchema = jsonSchema()): JsonSchema | null {
	let node: JsonSchema | undefined = schema;
	for (const part of path) {
		node = typeof part === 'number' ? node.items : node.properties?.[part];
		node = node?.anyOf?.find((choice) => choice.properties) ?? node;
		if (!node) return null;
	}
	return node;
}

/** Every key with its default, as a file would say it. */
export function defaultInput(schema: JsonSchema = jsonSchema()): ConfigInput {
	const entries = Object.entries(schema.properties as Record<string, JsonSchema>);
	return Object.fromEntries(entries.map(([key, node]) => [key, node.properties ? defaultInput(node) : node.default]));
}
