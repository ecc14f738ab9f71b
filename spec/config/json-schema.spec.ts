import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { parse } from 'smol-toml';
import type { ConfigInput } from '../../lib/config/config.ts';
import { defaultInput, type JsonSchema, jsonSchema, schemaAt } from '../../lib/config/json-schema.ts';
import type { Path } from '../../lib/config/problem.ts';
import { resolveConfig } from '../../lib/config/resolve.ts';

const EXAMPLE = readFileSync(join(import.meta.dirname, '../../conf/bauta.toml'), 'utf8');

const keysOf = (path: Path): [string, JsonSchema][] => Object.entries(schemaAt(path)?.properties ?? {});

/** Every table that a file may have, the whole first; an index stands for each item of a list. */
function tables(base: Path = []): Path[] {
	const inner = keysOf(base).flatMap(([key, node]) => {
		if (node.properties) return tables([...base, key]);
		return schemaAt([...base, key, 0])?.properties ? tables([...base, key, 0]) : [];
	});
	return [base, ...inner];
}

test('is JSON Schema of 2020-12, strict everywhere, with a reason for each key', (t) => {
	const schema = jsonSchema();
	t.is(schema.$schema, 'https://json-schema.org/draft/2020-12/schema');
	t.true(tables().length >= 14);
	for (const path of tables()) {
		t.is(schemaAt(path)?.additionalProperties, false, path.join('.'));
		for (const [key, node] of keysOf(path)) t.true((node.description?.length ?? 0) > 10, [...path, key].join('.'));
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
	const { rule, group, source, list, ...defaults } = defaultInput();
	t.deepEqual([rule, group, source, list], [[], [], [], []]);
	t.deepEqual(parse(EXAMPLE), JSON.parse(JSON.stringify(defaults)));
	t.deepEqual(Object.keys(parse(EXAMPLE)).toSorted(), Object.keys(defaults).toSorted());
});

/** Of a list of tables, the lines that would make one, as they stand in the example behind `# `. */
function exampleOf(header: string): string {
	const lines = EXAMPLE.slice(EXAMPLE.indexOf(`# ${header}`)).split('\n');
	const end = lines.findIndex((line) => !line.startsWith('#'));
	return lines
		.slice(0, end < 0 ? undefined : end)
		.map((line) => line.replace(/^# /, ''))
		.join('\n');
}

test('conf/bauta.toml shows every key of a rule, a source and an exception, and each is one', (t) => {
	const text = exampleOf('[[rule]]');
	const [rule] = parse(text).rule as Record<string, unknown>[];
	for (const [key, node] of keysOf(['rule', 0])) if (key !== 'action') t.deepEqual(rule?.[key], node.default, key);
	t.is(rule?.action, 'deny');
	t.notThrows(() => resolveConfig(parse(text)));
	const source = parse(exampleOf('[[source]]')) as { source: object[] };
	for (const [key] of keysOf(['source', 0])) t.true(key in source.source[0]!, key);
	t.notThrows(() => resolveConfig(source as ConfigInput));
	const other = parse(exampleOf('[[limits.exception]]')) as { limits: { exception: Record<string, unknown>[] } };
	for (const [key] of keysOf(['limits', 'exception', 0])) t.true(key in other.limits.exception[0]!, key);
	t.notThrows(() => resolveConfig(other));
});

test('conf/bauta.toml shows every key of a group, and the group is one', (t) => {
	const text = exampleOf('[[group]]');
	const [shown] = parse(text).group as Record<string, unknown>[];
	const { tag: _tag, members: _members, ...rest } = JSON.parse(JSON.stringify(shown)) as Record<string, unknown>;
	const inner = (node: JsonSchema): unknown => (node.properties ? defaultInput(node) : node.default);
	const keys = keysOf(['group', 0]).filter(([key]) => key !== 'tag' && key !== 'members');
	t.deepEqual(rest, Object.fromEntries(keys.map(([key, node]) => [key, inner(node)])));
	t.notThrows(() => resolveConfig(parse(text)));
});

test('conf/bauta.toml shows every key of a list, and the list is one', (t) => {
	const text = exampleOf('[[list]]');
	const [shown] = parse(text).list as Record<string, unknown>[];
	const { tag: _tag, items: _items, ...rest } = JSON.parse(JSON.stringify(shown)) as Record<string, unknown>;
	const keys = keysOf(['list', 0]).filter(([key]) => key !== 'tag' && key !== 'items');
	t.deepEqual(rest, Object.fromEntries(keys.map(([key, node]) => [key, node.default])));
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
	for (const path of tables()) {
		const words = path.filter((part) => typeof part === 'string');
		const header = typeof path.at(-1) === 'number' ? `[[${words.join('.')}]]` : `[${words.join('.')}]`;
		const from = path.length === 0 ? -1 : lines.findIndex((line) => line.replace(/^# /, '') === header);
		// an item of `upstream` may be a table, but is shown as text
		if (words[0] === 'upstream') continue;
		for (const [key, node] of keysOf(path)) {
			const isList = path.length === 0 && ['rule', 'group', 'source', 'list'].includes(key);
			const plain = isList ? `[[${key}]]` : `${key} =`;
			const start = node.properties ? `[${[...words, key].join('.')}]` : plain;
			t.true(above(from, start).includes(node.description ?? '?'), [...words, key].join('.'));
		}
	}
});
