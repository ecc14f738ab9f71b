// Every key of a configuration: its form, its default and why that default. Strict: an unknown key is an error. The
// JSON Schema, the defaults, the names of environment variables and `conf/bauta.toml` all follow from this file.
import { z } from 'zod';
import { KIND_NAMES } from '../anonymity/removal.ts';
import { parseNamePattern } from '../policy/name-set.ts';
import { type PortSet, parsePorts } from '../policy/ports.ts';
import { parsePrefix } from '../policy/prefix.ts';
import { parseMediaType, parsePathPattern } from '../policy/request-condition.ts';
import { parseWeekTime } from '../policy/times.ts';
import type { PlainUser } from '../policy/users.ts';
import type { Config, ConfigInput, ListenConfig, RuleConfig, UpstreamConfig } from './config.ts';

export type { Config, ConfigInput } from './config.ts';

import { group } from './group.ts';
import type { RedisSection } from './redis.ts';
import { type AdminSection, admin, reload } from './schema-admin.ts';
import { egress, session, sources, tor } from './schema-exits.ts';
import { count, duration, durationOrOff, key, name, policyText, text } from './schema-key.ts';
import { limits } from './schema-limits.ts';
import { lists } from './schema-list.ts';
import { redis } from './schema-redis.ts';
import { bindSection, pacSection, udpSection } from './schema-relays.ts';
import { parseChain, parsePart } from './upstream.ts';
import { parseUser } from './users.ts';
import { MOST_WORKERS, type Parsed, parseListen, parseServer, parseTag, parseWorkers } from './values.ts';

const listen = key(
	z
		.array(text(parseListen))
		.min(1)
		.transform((items): ListenConfig[] => items.map((item, i) => ({ tag: `listen-${i + 1}`, ...item }))),
	['127.0.0.1:1080'],
	'1080 is IANA\'s port for SOCKS; loopback, so that nobody else gets in before you say so (":1080" is every address)',
);

const upstreamItem = z.union([
	text(parseChain).transform((hops) => ({ tag: null, hops })),
	z
		.strictObject({
			tag: text(parseTag).meta({ description: 'the name of this way out, for `route`, logs and metrics' }),
			via: z
				.array(text(parsePart))
				.min(1)
				.meta({ description: 'its hops, the nearest first: URLs, and tags of upstreams and groups' }),
		})
		.transform(({ tag, via }) => ({ tag, hops: via })),
]);

const upstream = key(
	z
		.array(upstreamItem)
		.transform((items): UpstreamConfig[] =>
			items.map(({ tag, hops }, i) => ({ tag: tag ?? `upstream-${i + 1}`, hops })),
		),
	[],
	'none: targets are dialled from here; each is a URL or a chain "a,b", and the first one becomes the default route',
);

const groups = key(
	z.array(group),
	[],
	'none; a group is a way out by one of several members, which rotates and fails over',
);

const route = key(
	z.string(),
	'',
	'the first upstream, where there is none the first group, else "direct"; or the tag of one of them, for all that no rule sends elsewhere',
);

const workers = key(
	z.union([z.int().min(1).max(MOST_WORKERS), text(parseWorkers)]),
	1,
	'one process carries some thousand connections a second; more of them share the ports, "auto" is one for each CPU',
);

/** Text that a function of the policy room reads, where the rule keeps the text and compiles it later. */
function checkedText(parse: (text: string) => object | string): z.ZodType<string, string> {
	return text((input) => {
		const value = parse(input);
		return typeof value === 'string' ? { wrong: value } : { value: input };
	});
}

/** Patterns of names. */
function names(why: string): z.ZodPrefault<z.ZodArray<z.ZodType<string, string>>> {
	return key(z.array(checkedText(parseNamePattern)), [], why);
}

const anonymity = z
	.strictObject({
		level: key(
			z.enum(['elite', 'anonymous', 'transparent']),
			'elite',
			'the target sees what a direct client would have sent, and no sign of a proxy',
		),
		response: z
			.strictObject({
				remove: key(
					z.array(z.enum(KIND_NAMES)),
					[],
					'nothing: a page works as without a gateway; "hops", "alternatives", "validators", "cookies", "refresh", "pins", "reports", "hints"',
				),
				spare: names('none; else names of targets, as in rule.target, that are left alone'),
			})
			.prefault({})
			.meta({ description: 'what plain HTTP responses may plant to know the client again (docs/what-it-hides.md)' }),
	})
	.prefault({})
	.meta({ description: 'what plain HTTP tells the target, and what the target may leave behind' });

const portsOrNone = text((input): Parsed<PortSet | null> => {
	const value = input === '' ? null : parsePorts(input);
	return typeof value === 'string' ? { wrong: value } : { value };
});

const exit = z
	.strictObject({
		allow_private: key(z.boolean(), false, 'a client must not reach what only this machine or its network should'),
		ports: key(
			policyText(parsePorts),
			'default',
			'web, chat, calls, reading mail; not what spam, guessers of passwords and worms use ("all", "80,443", "default,22")',
		),
		mode: key(z.enum(['enforce', 'report']), 'enforce', '"report" lets refusals through and logs them: for a trial'),
		page: key(z.string(), '', 'one line of text; else a file of HTML for browsers whose plain HTTP a rule refuses'),
	})
	.transform(({ allow_private: allowPrivate, ...exit }) => ({ allowPrivate, ...exit }))
	.prefault({})
	.meta({ description: 'where clients may go' });

const rule = z.strictObject({
	name: key(z.string().max(64), '', 'named in logs and reports; "rule-1" and so on when empty'),
	action: z.enum(['allow', 'deny', 'report']).meta({
		description: 'what happens to what meets every condition; "report" logs and counts what a "deny" would refuse',
	}),
	client: key(z.array(checkedText(parsePrefix)), [], 'any client; else addresses or prefixes of clients'),
	user: key(z.array(name()), [], 'any user; else names of users'),
	target: names('any target; else names, each with every name under it, or "=name" for itself alone'),
	address: key(z.array(checkedText(parsePrefix)), [], 'any address; else addresses or prefixes of targets'),
	port: key(portsOrNone, '', 'any port; else ports as in exit.ports'),
	inbound: key(z.array(name()), [], 'any listener; else "listen-1", "listen-2" and so on'),
	session: key(z.array(name()), [], 'any session or none; else names of sessions, "crawl*" for all that begin so'),
	exit: key(z.array(name()), [], 'any; else exits that a user name wishes for: "alice-exit-de" wishes for "de"'),
	time: key(
		z.array(checkedText(parseWeekTime)),
		[],
		'always; else times of the week such as "mon-fri 09:00-17:30", in the time zone of the machine',
	),
	list: key(
		z.array(name()),
		[],
		'anywhere; else tags of lists, one of which has the target and none of which excepts it',
	),
	method: key(
		z.array(z.string().regex(/^[A-Z]{1,32}$/, { error: 'expected a method in upper case such as "POST"' })),
		[],
		'any protocol; else methods of plain HTTP, the only protocol in which a gateway can read them',
	),
	path: key(
		z.array(checkedText(parsePathPattern)),
		[],
		'any protocol; else what the path of a plain HTTP request begins with, or "~" and an expression',
	),
	type: key(
		z.array(checkedText(parseMediaType)),
		[],
		'any protocol; else media types of answers over plain HTTP such as "video/*"; not where the action is "allow"',
	),
	route: key(
		z.string(),
		'',
		'the default route; else the tag of an upstream, a group or a source, "direct" or "block"',
	),
});

const rules = key(
	z.array(rule).transform((items): RuleConfig[] =>
		items.map((item, i) => ({
			name: item.name || `rule-${i + 1}`,
			action: item.action,
			clients: item.client,
			users: item.user,
			names: item.target,
			addresses: item.address,
			ports: item.port,
			inbounds: item.inbound,
			sessions: item.session,
			exits: item.exit,
			times: item.time,
			lists: item.list,
			methods: item.method,
			paths: item.path,
			types: item.type,
			route: item.route || null,
		})),
	),
	[],
	'none: the exit policy alone decides; rules are asked in order and the first that matches wins',
);

const users = z
	.strictObject({
		list: key(
			z.array(text(parseUser)),
			[],
			'nobody: no authentication; "name:password" works, but `file` keeps no password in clear',
		),
		file: key(z.string(), '', 'none; else lines as `bauta user hash NAME` prints them, and only these users get in'),
	})
	.prefault({})
	.meta({ description: 'who gets in' });

const timeouts = z
	.strictObject({
		handshake: key(
			duration(),
			'10s',
			'from accept to a complete request; a phone on a bad network needs 3s, who is slow on purpose needs longer',
		),
		dial: key(duration(), '15s', 'resolving, every address tried and every hop; browsers give up after 20s to 30s'),
		idle: key(
			durationOrOff(),
			'1h',
			'a tunnel without a byte either way; long enough for WebSockets and ssh with keep-alive; or "off"',
		),
		keepalive: key(
			durationOrOff(),
			'3m',
			'of silence, then TCP asks either end whether it is there, and whoever is not is gone as much later; clouds forget a connection after 4m',
		),
		lifetime: key(durationOrOff(), 'off', 'a download or an ssh session lasts as long as it lasts'),
		http_idle: key(duration(), '75s', 'a kept-alive client between two requests; what nginx grants'),
		drain: key(duration(), '30s', 'what live flows get after SIGTERM; below the 90s after which systemd kills'),
	})
	.transform((timeouts) => ({
		handshakeMs: timeouts.handshake,
		dialMs: timeouts.dial,
		idleMs: timeouts.idle,
		keepAliveMs: timeouts.keepalive,
		lifetimeMs: timeouts.lifetime,
		httpIdleMs: timeouts.http_idle,
		drainMs: timeouts.drain,
	}))
	.prefault({})
	.meta({ description: 'how long things may take: "250ms", "30s", "5m", "1h"; "off" where it says so' });

const resolver = z
	.strictObject({
		servers: key(z.array(text(parseServer)), [], 'those of /etc/resolv.conf'),
		timeout: key(
			duration(),
			'5s',
			'for a name, all servers and tries together; resolv.conf(5) waits as long before it tries again',
		),
		cache_entries: key(count(), 10_000, 'about 5 MB; a name that is asked for again is nearly always among them'),
		min_ttl: key(
			durationOrOff(),
			'5s',
			'one page asks for a name many times, which records of zero seconds would all let through; or "off"',
		),
		max_ttl: key(duration(), '1h', 'an address that has moved is found again within the hour'),
		hosts_file: key(z.boolean(), true, 'what /etc/hosts says, this machine says everywhere'),
	})
	.transform((resolver) => ({
		servers: resolver.servers,
		timeoutMs: resolver.timeout,
		cacheEntries: resolver.cache_entries,
		minTtlMs: resolver.min_ttl,
		maxTtlMs: resolver.max_ttl,
		hostsFile: resolver.hosts_file,
	}))
	.prefault({})
	.meta({ description: 'how names become addresses when they are dialled from here' });

const io = z
	.strictObject({
		native: key(
			z.boolean(),
			true,
			'system calls of this machine, where it has them, cost less than streams of node; false to rule them out',
		),
	})
	.prefault({})
	.meta({ description: 'how bytes are moved' });

const log = z
	.strictObject({
		level: key(
			z.enum(['debug', 'info', 'warn', 'error', 'off']),
			'info',
			'one line for each flow; "warn" for trouble alone',
		),
		format: key(z.enum(['auto', 'json', 'pretty']), 'auto', 'lines to read on a terminal, JSON everywhere else'),
		clients: key(
			z.enum(['none', 'truncate', 'hash']),
			'none',
			'who was here is not written down; "truncate" keeps /24 and /48, "hash" a key that lives a day',
		),
		users: key(z.boolean(), false, 'a user name tells who'),
		targets: key(z.boolean(), false, 'a target tells what for'),
	})
	.prefault({})
	.meta({ description: 'what is written down, to standard output' });

const sections = {
	listen,
	upstream,
	group: groups,
	route,
	workers,
	anonymity,
	exit,
	egress,
	source: sources,
	session,
	tor,
	list: lists,
	rule: rules,
	users,
	limits,
	redis,
	timeouts,
	udp: udpSection,
	bind: bindSection,
	pac: pacSection,
	resolver,
	io,
	log,
	admin,
	reload,
};

/** A configuration whose every value is well formed, before the sections are compared with each other. */
export interface Sections
	extends Omit<
		Config,
		'upstreams' | 'groups' | 'sources' | 'exit' | 'lists' | 'route' | 'rules' | 'users' | 'admin' | 'redis'
	> {
	readonly upstream: Config['upstreams'];
	readonly group: Config['groups'];
	readonly source: Config['sources'];
	readonly exit: Omit<Config['exit'], 'page'> & { readonly page: string };
	readonly list: Config['lists'];
	readonly route: string;
	readonly rule: Config['rules'];
	readonly redis: RedisSection;
	readonly users: {
		readonly list: readonly PlainUser[];
		readonly file: string;
	};
	readonly admin: AdminSection;
}

/** The whole. */
export const configSchema: z.ZodType<Sections, ConfigInput> = z.strictObject(sections);

/** One schema for each top-level key: where one section is broken, the others can still be checked. */
export const sectionSchemas: { readonly [K in keyof Sections]-?: z.ZodType<Sections[K]> } = sections;
