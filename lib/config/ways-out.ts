// Ways out compared with each other: every tag that is named is there, none leads through itself, nothing that leaves from
// this machine stands behind a proxy, every group has one list, and rotation goes with what sticks.
import { accessSync, constants } from 'node:fs';
import type { GroupConfig, PartConfig, UpstreamConfig } from './config.ts';
import type { SourceConfig } from './config-exits.ts';
import type { Finding, Path } from './problem.ts';
import type { Sections } from './schema.ts';
import { didYouMean } from './suggestion.ts';

export function wrong(path: Path, message: string): Finding {
	return { path, at: 'value', message };
}

export function* unknownWord(path: Path, word: string, known: readonly string[]): Iterable<Finding> {
	if (known.includes(word)) return;
	const list = [...new Set(known)].map((one) => JSON.stringify(one)).join(', ');
	yield wrong(path, `expected one of ${list}, found ${JSON.stringify(word.slice(0, 80))}${didYouMean(word, known)}`);
}

/** Where a tag of a way out may stand, `direct` and `block` included. */
export function unknownTag(path: Path, tag: string, ways: readonly { readonly tag: string }[]): Iterable<Finding> {
	return unknownWord(path, tag, ['direct', 'block', ...ways.map((way) => way.tag)]);
}

type Parts = readonly PartConfig[];

/** A chain, wherever it was written, and the tag of what it is a part of. */
interface Written {
	readonly owner: string;
	readonly path: Path;
	readonly parts: Parts;
}

/** Everything wrong with upstreams, groups and the default route. */
export function* waysOut({ upstream, group, source, route }: Partial<Sections>): Iterable<Finding> {
	if (!upstream || !group || !source) return;
	const ways = [...upstream, ...group, ...source];
	const written = [...upstream.map(ofUpstream), ...group.flatMap(ofGroup)];
	const map = new WayMap(written, source);
	for (const each of written) yield* partsOf(each, ways, map);
	for (const [i, each] of group.entries()) yield* groupOf(each, ['group', i], ways);
	if (route) yield* unknownTag(['route'], route, ways);
}

function ofUpstream({ tag, hops }: UpstreamConfig, i: number): Written {
	return { owner: tag, path: ['upstream', i], parts: hops };
}

function ofGroup({ tag, source }: GroupConfig, i: number): Written[] {
	if (source.kind !== 'members') return [];
	return source.members.map(({ hops }, j) => ({ owner: tag, path: ['group', i, 'members', j], parts: hops }));
}

/** Which tags lead through which. */
class WayMap {
	readonly #chains: Map<string, Parts[]> = new Map();
	/** Those that leave from this machine. */
	readonly #bare: ReadonlySet<string>;

	constructor(written: readonly Written[], sources: readonly SourceConfig[]) {
		this.#bare = new Set(['direct', ...sources.map(({ tag }) => tag)]);
		for (const { owner, parts } of written) this.#chains.set(owner, [...(this.#chains.get(owner) ?? []), parts]);
	}

	/** Whether `from` is `to`, or leads through it. */
	leads(from: string, to: string, seen: Set<string> = new Set()): boolean {
		if (from === to) return true;
		if (seen.has(from)) return false;
		seen.add(from);
		const parts = (this.#chains.get(from) ?? []).flat();
		return parts.some((part) => part.type === 'tag' && this.leads(part.tag, to, seen));
	}

	/** Whether something of it is dialled from this machine without a proxy. */
	isBare(tag: string, seen: Set<string> = new Set()): boolean {
		if (this.#bare.has(tag)) return true;
		if (seen.has(tag)) return false;
		seen.add(tag);
		return (this.#chains.get(tag) ?? []).some(([first]) => first?.type === 'tag' && this.isBare(first.tag, seen));
	}
}

function* partsOf(
	{ owner, path, parts }: Written,
	ways: readonly { readonly tag: string }[],
	map: WayMap,
): Iterable<Finding> {
	const known = ['direct', ...ways.map(({ tag }) => tag)];
	for (const [i, part] of parts.entries()) {
		if (part.type !== 'tag') continue;
		if (!known.includes(part.tag)) yield* unknownWord(path, part.tag, known);
		else if (map.leads(part.tag, owner)) yield wrong(path, `expected no way through itself, found ${quoted(part)}`);
		else if (i > 0 && map.isBare(part.tag))
			yield wrong(path, `expected proxies alone behind the first hop, found ${quoted(part)}, which leaves from here`);
	}
}

function quoted({ tag }: { readonly tag: string }): string {
	return JSON.stringify(tag);
}

function* groupOf(group: GroupConfig, path: Path, ways: readonly { readonly tag: string }[]): Iterable<Finding> {
	const { source, sticky, rotate, tag } = group;
	if (source.kind === 'file') yield* unreadable([...path, 'file'], source.path);
	if (source.kind === 'url') {
		yield* unknownTag([...path, 'through'], source.through, ways);
		if (source.through === tag) yield wrong([...path, 'through'], 'expected another way out, found this group');
	}
	if (sticky !== 'none' && typeof rotate === 'string')
		yield wrong(
			[...path, 'rotate'],
			'expected "failure", "100 uses" or a duration where something sticks, found another',
		);
}

/** A file that is named and cannot be read. */
export function* unreadable(path: Path, file: string): Iterable<Finding> {
	try {
		accessSync(file, constants.R_OK);
	} catch (error) {
		const code = (error as NodeJS.ErrnoException).code ?? 'error';
		yield wrong(path, `expected a readable file, found ${JSON.stringify(file)} (${code})`);
	}
}
