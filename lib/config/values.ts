// Text to value, one function for each kind of value that a configuration carries as text. None of them throws or
// repeats a secret: a refusal says what was expected and, where it is safe to say, what was found.
import { availableParallelism } from 'node:os';
import { formatIp, parseIp6, parseStrictIp4 } from '../core/ip.ts';
import type { PortChoice } from '../io/port-choice.ts';
import { type Prefix, parsePrefix } from '../policy/prefix.ts';
import type { AdminListen, AdvertisedConfig, ListenConfig } from './config.ts';

/** Why a text is no value: "expected ...", and what was found; without `found` the text itself is shown. */
export interface Refusal {
	readonly wrong: string;
	readonly found?: string;
}

/** A parser's answer; a refusal is told apart by its `wrong`. */
export type Parsed<T> = { readonly value: T } | Refusal;

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** The longest a timer of Node's can wait is 2^31 - 1 ms; above it, it fires at once. */
const LONGEST_MS: number = 24 * 86_400_000;

/** `30s`, `250ms`, `5m`, `1h`, `2d` in milliseconds, at most 24 days. */
export function parseDuration(text: string): Parsed<number> {
	const match = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text);
	if (!match) return { wrong: 'expected a duration such as "30s", "250ms", "5m" or "1h"' };
	const value = Number(match[1]) * (UNIT_MS[match[2] as string] as number);
	if (value === 0) return { wrong: 'expected a duration above zero' };
	return value > LONGEST_MS ? { wrong: 'expected a duration of 24 days at most' } : { value };
}

/** A duration, or `off` as 0. */
export function parseDurationOrOff(text: string): Parsed<number> {
	if (text === 'off') return { value: 0 };
	const parsed = parseDuration(text);
	return 'wrong' in parsed ? { wrong: parsed.wrong.replace('expected', 'expected "off" or') } : parsed;
}

const UNIT_BYTES: Readonly<Record<string, number>> = {
	B: 1,
	KB: 1e3,
	MB: 1e6,
	GB: 1e9,
	TB: 1e12,
	KiB: 2 ** 10,
	MiB: 2 ** 20,
	GiB: 2 ** 30,
	TiB: 2 ** 40,
};

/** `500KB`, `10MB`, `2GiB` in bytes, or `off` as 0. */
export function parseBytesOrOff(text: string): Parsed<number> {
	if (text === 'off') return { value: 0 };
	const match = /^(\d{1,6})([KMGT]i?B|B)$/.exec(text);
	const value = match ? Number(match[1]) * (UNIT_BYTES[match[2] as string] as number) : 0;
	return value > 0 ? { value } : { wrong: 'expected "off" or a number of bytes such as "500KB", "10MB" or "2GiB"' };
}

/** A port number in decimal, or null. */
export function parsePort(text: string): number | null {
	return /^\d{1,5}$/.test(text) && Number(text) <= 65_535 ? Number(text) : null;
}

const ADDRESS = 'expected an address with a port such as "127.0.0.1:1080", "[::1]:1080" or ":1080" for every address';

const DESCRIPTOR = 'expected "fd:" and the name of a socket: letters, digits, ".", "_" and "-", 64 at most';

/** `fd:NAME`, a socket that is handed over under that name, as FileDescriptorName= of systemd.socket(5) gives it. */
function parseDescriptor(text: string): Parsed<string> {
	const name = text.slice('fd:'.length);
	return /^[A-Za-z0-9._-]{1,64}$/.test(name) ? { value: name } : { wrong: DESCRIPTOR };
}

/**
 * A numeric address and a port; without an address it is every address of the machine. Or `fd:NAME`, a socket that is
 * handed over.
 */
export function parseListen(text: string): Parsed<Omit<ListenConfig, 'tag'>> {
	if (text.startsWith('fd:')) {
		const parsed = parseDescriptor(text);
		return 'wrong' in parsed ? parsed : { value: { host: null, port: 0, descriptor: parsed.value } };
	}
	const match = /^(?:\[([^\]]*)\]|([^:]*)):(\d{1,5})$/.exec(text);
	const port = match ? parsePort(match[3] as string) : null;
	if (!match || port === null) return { wrong: ADDRESS };
	if (match[2] === '') return { value: { host: null, port } };
	const ip = match[1] === undefined ? parseStrictIp4(match[2] as string) : parseIp6(match[1]);
	if (ip === null) return { wrong: ADDRESS };
	return { value: { host: formatIp(ip), port } };
}

const ADMIN =
	'expected an address with a port such as "127.0.0.1:9090", the absolute path of a socket, "fd:NAME", "off" or nothing';

/** What sockets are called in the file system has 107 bytes (unix(7)), some of which are ours while one is made. */
const MOST_PATH_BYTES = 96;

/** Where the admin listener is. */
export function parseAdminListen(text: string): Parsed<AdminListen> {
	if (text === '') return { value: { kind: 'default' } };
	if (text === 'off') return { value: { kind: 'off' } };
	if (text.startsWith('/')) {
		if (Buffer.byteLength(text) > MOST_PATH_BYTES || text.includes('\0'))
			return { wrong: `expected a path of ${MOST_PATH_BYTES} bytes at most`, found: 'a longer one' };
		return { value: { kind: 'unix', path: text } };
	}
	const parsed = parseListen(text);
	if ('wrong' in parsed) return text.startsWith('fd:') ? parsed : { wrong: ADMIN };
	const { host, port, descriptor } = parsed.value;
	return { value: descriptor === undefined ? { kind: 'tcp', host, port } : { kind: 'fd', name: descriptor } };
}

/** `192.0.2.1` or `[2001:db8::1]` without brackets, for every listener or, behind `listen-2=`, for one. */
export function parseAdvertised(text: string): Parsed<AdvertisedConfig> {
	const match = /^(?:([^=]+)=)?(.+)$/.exec(text);
	const ip = match ? (parseStrictIp4(match[2] as string) ?? parseIp6(match[2] as string)) : null;
	if (!match || ip === null) return { wrong: 'expected an address such as "192.0.2.1" or "listen-1=2001:db8::1"' };
	return { value: { inbound: match[1] ?? null, ip } };
}

/** `20000-20999` as its first and last port; nothing as null. */
export function parsePortChoice(text: string): Parsed<PortChoice> {
	if (text === '') return { value: null };
	const match = /^(\d{1,5})-(\d{1,5})$/.exec(text);
	const [first, last] = match ? [parsePort(match[1] as string), parsePort(match[2] as string)] : [null, null];
	if (first === null || last === null || first === 0 || first > last)
		return { wrong: 'expected a range of ports such as "20000-20999"' };
	return { value: [first, last] };
}

/** The address of a DNS server, with a port where it is not 53, as `Resolver.setServers` of node:dns takes it. */
export function parseServer(text: string): Parsed<string> {
	const bare = parseStrictIp4(text) ?? parseIp6(text);
	if (bare !== null) return { value: formatIp(bare) };
	const listen = parseListen(text);
	if (!('wrong' in listen) && listen.value.host !== null && listen.value.port > 0) return { value: text };
	return { wrong: 'expected the address of a DNS server such as "9.9.9.9", "127.0.0.1:5353" or "[2620:fe::fe]:53"' };
}

/** Addresses and prefixes to leave from, with commas between them. */
export function parseSources(text: string): Parsed<Prefix[]> {
	const prefixes: Prefix[] = [];
	for (const item of text.split(',')) {
		const prefix = parsePrefix(item.trim());
		if (typeof prefix === 'string') return { wrong: prefix };
		prefixes.push(prefix);
	}
	return { value: prefixes };
}

/** The form of a word that names something of ours. */
export const TAG: RegExp = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** A word that names something of ours. */
export function parseTag(text: string): Parsed<string> {
	if (text === 'direct' || text === 'block')
		return { wrong: 'expected a tag of its own: "direct" and "block" are always there' };
	if (TAG.test(text)) return { value: text };
	return { wrong: 'expected a tag of letters, digits, ".", "_" and "-", 64 at most' };
}

/** More than any machine has use for: each takes 75 MB. */
export const MOST_WORKERS = 256;

/** How many processes serve: a number, or `auto` for one for each CPU that may be used. */
export function parseWorkers(text: string): Parsed<number> {
	if (text === 'auto') return { value: Math.min(MOST_WORKERS, availableParallelism()) };
	const count = /^\d{1,3}$/.test(text) ? Number(text) : 0;
	return count >= 1 && count <= MOST_WORKERS ? { value: count } : { wrong: `expected 1 to ${MOST_WORKERS}, or "auto"` };
}
