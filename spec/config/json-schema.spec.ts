import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { parse } from 'smol-toml';
import { defaultInput, type JsonSchema, jsonSchema, schemaAt } from '../../lib/config/json-schema.ts';
import { resolveConfig } from '../../lib/config/resolve.ts';

const EXAMPLE = readFileSync(join(import.meta.dirname, '../../conf/bauta.toml'), 'utf8');

const keysOf = (path: string[]): [string, JsonSchema][] => Object.entries(schemaAt(path)?.properties ?? {});

test('is JSON Schema of 2020-12, strict everywhere, with a reason for each key', (t) => {
	const schema = jsonSchema();
	t.is(schema.$schema, 'https://json-schema.org/draft/2020-12/schema');
	const tables: string[][] = [[], ['rule', '*'], ['upstream', '*']];
	for (const [key, node] of keysOf([])) if (node.properties) tables.push([key]);
	t.is(tables.length, 10);
	for (const names of tables) {
		const path = names.map((name) => (name === '*' ? 0 : name));
		t.is(schemaAt(path)?.additionalProperties, false, names.join('.'));
		for (const [key, node] of Object.entries(schemaAt(path)?.properties ?? {})) {
			t.true((node.description?.length ?? 0) > 10, `${names.join('.')}.${key}`);
		}
	}
});

test('finds what may stand at a path', (t) => {
	t.is(schemaAt(['limits', 'burst'])?.type, 'integer');
	t.deepEqual(Object.keys(schemaAt(['upstream', 3])?.properties ?? {}), ['tag', 'via']);
	t.is(schemaAt(['limits', 'none']), null);
	t.is(schemaAt(['listen', 0, 'x']), null);
});

test('its defaults are the defaults', (t) => {
	t.deepEqual(JSON.stringify(resolveConfig(defaultInput())), JSON.stringify(resolveConfig({})));
});

test('conf/bauta.toml has every key with its default', (t) => {
	const { rule, ...defaults } = defaultInput();
	t.deepEqual(rule, []);
	t.deepEqual(parse(EXAMPLE), JSON.parse(JSON.stringify(defaults)));
	t.deepEqual(Object.keys(parse(EXAMPLE)).toSorted(), Object.keys(defaults).toSorted());
});

test('conf/bauta.toml shows every key of a rule, and the rule is one', (t) => {
	const lines = EXAMPLE.slice(EXAMPLE.indexOf('# [[rule]]')).split('\n');
	const text = lines.map((line) => line.replace(/^# /, '')).join('\n');
	const [rule] = parse(text).rule as Record<string, unknown>[];
	for (const [key, node] of Object.entries(schemaAt(['rule', 0])?.properties ?? {})) {
		if (key !== 'action') t.deepEqual(rule?.[key], node.default, key);
	}
	t.is(rule?.action, 'deny');
	t.notThrows(() => resolveConfig(parse(text)));
});

test('conf/bauta.toml says why above each key, in the words of the schema', (t) => {
	const lines = EXAMPLE.split('\n').map((line) => line.replace(/^# (?=[[#a-z_]+\]* ?=?)/, '# '));
	/** The comments right above the line that begins with `start`, behind the line `from`. */
	const above = (from: number, start: string): string => {
		const at = lines.findIndex((line, i) => i > from && line.replace(/^# /, '').startsWith(start));
		let first = at;
		while (lines[first - 1]?.startsWith('#')) first--;
		t.true(at > 0, start);
		return lines.slice(first, at).join('\n');
	};
	for (const [key, node] of keysOf([])) {
		if (!node.properties)
			t.true(above(0, key === 'rule' ? '[[rule]]' : `${key} =`).includes(node.description ?? '?'), key);
		else t.true(above(0, `[${key}]`).includes(node.description ?? '?'), key);
	}
	for (const [section, { properties }] of [...keysOf([]), ['[rule]', schemaAt(['rule', 0])] as [string, JsonSchema]]) {
		const from = lines.findIndex((line) => line.replace(/^# /, '') === `[${section}]`);
		for (const [key, node] of Object.entries(properties ?? {})) {
			t.true(above(from, `${key} =`).includes(node.description ?? '?'), `${section}.${key}`);
		}
	}
});
