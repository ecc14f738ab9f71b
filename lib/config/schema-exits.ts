// The keys about where connections leave from and what a client may ask of that: egress, source, session, tor.
import { z } from 'zod';
import type { ConfigInput } from './config.ts';
import type { EgressConfig, SessionConfig, SourceConfig, TorConfig } from './config-exits.ts';
import { duration, durationOrOff, key, text } from './schema-key.ts';
import { parseSources, parseTag } from './values.ts';

const strategy = (): z.ZodEnum<{
	random: 'random';
	'round-robin': 'round-robin';
	'least-used': 'least-used';
	sticky: 'sticky';
}> => z.enum(['random', 'round-robin', 'least-used', 'sticky']);
const STRATEGY =
	'nobody can tell the next one; or "round-robin", "least-used", "sticky" (the same for one user or client)';
const mark = (): z.ZodNumber => z.int().min(0).max(0xffff_ffff);
const MARK = 'none; else SO_MARK for rules of the packet filter and of routing; wants CAP_NET_ADMIN';
const device = (): z.ZodString => z.string().max(15);
const DEVICE = 'any; else the interface to leave by (SO_BINDTODEVICE), a VRF or a tunnel';

/** Where sockets leave from. */
export const egress: z.ZodType<EgressConfig, ConfigInput['egress']> = z
	.strictObject({
		source: key(
			z.array(text(parseSources)).transform((items) => items.flat()),
			[],
			'the one that the kernel takes; else addresses and prefixes of this machine to leave from, and no others',
		),
		strategy: key(strategy(), 'random', STRATEGY),
		mark: key(mark(), 0, MARK),
		device: key(device(), '', DEVICE),
	})
	.prefault({})
	.meta({ description: 'where `direct` and the first hop of a chain leave from' });

const sourceItem = z.strictObject({
	tag: text(parseTag).meta({ description: 'the name of this way out, for `route`, logs and metrics' }),
	from: z
		.array(text(parseSources))
		.min(1)
		.meta({ description: 'addresses and prefixes of this machine to leave from' }),
	strategy: key(strategy(), 'random', STRATEGY),
	mark: key(mark(), 0, MARK),
	device: key(device(), '', DEVICE),
});

/** `[[source]]`. */
export const sources: z.ZodType<SourceConfig[], ConfigInput['source']> = key(
	z
		.array(sourceItem)
		.transform((items): SourceConfig[] => items.map(({ from, ...item }) => ({ ...item, source: from.flat() }))),
	[],
	'none; else more ways straight out, each from addresses of its own, for rules to name',
);

/** `[session]`. */
export const session: z.ZodType<SessionConfig, ConfigInput['session']> = z
	.strictObject({
		separator: key(
			z.string().regex(/^[-+_.,;|~!$*]{0,3}$/, {
				error: 'expected one to three marks such as "-" or "+", or "" for no sessions',
			}),
			'-',
			'as most services have it: "alice-session-abc123-ttl-10m"; "" if a name is to be a name, whatever it says',
		),
		ttl: key(duration(), '10m', 'how long a session keeps its exit when its name does not say; as others do'),
		max_ttl: key(duration(), '1d', 'the longest that a name may ask for; an exit may be gone tomorrow'),
		expire: key(
			z.enum(['fixed', 'sliding']),
			'fixed',
			'"sliding" counts from the last use, so a session in use never changes its exit; a name can ask for either',
		),
		strict: key(z.boolean(), false, 'a session whose exit is gone gets another one; a strict one fails'),
		total: key(z.int().min(1), 100_000, 'sessions remembered; about 20 MB'),
		per_user: key(
			z.int().min(1),
			1_000,
			'of one user or client, whose oldest makes room: nobody pushes out the others',
		),
	})
	.transform((session) => ({
		separator: session.separator,
		ttlMs: session.ttl,
		maxTtlMs: session.max_ttl,
		sliding: session.expire === 'sliding',
		strict: session.strict,
		limit: session.total,
		limitPerOwner: session.per_user,
	}))
	.prefault({})
	.meta({ description: 'what a user name may ask of its exit, behind the name itself' });

/** `[tor]`. */
export const tor: z.ZodType<TorConfig, ConfigInput['tor']> = z
	.strictObject({
		isolate: key(
			z.array(z.enum(['client', 'user', 'session', 'target'])),
			['client', 'user', 'session'],
			'who shares no circuit with another; "target" keeps apart what one client does, and builds many circuits',
		),
		rotate: key(
			durationOrOff(),
			'off',
			'Tor takes new circuits every ten minutes by itself; else how often everybody gets new ones; a session by its ttl',
		),
	})
	.transform((tor) => ({ isolate: tor.isolate, rotateMs: tor.rotate }))
	.prefault({})
	.meta({ description: 'how tor:// upstreams keep circuits apart' });
