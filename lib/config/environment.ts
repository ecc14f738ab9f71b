// Configuration by environment variables: `BAUTA_` and the path of a key in capitals, `__` between its parts:
// BAUTA_LISTEN, BAUTA_LIMITS__CONNECTIONS_OPEN. A list is a list of TOML, or words with white space between them. An
// empty variable is one that is not set, as in a compose file or a unit that leaves it open.
import { parse } from 'smol-toml';
import { type JsonSchema, jsonSchema } from './json-schema.ts';
import type { Layer, Table } from './layers.ts';
import { type Path, type Problem, placeOf } from './problem.ts';
import { didYouMean } from './suggestion.ts';

/**
 * What Kubernetes and old Docker links put into the environment of every container beside a service called `bauta` or
 * `bauta-...`: not meant for us.
 */
const SERVICE_LINK: RegExp = /_SERVICE_(HOST|PORT(_\w+)?)$|_PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?$/;

const PREFIX = 'BAUTA_';

/** The variables as one layer; null when there are none. Names that are no key are problems. */
export function environmentLayer(env: Readonly<Record<string, string | undefined>>): {
	readonly layer: Layer | null;
	readonly problems: readonly Problem[];
} {
	const names = Object.keys(env).filter((name) => name.startsWith(PREFIX) && env[name] !== '');
	if (names.length === 0) return { layer: null, problems: [] };
	const known = variables(jsonSchema());
	const data: Table = {};
	const problems: Problem[] = [];
	for (const name of names) {
		const variable = known.get(name);
		if (variable) put(data, variable.path, readValue(env[name] as string, variable.schema));
		else if (!SERVICE_LINK.test(name)) problems.push(unknownName(name, known.keys()));
	}
	const place: Layer['place'] = (path) => placeOf(`environment ${nameOf(path.slice(0, depthOf(path)))}`);
	return { layer: { data, adds: false, place }, problems };
}

interface Variable {
	readonly path: readonly string[];
	readonly schema: JsonSchema;
}

function variables(schema: JsonSchema, base: readonly string[] = []): Map<string, Variable> {
	const found = new Map<string, Variable>();
	for (const [key, node] of Object.entries(schema.properties ?? {})) {
		const path = [...base, key];
		if (node.properties) for (const [name, variable] of variables(node, path)) found.set(name, variable);
		else found.set(nameOf(path), { path, schema: node });
	}
	return found;
}

function nameOf(path: Path): string {
	return PREFIX + path.join('__').toUpperCase();
}

/** How much of a path a variable names: the keys before the first index. */
function depthOf(path: Path): number {
	const index = path.findIndex((part) => typeof part === 'number');
	return index < 0 ? path.length : index;
}

function unknownName(name: string, known: Iterable<string>): Problem {
	const message = `expected BAUTA_ and a known key, found another${didYouMean(name, known)}`;
	return { ...placeOf(`environment ${name}`), path: '', message };
}

function put(data: Table, path: readonly string[], value: unknown): void {
	let table = data;
	for (const key of path.slice(0, -1)) {
		table[key] ??= {};
		table = table[key] as Table;
	}
	table[path.at(-1) as string] = value;
}

/** What does not fit the key's kind stays text, and is a problem later. */
function readValue(text: string, schema: JsonSchema): unknown {
	switch (schema.type) {
		case 'integer':
			return /^\d{1,15}$/.test(text) ? Number(text) : text;
		case 'boolean':
			return text === 'true' || text === 'false' ? text === 'true' : text;
		case 'array':
			return listOf(text) ?? text.split(/\s+/).filter(Boolean);
		default:
			return text;
	}
}

function listOf(text: string): unknown[] | null {
	if (!text.startsWith('[')) return null;
	try {
		const { list } = parse(`list = ${text}`);
		return Array.isArray(list) ? list : null;
	} catch {
		return null; // `[::1]:1080` is an address and no list
	}
}
