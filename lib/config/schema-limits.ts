// The keys of [limits]: one client's, its network's, a user's, exceptions by name, and what failures lead to.
import { z } from 'zod';
import type { Allowance, Exception } from '../limits/allowance.ts';
import { CLIENT_PREFIXES } from '../limits/client-key.ts';
import { DEFAULT_ALLOWANCES, DEFAULT_CEILINGS } from '../limits/defaults.ts';
import type { FailureRule } from '../limits/shared.ts';
import { parsePrefix } from '../policy/prefix.ts';
import { wireText } from '../policy/wire-text.ts';
import type { LimitsConfig, LimitsInput } from './config.ts';
import { count, key, name, policyText, text } from './schema-key.ts';
import { parseBytesOrOff, parseDuration } from './values.ts';

const bytes = (): z.ZodType<number, string> => text(parseBytesOrOff);
const duration = (): z.ZodType<number, string> => text(parseDuration);
const whenDown = (): z.ZodEnum<{ local: 'local'; open: 'open'; closed: 'closed' }> =>
	z.enum(['local', 'open', 'closed']);

/** Why a number is what it is, for whom. */
interface Reasons {
	readonly open: string;
	readonly perSecond: string;
	readonly burst: string;
	readonly rest: string;
}

/** The limits of one kind of subject; in the order of a file. */
function allowanceKeys(byDefault: Allowance, why: Reasons) {
	return {
		connections_open: key(count(), byDefault.connectionsOpen, why.open),
		connections_per_second: key(count(), byDefault.connectionsPerSecond, why.perSecond),
		burst: key(count(), byDefault.burst, why.burst),
		requests_per_second: key(count(), byDefault.requestsPerSecond, `${why.rest}; plain HTTP requests`),
		requests_burst: key(count(), byDefault.requestsBurst, 'that many more once in ten seconds'),
		up_rate: key(bytes(), 'off', 'bytes a second from the client, over all its connections: "500KB", "2MiB"'),
		down_rate: key(bytes(), 'off', 'bytes a second to the client'),
		bytes_per_day: key(bytes(), 'off', 'both ways, in a day of UTC; who has used it up is cut off: "5GB"'),
		bytes_per_month: key(bytes(), 'off', 'both ways, in a month of UTC'),
		when_down: key(
			whenDown(),
			'local',
			'while Redis is away each gateway grants its share; or "open": anything, "closed": nothing new',
		),
	};
}

const CLIENT_KEYS = allowanceKeys(DEFAULT_ALLOWANCES.client, {
	open: 'at once; a browser keeps 32 to a proxy at most, a household is a few browsers',
	perSecond: 'new ones, on average; who scans wants thousands',
	burst: 'that many more once in ten seconds: a session of tabs that is restored',
	rest: 'no limit but that of connections',
});

const network = z
	.strictObject(
		allowanceKeys(DEFAULT_ALLOWANCES.network, {
			open: 'eight clients at their limit: a site has a few',
			perSecond: 'the same, of new connections',
			burst: 'the same, once in ten seconds',
			rest: 'no limit of its own',
		}),
	)
	.transform(allowanceOf)
	.prefault({})
	.meta({ description: 'how much all clients of one wider IPv6 prefix may together' });

const user = z
	.strictObject(
		allowanceKeys(DEFAULT_ALLOWANCES.user, {
			open: 'no limit but that of the client it comes from',
			perSecond: 'no limit of its own',
			burst: 'none, where there is no rate',
			rest: 'no limit of its own',
		}),
	)
	.transform(allowanceOf)
	.prefault({})
	.meta({ description: 'how much one user may, wherever it comes from' });

type Written = z.output<z.ZodObject<ReturnType<typeof allowanceKeys>>>;

function allowanceOf(written: Written): Allowance {
	return {
		connectionsOpen: written.connections_open,
		connectionsPerSecond: written.connections_per_second,
		burst: written.burst,
		requestsPerSecond: written.requests_per_second,
		requestsBurst: written.requests_burst,
		upBytesPerSecond: written.up_rate,
		downBytesPerSecond: written.down_rate,
		dayBytes: written.bytes_per_day,
		monthBytes: written.bytes_per_month,
		whenDown: written.when_down,
	};
}

/** What an exception does not say is as it is for everybody. */
const some = <S extends z.ZodType>(schema: S, what: string): z.ZodOptional<S> =>
	z.optional(schema).meta({ description: `as for everybody; else ${what}` });

const exception = z.strictObject({
	name: key(z.string().max(64), '', 'for yourself; "exception-1" and so on when empty'),
	client: key(z.array(policyText(parsePrefix)), [], 'nobody; else addresses or prefixes of clients'),
	user: key(z.array(name()), [], 'nobody; else names of users'),
	connections_open: some(count(), 'that many'),
	connections_per_second: some(count(), 'that many'),
	burst: some(count(), 'that many'),
	requests_per_second: some(count(), 'that many'),
	requests_burst: some(count(), 'that many'),
	up_rate: some(bytes(), 'bytes a second'),
	down_rate: some(bytes(), 'bytes a second'),
	bytes_per_day: some(bytes(), 'bytes'),
	bytes_per_month: some(bytes(), 'bytes'),
	when_down: some(whenDown(), '"local", "open" or "closed"'),
});

type WrittenException = z.output<typeof exception>;

function exceptionOf(written: WrittenException, i: number, client: Allowance, user: Allowance): Exception {
	const { name, client: clients, user: users, ...rest } = written;
	const own = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined)) as Partial<Written>;
	return {
		name: name || `exception-${i + 1}`,
		clients,
		users: users.map(wireText),
		client: allowanceOf({ ...writtenOf(client), ...own }),
		user: allowanceOf({ ...writtenOf(user), ...own }),
	};
}

function writtenOf(allowance: Allowance): Written {
	return {
		connections_open: allowance.connectionsOpen,
		connections_per_second: allowance.connectionsPerSecond,
		burst: allowance.burst,
		requests_per_second: allowance.requestsPerSecond,
		requests_burst: allowance.requestsBurst,
		up_rate: allowance.upBytesPerSecond,
		down_rate: allowance.downBytesPerSecond,
		bytes_per_day: allowance.dayBytes,
		bytes_per_month: allowance.monthBytes,
		when_down: allowance.whenDown,
	};
}

const { authentication, destination } = DEFAULT_ALLOWANCES.failures;

const failures = z
	.strictObject({
		authentications: key(
			count(),
			authentication.most,
			'a person mistypes a few times, and a browser repeats it for each tab',
		),
		destinations: key(
			count(),
			destination.most,
			"destinations that the exit policy refuses; pages that look around on the visitor's machine ask for a dozen",
		),
		window: key(duration(), '10m', 'older ones are forgotten'),
		ban: key(duration(), '10m', 'leaves a guesser some 3,000 guesses a day'),
	})
	.transform((failures): Record<'authentication' | 'destination', FailureRule> => {
		const { window: windowMs, ban: banMs } = failures;
		return {
			authentication: { most: failures.authentications, windowMs, banMs },
			destination: { most: failures.destinations, windowMs, banMs },
		};
	})
	.prefault({})
	.meta({ description: 'how often a client may fail; its attempts wait from half of that on, beyond it is banned' });

/** [limits]. */
export const limits: z.ZodType<LimitsConfig, LimitsInput | undefined> = z
	.strictObject({
		...CLIENT_KEYS,
		handshakes: key(
			count(),
			DEFAULT_CEILINGS.handshakes,
			'in progress; they take a few round trips each, unless one is slow on purpose',
		),
		total_connections: key(
			count(),
			DEFAULT_CEILINGS.totalConnections,
			'of all clients; two descriptors each, and far below what systemd grants',
		),
		total_handshakes: key(
			count(),
			DEFAULT_CEILINGS.totalHandshakes,
			'of all clients; apart from the connections, so that a refusal can still be said',
		),
		total_clients: key(z.int().min(1), DEFAULT_CEILINGS.maxKeys, 'how many are remembered at once; about 40 MB'),
		ipv4_prefix: key(
			z.int().min(8).max(32),
			CLIENT_PREFIXES.v4Bits,
			'bits of an address that are one client: one IPv4 address',
		),
		ipv6_prefix: key(
			z.int().min(16).max(128),
			CLIENT_PREFIXES.v6Bits,
			'the same: one IPv6 subnet, for a host has 2^64 addresses to change to',
		),
		ipv6_network: key(
			z.int().min(16).max(128),
			CLIENT_PREFIXES.networkBits as number,
			'bits of the wider prefix that limits.network is about: what one site is given',
		),
		network,
		user,
		exception: key(z.array(exception), [], 'nobody: the same limits for all'),
		failures,
	})
	.transform((limits): LimitsConfig => {
		const client = allowanceOf(limits);
		const { network, user, failures } = limits;
		const exceptions = limits.exception.map((one, i) => exceptionOf(one, i, client, user));
		return {
			allowances: { client, network, user, exceptions, failures },
			ceilings: {
				handshakes: limits.handshakes,
				totalConnections: limits.total_connections,
				totalHandshakes: limits.total_handshakes,
				maxKeys: limits.total_clients,
			},
			prefixes: { v4Bits: limits.ipv4_prefix, v6Bits: limits.ipv6_prefix, networkBits: limits.ipv6_network },
		};
	})
	.prefault({})
	.meta({ description: 'how much one client may; 0 switches a limit off' });
