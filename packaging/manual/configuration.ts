// bauta.toml(5): the schema, key by key: what may stand there, what stands there by default and why.
import type { JsonSchema } from '../../lib/config/json-schema.ts';
import { bold, example, item, prose, section, subsection, text, title } from './roff.ts';

/** The page. */
export function configurationPage(schema: JsonSchema, version: string): string {
	const keys = Object.entries(schema.properties ?? {});
	const sections = keys.flatMap(([name, node]) => sectionsOf([name], node));
	return `${[
		title('bauta.toml', 5, version),
		section('NAME', 'bauta.toml \\- configuration of bauta'),
		section('DESCRIPTION', prose(DESCRIPTION), example(EXAMPLE)),
		section('KEYS', '.PP\nBefore the first section:', ...keys.filter(([, node]) => !isSection(node)).map(keyItem)),
		section('SECTIONS', ...sections),
		section(
			'FILES',
			item(bold('/etc/bauta/bauta.toml'), 'what the service reads'),
			item(bold('/etc/bauta/conf.d/*.toml'), 'read after it'),
		),
		section('SEE ALSO', '.BR bauta (1)'),
	].join('\n')}\n`;
}

const DESCRIPTION =
	'TOML. Every key may be left out: it then is what stands behind it here, for the reason below it. `bauta check` says everything that is wrong with a file, `bauta config print` what all files, the environment and flags come to. Times are written `"250ms"`, `"30s"`, `"5m"`, `"1h"`, `"1d"`, sizes `"500KB"`, `"2MiB"`. Files named `credential:NAME` are those that systemd brings by LoadCredential=.';

const EXAMPLE = `listen = [":1080"]
users.file = "users"

[exit]
ports = "default,22"

[limits]
bytes_per_day = "20GB"`;

function isSection(node: JsonSchema): boolean {
	return node.properties !== undefined || rowOf(node) !== null;
}

/** What each of several tables may have; null where there are none. */
function rowOf({ items }: JsonSchema): JsonSchema | null {
	if (!items) return null;
	const table = items.anyOf?.find((choice) => choice.properties) ?? items;
	return table.properties ? table : null;
}

function sectionsOf(path: readonly string[], node: JsonSchema): string[] {
	const row = rowOf(node);
	const table = row ?? node;
	if (!table.properties) return [];
	const name = path.join('.');
	const entries = Object.entries(table.properties);
	const below = entries.flatMap(([key, child]) => sectionsOf([...path, key], child));
	const head = row ? `[[${name}]]` : `[${name}]`;
	const told = subsection(
		head,
		prose(node.description ?? ''),
		...entries.filter(([, child]) => !isSection(child)).map(keyItem),
	);
	return [told, ...below];
}

function keyItem([key, node]: readonly [string, JsonSchema]): string {
	const byDefault = node.default === undefined ? '' : ` = ${text(valueText(node.default))}`;
	const choices = Array.isArray(node.enum) ? ` (${node.enum.map((word) => JSON.stringify(word)).join(', ')})` : '';
	return item(`${bold(key)}${byDefault}`, `${node.description ?? ''}${choices}`);
}

function valueText(value: unknown): string {
	return Array.isArray(value) ? `[${value.map(valueText).join(', ')}]` : JSON.stringify(value);
}
