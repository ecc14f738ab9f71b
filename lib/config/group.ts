// `[[group]]`: several ways out as one. Every key with its form, its default and why that default.
import { z } from 'zod';
import { targetOfHost } from '../core/target.ts';
import { type HttpUrl, parseHttpUrl } from '../io/fetch.ts';
import type { Rotation } from '../outbound/group.ts';
import type { ProbeAsk, ProbeOptions } from '../outbound/probe.ts';
import { type Prefix, parsePrefix } from '../policy/prefix.ts';
import { STRATEGIES, type StrategyName } from '../registry.ts';
import type { GroupConfig } from './config.ts';
import type { GroupInput } from './config-exits.ts';
import { parseMember } from './member.ts';
import { count, duration, key, text } from './schema-key.ts';
import { type Parsed, parseDuration, parseTag } from './values.ts';

const prefix = (): z.ZodType<Prefix, string> =>
	text((input): Parsed<Prefix> => {
		const parsed = parsePrefix(input);
		return typeof parsed === 'string' ? { wrong: parsed } : { value: parsed };
	});

/** `connection`, `request`, `failure`, `100 uses`, `10m`; null: as `sticky` has it. */
function parseRotation(input: string): Parsed<Rotation | null> {
	if (input === 'auto') return { value: null };
	if (input === 'connection' || input === 'request') return { value: input };
	if (input === 'failure') return { value: { uses: null, ms: null } };
	const uses = /^([1-9]\d{0,8}) uses?$/.exec(input);
	if (uses) return { value: { uses: Number(uses[1]), ms: null } };
	const time = parseDuration(input);
	if (!('wrong' in time)) return { value: { uses: null, ms: time.value } };
	return { wrong: 'expected "connection", "request", "failure", "100 uses" or a duration such as "10m"' };
}

/** Where a list is fetched; nothing as null. */
export function parseListUrl(input: string): Parsed<HttpUrl | null> {
	const url = input === '' ? null : parseHttpUrl(input);
	if (input !== '' && url === null) return { wrong: 'expected a URL of http:// or https://', found: 'another text' };
	return { value: url };
}

/** What a probe asks, without what it expects; null: there is none. */
function parseAsk(input: string): Parsed<Exclude<ProbeAsk, { kind: 'request' }> | HttpUrl | null> {
	if (input === '') return { value: null };
	if (input === 'tcp') return { value: { kind: 'tcp' } };
	const url = parseHttpUrl(input);
	if (url) return { value: url };
	const place = /^(.+):(\d{1,5})$/.exec(input);
	const target = place && targetOfHost(place[1] as string, Number(place[2]));
	if (target && target.port > 0 && target.port <= 65_535) return { value: { kind: 'tunnel', target } };
	return { wrong: 'expected "tcp", "host:port" or a URL of http:// or https://', found: 'another text' };
}

const eject = z
	.strictObject({
		after: key(z.int().min(1), 3, 'failures in a row, so that one bad minute of a network is none'),
		rest: key(duration(), '10s', 'how long a member is left alone at first, each further time twice as long'),
		longest: key(duration(), '5m', 'what the doubling ends at: a member that is back is found within that'),
		floor: key(z.int().min(0).max(100), 50, 'percent of the members that always stay: when all fail, it is not they'),
	})
	.transform(({ after, rest, longest, floor }) => ({
		after,
		restMs: rest,
		longestRestMs: longest,
		floorPercent: floor,
	}))
	.prefault({})
	.meta({ description: 'when a member that fails is asked nothing for a while' });

const retry = z
	.strictObject({
		statuses: key(
			z.array(z.int().min(300).max(599)),
			[],
			'none; those by which sites refuse an exit, such as 403, 429 and 503, are then asked for by the next one',
		),
		methods: key(
			z.array(z.string().regex(/^[A-Z]{1,32}$/)),
			['GET', 'HEAD', 'OPTIONS'],
			'those that change nothing when they are repeated',
		),
		tries: key(count(), 2, 'further exits for one request; a site that refuses three refuses more'),
		body: key(z.int().min(0).max(16_777_216), 65_536, 'bytes that are kept to be sent again; a longer body is not'),
	})
	.transform(({ statuses, methods, tries, body }) =>
		statuses.length === 0 ? null : { statuses: new Set(statuses), methods: new Set(methods), tries, bodyBytes: body },
	)
	.prefault({})
	.meta({ description: 'which answers to plain HTTP are the fault of the exit' });

const probe = z
	.strictObject({
		ask: key(
			text(parseAsk),
			'',
			'nothing: clients find out; "tcp" connects to the member, "host:port" goes through it, a URL is asked for through it',
		),
		every: key(duration(), '1m', 'a dead member is known within the minute, and a list of thousands costs little'),
		timeout: key(duration(), '10s', 'what a slow member needs; who needs longer is of no use to a client'),
		at_once: key(z.int().min(1).max(1_024), 32, 'ten thousand members must not be asked all at once'),
		expect: key(z.string().max(1_024), '', 'any answer of status 200; else text that a URL must answer with'),
		exits: key(
			z.array(prefix()),
			[],
			'not looked at; else prefixes, one of which must have the address that the URL answers with',
		),
	})
	.transform(({ ask, every, timeout, at_once, expect, exits }): ProbeOptions | null => {
		if (ask === null) return null;
		const asked: ProbeAsk = 'kind' in ask ? ask : { kind: 'request', url: ask, expect, exits };
		return { ask: asked, everyMs: every, deadlineMs: timeout, atOnce: at_once };
	})
	.prefault({})
	.meta({ description: 'asking members before clients do' });

const shape = z.strictObject({
	tag: text(parseTag).meta({ description: 'the name of the group, wherever the tag of a way out can stand' }),
	members: key(
		z.array(text(parseMember)),
		[],
		'none here; else tags, URLs or chains "a,b", each with " weight=3" behind it where it is to have more',
	),
	file: key(z.string(), '', 'no file; else a list, a member a line, read again when it changes'),
	url: key(text(parseListUrl), '', 'no URL; else the same list from the web, fetched again and again'),
	through: key(z.string(), 'direct', 'the tag of the way out by which the list is fetched: from here'),
	refresh: key(duration(), '10m', 'how often the list is fetched; providers change theirs every few minutes'),
	keep: key(z.string(), '', 'nowhere; else the file that has the last good list, for a start without the web'),
	scheme: key(
		z.enum(['socks4', 'socks4a', 'socks5', 'http', 'https']),
		'http',
		'what a line host:port or host:port:user:password of a list is: most are lists of these',
	),
	strategy: key(
		z.enum(['auto', ...(Object.keys(STRATEGIES) as StrategyName[])]),
		'auto',
		'random, and rendezvous where something sticks, so that other gateways and a restart pick the same',
	),
	sticky: key(
		z.enum(['none', 'client', 'session', 'site']),
		'none',
		'nothing: each use may have another exit; else what keeps its exit until it rotates',
	),
	rotate: key(
		text(parseRotation),
		'auto',
		'each connection of a client has its exit, and where something sticks it changes when the exit fails; or "request" (each request of plain HTTP), "100 uses", "10m"',
	),
	tries: key(z.int().min(1).max(16), 3, 'members that one dial asks, one after the other, until one has a way'),
	attempt: key(duration(), '5s', 'after which the next one is asked: three fit into timeouts.dial'),
	avoid: key(duration(), '10m', 'how long an exit is kept from a site that refused it; other sites do not suffer'),
	eject,
	retry,
	probe,
});

/** One `[[group]]`. */
export const group: z.ZodType<GroupConfig, GroupInput> = shape.transform((item, context): GroupConfig => {
	const lists = [item.members.length > 0, item.file !== '', item.url !== null].filter(Boolean).length;
	if (lists !== 1) {
		const found = lists === 0 ? 'none' : 'several';
		context.issues.push({
			code: 'custom',
			input: item,
			message: `expected one of members, file and url, found ${found}`,
		});
	}
	const sticks = item.sticky !== 'none';
	const held: Rotation = { uses: null, ms: null };
	return {
		tag: item.tag,
		source: sourceOf(item),
		scheme: item.scheme,
		strategy: item.strategy === 'auto' ? (sticks ? 'rendezvous' : 'random') : item.strategy,
		sticky: item.sticky,
		rotate: item.rotate ?? (sticks ? held : 'connection'),
		tries: item.tries,
		attemptMs: item.attempt,
		avoidMs: item.avoid,
		eject: item.eject,
		retry: item.retry,
		probe: item.probe,
	};
});

function sourceOf({ members, file, url, through, refresh, keep }: z.output<typeof shape>): GroupConfig['source'] {
	if (url !== null) return { kind: 'url', url, through, refreshMs: refresh, keep: keep === '' ? null : keep };
	return file === '' ? { kind: 'members', members } : { kind: 'file', path: file };
}
