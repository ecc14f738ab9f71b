// What a judge says: for each proxy its grade, what is found put together by kind, and what could not be judged. As text for
// people and as JSON.
import { type Finding, GRADES, type Grade, gradeOf, meets } from '../../lib/judge/grade.ts';
import { table } from '../table.ts';
import type { Found, Refused, WayResult } from './trial.ts';

/** The same thing, found again and again. */
export interface Leak extends Finding {
	/** How often. */
	readonly count: number;
	readonly ways: readonly string[];
	/** Where first. */
	readonly probe: string;
}

export interface WayVerdict {
	readonly way: string;
	readonly grade: Grade | null;
	readonly reason: string | null;
	readonly probes: number;
	readonly refused: readonly Refused[];
}

export interface Verdict {
	/** Its URL, or what the judge has started. */
	readonly proxy: string;
	/** Null: no way could be judged. */
	readonly grade: Grade | null;
	readonly ways: readonly WayVerdict[];
	/** The worst first. */
	readonly leaks: readonly Leak[];
	/** Who asked the judge's DNS server; null: there was none to ask. */
	readonly askedBy: readonly string[] | null;
	readonly notes: readonly string[];
}

/** Puts together what the trials of one proxy have found. `more`: what was found beside them. */
export function verdictOf(
	proxy: string,
	results: readonly WayResult[],
	more: readonly Found[],
	rest: Pick<Verdict, 'askedBy' | 'notes'> & { readonly secrets: readonly string[] },
): Verdict {
	const { askedBy, notes, secrets } = rest;
	const found = [...results.flatMap(({ findings }) => findings), ...more].map((one) => masked(one, secrets));
	const judged = results.some(({ grade }) => grade !== null);
	const ways = results.map(({ way, grade, reason, probes, refused }) => ({ way, grade, reason, probes, refused }));
	return { proxy, grade: judged ? gradeOf(found) : null, ways, leaks: leaksOf(found), askedBy, notes };
}

/** A proxy that passes its own credentials on is shown doing it, not with them. */
function masked(found: Found, secrets: readonly string[]): Found {
	const mask = (text: string | null): string | null =>
		text === null ? null : secrets.reduce((masked, secret) => masked.replaceAll(secret, '***'), text);
	return { ...found, direct: mask(found.direct), through: mask(found.through) };
}

function leaksOf(found: readonly Found[]): Leak[] {
	const kinds = new Map<string, Found[]>();
	for (const one of found) {
		const key = `${one.allows} ${one.place} ${one.what} ${(one.field ?? '').toLowerCase()}`;
		kinds.set(key, [...(kinds.get(key) ?? []), one]);
	}
	return [...kinds.values()]
		.map((all) => ({ ...(all[0] as Found), count: all.length, ways: [...new Set(all.map(({ way }) => way))] }))
		.toSorted((a, b) => GRADES.indexOf(a.allows) - GRADES.indexOf(b.allows));
}

/** The worst grade of all, null when something could not be judged at all. */
export function overall(verdicts: readonly Verdict[]): Grade | null {
	const grades = verdicts.map(({ grade }) => grade);
	if (grades.some((grade) => grade === null)) return null;
	return GRADES[Math.min(...grades.map((grade) => GRADES.indexOf(grade as Grade)))] ?? null;
}

/** One line of JSON. */
export function jsonOf(verdicts: readonly Verdict[], expected: Grade): string {
	const grade = overall(verdicts);
	return JSON.stringify({ grade, expected, ok: grade !== null && meets(grade, expected), proxies: verdicts });
}

/** For people. */
export function linesOf({ proxy, grade, ways, leaks, askedBy, notes }: Verdict): string[] {
	const rows = ways.map((way) => [way.way, way.probes, way.grade ?? `not judged: ${harmless(way.reason ?? '')}`]);
	const refused = ways.flatMap(({ way, refused }) =>
		refused.map(({ probe, why }) => `  ${way}, ${probe}: ${harmless(why)}`),
	);
	return [
		proxy,
		'',
		...table(['way', 'compared', 'grade'], rows),
		'',
		...groupsOf(leaks).flatMap(leakLines),
		...(refused.length === 0 ? [] : ['not carried', ...refused, '']),
		...(askedBy === null ? [] : [`names were asked for by ${askedBy.length === 0 ? 'nobody' : askedBy.join(', ')}`]),
		...notes,
		`grade: ${grade ?? 'none'}`,
	];
}

/** What a proxy says does nothing to a terminal. */
function harmless(text: string): string {
	return text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '?');
}

/** The same thing of many fields is read once. */
function groupsOf(leaks: readonly Leak[]): Leak[][] {
	const groups = new Map<string, Leak[]>();
	for (const leak of leaks) {
		const key = `${leak.allows} ${leak.place} ${leak.what}`;
		groups.set(key, [...(groups.get(key) ?? []), leak]);
	}
	return [...groups.values()];
}

function leakLines(group: readonly Leak[]): string[] {
	const [leak] = group as [Leak];
	const { place, what, field, allows, offset, direct, through, count, ways, probe } = leak;
	const subject = group.length > 1 ? `: ${group.length} fields` : field === null ? '' : `: ${harmless(field)}`;
	const names = group.length > 1 ? wrapped(group.map((one) => harmless(one.field ?? ''))) : [];
	const where = offset === null ? '' : `, byte ${offset}`;
	return [
		`${allows} at best, ${place}: ${what}${subject}`,
		...names,
		`  ${count === 1 ? 'once' : `${count} times`}, ${ways.join('; ')}: first in "${probe}"${where}`,
		...(direct === null && through === null ? [] : [`  direct   ${shown(direct)}`, `  through  ${shown(through)}`]),
		'',
	];
}

/** Names in lines that fit a terminal. */
function wrapped(names: readonly string[]): string[] {
	const lines: string[] = [];
	let line = ' ';
	for (const name of names) {
		if (line.length + name.length > WIDTH) lines.push(line);
		line = line.length + name.length > WIDTH ? `  ${name}` : `${line} ${name}`;
	}
	return [...lines, line];
}

const WIDTH = 110;

/** Bytes that can be read on a terminal, and do nothing to it. */
function shown(text: string | null): string {
	if (text === null) return 'nothing';
	const plain = JSON.stringify(text.slice(0, 160));
	return plain.replace(/[\u007f-\u00ff]/g, (byte) => `\\x${byte.charCodeAt(0).toString(16)}`);
}
