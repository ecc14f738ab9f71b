// What is read out of text that others write: names of users, hosts, members of lists, prefixes, ports, durations. Every reader
// gives a value or says no; a value that is written down is read as the same.
import { deepStrictEqual } from 'node:assert/strict';
import { isIPv4, isIPv6 } from 'node:net';
import { lineReader } from '../../../lib/config/member.ts';
import { chainText, parseChain } from '../../../lib/config/upstream.ts';
import { parseUser } from '../../../lib/config/users.ts';
import {
	parseAdminListen,
	parseAdvertised,
	parseBytesOrOff,
	parseDuration,
	parseListen,
	parsePortChoice,
	parseServer,
	parseSources,
} from '../../../lib/config/values.ts';
import { newFlow } from '../../../lib/core/flow.ts';
import { formatIp, parseIp } from '../../../lib/core/ip.ts';
import { type Target, targetOfHost } from '../../../lib/core/target.ts';
import { MAX_MEMBERS, readList } from '../../../lib/discovery/lines.ts';
import { parseHosts } from '../../../lib/io/hosts-file.ts';
import { parseNamePattern } from '../../../lib/policy/name-set.ts';
import { parsePasswordHash } from '../../../lib/policy/password-hash.ts';
import { parsePorts } from '../../../lib/policy/ports.ts';
import { parsePrefix } from '../../../lib/policy/prefix.ts';
import { readSession, type SessionWords } from '../../../lib/policy/session-grammar.ts';
import { SessionReader } from '../../../lib/policy/sessions.ts';
import { parseWeekTime } from '../../../lib/policy/times.ts';
import { isolationOf } from '../../../lib/policy/tor-isolation.ts';
import { pick } from '../dice.ts';
import type { Subject } from '../subject.ts';

const bytesOf = (text: string): Buffer => Buffer.from(text, 'latin1');

const TARGET = targetOfHost('example.com', 443) as Target;

const USERS = new Set(['alice', 'web-1', 'web', 'a-b-session', '-', '']);

const SESSION_OPTIONS = { separator: '-', ttlMs: 600_000, maxTtlMs: 86_400_000, sliding: false, strict: false };

/** The user name: what it asks for is read, written down in the order of the manual, and read again. */
const SESSION: Subject = {
	name: 'session',
	seeds: [
		'alice-session-abc123-ttl-10m-exit-de-strict',
		'alice+session=abc123+ttl=10m+exit=de',
		'web-1-sid-a-sesstime-5-sliding',
		'alice-country-us',
		'alice-session=a-soft-fixed',
		'a-b-session-session-1',
		'bob',
	].map(bytesOf),
	words: [
		'-',
		'+',
		'=',
		'--',
		'-session-',
		'-sid-',
		'-ttl-',
		'-exit-',
		'strict',
		'soft',
		'sliding',
		'fixed',
		'10m',
		'0',
		'\0',
		'\xff',
	],
	limitBytes: 1_024,
	start: () => ({
		try(bytes, roll) {
			const separator = pick(roll, ['-', '-', '+', '__', '.']);
			const isUser = roll(2) === 0 ? (name: string) => USERS.has(name) : null;
			const name = bytes.toString('latin1');
			const { user, words } = readSession(name, separator, isUser);
			if (!name.startsWith(user)) throw new Error('the user is not where the name begins');
			if (words === null && user !== name) throw new Error('a part of the name is lost');
			if (isUser && words !== null && !isUser(user)) throw new Error('a session of nobody');
			if (words === null || words === 'wrong') return `${words} ${user === name}`;
			const written = [user, ...wordsIn(words)].join(separator);
			if (written.length <= 510) deepStrictEqual(readSession(written, separator, isUser), { user, words });
			keepsToItself(name, words, user);
			return Object.entries(words)
				.map(([key, value]) => `${key} ${value === null}`)
				.join();
		},
	}),
};

function wordsIn({ session, ttlMs, exit, strict, sliding }: SessionWords): string[] {
	return [
		...(session === null ? [] : ['session', session]),
		...(ttlMs === null ? [] : ['ttl', ttlText(ttlMs)]),
		...(exit === null ? [] : ['exit', exit]),
		...(strict === null ? [] : [strict ? 'strict' : 'soft']),
		...(sliding === null ? [] : [sliding ? 'sliding' : 'fixed']),
	];
}

/** In the largest unit that it is a number of: a number has seven digits at most. */
function ttlText(ms: number): string {
	const [unit, unitMs] = UNITS.find(([, size]) => ms % size === 0) as readonly [string, number];
	return `${ms / unitMs}${unit}`;
}

const UNITS = [
	['d', 86_400_000],
	['h', 3_600_000],
	['m', 60_000],
	['s', 1_000],
] as const;

/** What goes to Tor for a session has nothing of who it is for, and is the same each time. */
function keepsToItself(name: string, words: SessionWords, user: string): void {
	const reader = new SessionReader(SESSION_OPTIONS, null);
	const session = reader.sessionOf(words, user, null);
	const flow = { ...newFlow(1, '', 'client-key', 0), user };
	const isolation = { by: ['client', 'user', 'session'], rotateMs: 0 } as const;
	const [one, two] = [0, 1].map((nowMs) => isolationOf(flow, TARGET, isolation, 'secret', nowMs, session.key));
	if (one !== two) throw new Error('a session has two circuits');
	if (!/^[0-9a-f]{32}$/.test(one as string)) throw new Error(`what Tor hears of ${name} is no hash`);
	const other = reader.sessionOf(words, `${user}x`, null);
	if (other.key !== null && other.key === session.key) throw new Error('two users have one session');
}

/** Hosts: any spelling has one canonical value, which is the value of itself. */
const HOST: Subject = {
	name: 'host',
	seeds: [
		'example.com',
		'EXAMPLE.com.',
		'127.0.0.1',
		'0x7f.1',
		'017700000001',
		'[::1]',
		'::ffff:10.0.0.1',
		'2001:db8:0:0:1::1',
		'64:ff9b::192.0.2.33',
		'xn--bcher-kva.example',
		'_sip._tcp.example',
	].map(bytesOf),
	words: ['.', ':', '::', '[', ']', '0x', '0', '255', '256', '%', '/', '@', 'ffff', '-', '_', '\0', 'localhost'],
	limitBytes: 512,
	start: () => ({
		try(bytes) {
			const text = bytes.toString('latin1');
			const target = targetOfHost(text, 80);
			const ip = parseIp(text);
			if ((isIPv4(text) || (isIPv6(text) && !text.includes('%'))) && ip === null)
				throw new Error('an address is not read');
			if (ip !== null) deepStrictEqual(parseIp(formatIp(ip)), ip, 'an address is another when it is written down');
			if (typeof ip !== 'number' && ip !== null && !isIPv6(text)) throw new Error('no address is read as one');
			if (target === null) return 'no host';
			deepStrictEqual(targetOfHost(target.host, 80), target, 'a host is another when it is written down');
			if (!/^[!-~]{1,253}$/.test(target.host)) throw new Error('a host that cannot stand in a request');
			return `${target.kind} ${target.host.length > 64} ${text === target.host}`;
		},
	}),
};

const MEMBERS: Subject = {
	name: 'members',
	seeds: [
		'# exits\nsocks5://joe:pw@a.example:1080 weight=3\nhttp://b.example:3128,socks4a://c.example\r\n\n192.0.2.7:8080\n',
		'192.0.2.7:8080:joe:pw:with:colons\njoe:pw@[2001:db8::7]:1080\nhttps://d.example\n',
		'<html><body>not found</body></html>\n',
	].map(bytesOf),
	words: [
		'\n',
		'\r',
		' ',
		'\t',
		'#',
		':',
		'@',
		',',
		'://',
		'socks5://',
		'tor://',
		'weight=',
		'%',
		'%00',
		'%zz',
		'[',
		']',
		'\0',
		'direct',
	],
	start: () => ({
		try(bytes) {
			const text = bytes.toString('latin1');
			const read = lineReader('http');
			const { members, bad, repeated } = readList(text, read, ({ hops }) => chainText(hops));
			const lines = text.split('\n');
			if (members.length + bad.length + repeated > lines.length) throw new Error('more members than lines');
			if (members.length > MAX_MEMBERS) throw new Error('more members than there may be');
			for (const { line, member } of members) {
				deepStrictEqual(read((lines[line - 1] as string).trim()), member, 'a member is not in its line');
				if (member.hops.length === 0) throw new Error('a member without hops');
				const written = chainText(member.hops);
				const again = parseChain(written);
				if ('wrong' in again) throw new Error('a member that is written down is none');
				if (chainText(again.value) !== written) throw new Error('a member is another when it is written down');
			}
			return `${Math.min(members.length, 4)} ${Math.min(bad.length, 3)} ${repeated > 0} ${members[0]?.member.hops[0]?.type}`;
		},
	}),
};

type Reader = (text: string) => unknown;

/** All the little languages of the configuration: none may throw, take long or keep what it was given. */
const READERS: readonly Reader[] = [
	parseDuration,
	parseBytesOrOff,
	parseListen,
	parseAdminListen,
	parseAdvertised,
	parsePortChoice,
	parseServer,
	parseSources,
	parseUser,
	parsePorts,
	parsePrefix,
	parseWeekTime,
	parseNamePattern,
	parsePasswordHash,
	(text) => (parseHosts(text).size > 0 ? {} : ''),
];

const VALUES: Subject = {
	name: 'values',
	seeds: [
		'30s',
		'250ms',
		'8MB',
		'127.0.0.1:1080',
		'[::1]:9090',
		':1080',
		'fd:proxy',
		'/run/bauta/admin.sock',
		'203.0.113.0/28,2001:db8:1::/64',
		'default,22,8000-8100',
		'40000-40100',
		'mon-fri 22:00-06:00',
		'=example.com',
		'alice:secret',
		'$scrypt$ln=15,r=8,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g',
		'127.0.0.1 localhost # a\n::1 ip6-localhost\n',
	].map(bytesOf),
	words: [
		':',
		'-',
		',',
		'/',
		'$',
		'[',
		']',
		'=',
		'.',
		' ',
		'\n',
		'\0',
		'all',
		'off',
		'ms',
		'MB',
		'::',
		'*',
		'999999999999999999999',
	],
	limitBytes: 2_048,
	start: () => ({
		try(bytes, roll) {
			const text = bytes.toString(roll(2) === 0 ? 'latin1' : 'utf8');
			const read = READERS.map((reader, i) => (isValue(reader(text)) ? i : ''));
			return read.join();
		},
	}),
};

function isValue(read: unknown): boolean {
	return typeof read === 'object' && read !== null && !('wrong' in read);
}

export const TEXTS: readonly Subject[] = [SESSION, HOST, MEMBERS, VALUES];
