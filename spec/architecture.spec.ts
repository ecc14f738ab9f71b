// The shape of the source, checked: floors, folders without cycles, sockets opened in io/ only, files a person can read at
// one sitting. lib/README.md is the text to this.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import test from 'ava';

const ROOT = join(import.meta.dirname, '..');

interface Place {
	readonly floor: number;
	/** A folder, or the files that share a row of the table. */
	readonly room: string;
}

/** Where each folder and top file is, by the table of floors in lib/README.md: `| 2 | `io/`, `limits/` | ... |`. */
const PLACES: ReadonlyMap<string, Place> = placesOf(readFileSync(join(ROOT, 'lib/README.md'), 'utf8'));

function placesOf(readme: string): Map<string, Place> {
	const rows = [...readme.matchAll(/^\| (\d) \| ([^|]*) \|/gm)];
	const places = rows.flatMap(([, floor, names]) =>
		[...names!.matchAll(/`([a-z]+)(\/|\.ts)`/g)].map(([, name, kind]) => {
			const room = kind === '/' ? name! : `files of floor ${floor}`;
			return [name!, { floor: Number(floor), room }] as const;
		}),
	);
	return new Map(places);
}

/** The one way between two rooms of a floor: anonymity works on heads that the HTTP parser has read. */
const SAME_FLOOR = { from: 'anonymity', to: /^lib\/protocol\/http1-[a-z]+\.ts$/ };

const NETWORK = /^node:(net|tls|dgram|dns|dns\/promises|http|https|http2|quic|ffi)$/;
const NETWORK_ROOMS = ['io', 'bin'];
/** The admin API speaks HTTP as Node does; what it listens at is opened in io/. */
const HTTP_ROOM = 'admin';
const HANDLE_FILE = 'lib/io/link.ts';
const MOST_LINES = 400;

/** Path to text. */
type Sources = ReadonlyMap<string, string>;

function problemsOf(sources: Sources): string[] {
	const files = [...sources].flatMap(([path, text]) => [...importProblems(path, text), ...textProblems(path, text)]);
	return [...files, ...cyclesOf(sources).map((cycle) => `cycle of rooms: ${cycle}`)];
}

function importProblems(path: string, text: string): string[] {
	return importsOf(text)
		.map((specifier) => importProblem(path, specifier))
		.filter((problem) => problem !== null);
}

/** What is wrong with one import, or null. */
function importProblem(path: string, specifier: string): string | null {
	const room = roomOf(path);
	if (specifier === 'node:http' && room === HTTP_ROOM) return null;
	if (NETWORK.test(specifier)) return NETWORK_ROOMS.includes(room) ? null : `${path}: ${specifier} belongs into lib/io`;
	if (!specifier.startsWith('.')) return null;
	const to = normalize(join(dirname(path), specifier));
	const [from, target] = [placeOf(path), placeOf(to)];
	if (!from) return `${path}: no room of that name`;
	if (!target || !to.endsWith('.ts')) return `${path}: imports ${to}, which is in no room`;
	if (target.room === from.room || target.floor < from.floor) return null;
	if (from.room === SAME_FLOOR.from && SAME_FLOOR.to.test(to)) return null;
	return `${path}: imports ${to}, which is not on a lower floor`;
}

function textProblems(path: string, text: string): string[] {
	const problems: string[] = [];
	const lines = text.trimEnd().split('\n').length;
	if (lines > MOST_LINES) problems.push(`${path}: ${lines} lines, ${MOST_LINES} at most`);
	if (path !== HANDLE_FILE && /\._handle\b|\['_handle'\]/.test(text))
		problems.push(`${path}: _handle belongs into ${HANDLE_FILE}`);
	return problems;
}

function placeOf(path: string): Place | undefined {
	const [top = '', second = ''] = path.split('/');
	return PLACES.get(top === 'lib' ? second.replace(/\.ts$/, '') : top);
}

function roomOf(path: string): string {
	return placeOf(path)?.room ?? 'nowhere';
}

/** What a file names in `import ... from`, `export ... from`, `import '...'` and `import('...')`, types included. */
function importsOf(text: string): string[] {
	const matches = text.matchAll(
		/^\s*(?:import|export)\b[^'";]*?\bfrom '([^']+)'|^\s*import '([^']+)'|\bimport\(\s*'([^']+)'/gm,
	);
	return [...matches].map((match) => (match[1] ?? match[2] ?? match[3])!);
}

/** Every cycle among rooms, once, as `a > b > a`. */
function cyclesOf(sources: Sources): string[] {
	const graph = new Map<string, Set<string>>();
	for (const [path, text] of sources) {
		const edges = graph.get(roomOf(path)) ?? new Set();
		graph.set(roomOf(path), edges);
		for (const specifier of importsOf(text))
			if (specifier.startsWith('.')) edges.add(roomOf(join(dirname(path), specifier)));
		edges.delete(roomOf(path));
	}
	return [...graph.keys()].flatMap((room) => cyclesFrom(room, [room], graph));
}

/** Cycles whose first room in the alphabet is the one the trail began with. */
function cyclesFrom(room: string, trail: readonly string[], graph: ReadonlyMap<string, ReadonlySet<string>>): string[] {
	const first = trail[0]!;
	return [...(graph.get(room) ?? [])].flatMap((next) => {
		if (next === first) return [[...trail, next].join(' > ')];
		return next < first || trail.includes(next) ? [] : cyclesFrom(next, [...trail, next], graph);
	});
}

function readSources(): Sources {
	const paths = ['lib', 'bin'].flatMap((top) =>
		readdirSync(join(ROOT, top), { recursive: true, encoding: 'utf8' }).map((path) => `${top}/${path}`),
	);
	const code = paths.filter((path) => path.endsWith('.ts'));
	return new Map(code.map((path) => [path, readFileSync(join(ROOT, path), 'utf8')]));
}

/** Problems of a source of a single file. */
function problemsIn(path: string, text: string): string[] {
	return problemsOf(new Map([[path, text]]));
}

test('every file of lib and bin keeps to its floor, its room and its size', (t) => {
	const sources = readSources();
	t.deepEqual([PLACES.get('core')?.floor, PLACES.get('bin')?.floor], [0, 8], 'the table of floors was found');
	t.true(sources.has('lib/core/link.ts') && sources.has('lib/io/link.ts'), 'the sources were found');
	t.deepEqual(problemsOf(sources), []);
});

test('imports of every form are seen, and none in a comment', (t) => {
	const text = `import a from './a.ts';
import type { B } from './b.ts';
import {
	type C,
	c,
} from './c.ts';
import './d.ts';
export { e } from './e.ts';
export type { F } from './f.ts';
const g = await import('./g.ts');
let h: import('./h.ts').H;
// import i from './i.ts';
`;
	t.is(importsOf(text).join(), ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map((name) => `./${name}.ts`).join());
});

const BAD: readonly (readonly [what: string, path: string, text: string, problem: RegExp])[] = [
	['a higher floor', 'lib/core/a.ts', "import { b } from '../io/b.ts';", /not on a lower floor/],
	['a type of a higher floor', 'lib/core/a.ts', "import type { B } from '../io/b.ts';", /not on a lower floor/],
	['a lazy import of a higher floor', 'lib/io/a.ts', "const b = await import('../flow/b.ts');", /not on a lower floor/],
	['another room of the same floor', 'lib/io/a.ts', "import { b } from '../limits/b.ts';", /not on a lower floor/],
	[
		'protocol from anonymity, other files',
		'lib/anonymity/a.ts',
		"import { b } from '../protocol/socks5.ts';",
		/lower floor/,
	],
	['anonymity from protocol', 'lib/protocol/a.ts', "import { b } from '../anonymity/b.ts';", /not on a lower floor/],
	['the composition root', 'lib/flow/a.ts', "import { b } from '../gateway.ts';", /not on a lower floor/],
	[
		'the composition root from the list of kinds',
		'lib/registry.ts',
		"import { b } from './gateway.ts';",
		/lower floor/,
	],
	['the command line', 'lib/config/a.ts', "import { b } from '../../bin/bauta.ts';", /not on a lower floor/],
	['specs', 'lib/core/a.ts', "import { b } from '../../spec/helpers/b.ts';", /in no room/],
	['a room that is on no floor', 'lib/misc/a.ts', "import { b } from '../core/b.ts';", /no room of that name/],
	['a socket outside io', 'lib/outbound/a.ts', "import { connect } from 'node:net';", /belongs into lib\/io/],
	['a type of a socket outside io', 'lib/flow/a.ts', "import type { Socket } from 'node:net';", /belongs into lib\/io/],
	['a lookup outside io', 'lib/policy/a.ts', "import { Resolver } from 'node:dns/promises';", /belongs into lib\/io/],
	['a socket in admin', 'lib/admin/a.ts', "import { connect } from 'node:net';", /belongs into lib\/io/],
	["a socket's handle outside its file", 'lib/io/relay.ts', 'socket._handle.readStop();', /_handle belongs/],
	['a file that is too long', 'lib/io/a.ts', 'const a = 1;\n'.repeat(401), /401 lines/],
];

for (const [what, path, text, problem] of BAD) {
	test(`refuses ${what}`, (t) => {
		const problems = problemsIn(path, text);
		t.is(problems.length, 1);
		t.regex(problems[0]!, problem);
	});
}

test('permits the own room, lower floors, the one way from anonymity to HTTP heads, and sockets in io and bin', (t) => {
	const good: Sources = new Map([
		[
			'lib/io/a.ts',
			"import { b } from './b.ts';\nimport { c } from '../core/c.ts';\nimport { connect } from 'node:net';",
		],
		['lib/io/link.ts', 'socket._handle.readStop();'],
		['lib/anonymity/a.ts', "import { b } from '../protocol/http1-head.ts';"],
		['lib/index.ts', "import { b } from './gateway.ts';"],
		['lib/admin/a.ts', "import { createServer } from 'node:http';"],
		['bin/bauta.ts', "import { b } from '../lib/index.ts';\nimport { c } from 'node:net';"],
		['lib/io/long.ts', 'const a = 1;\n'.repeat(400)],
	]);
	t.deepEqual(problemsOf(good), []);
});

test('a cycle among rooms is named once, whatever the floors say', (t) => {
	const sources: Sources = new Map([
		['lib/anonymity/a.ts', "import { b } from '../protocol/http1-head.ts';"],
		['lib/protocol/http1-head.ts', "import { c } from '../policy/c.ts';"],
		['lib/policy/c.ts', "import { a } from '../anonymity/a.ts';"],
	]);
	t.deepEqual(cyclesOf(sources), ['anonymity > protocol > policy > anonymity']);
});
