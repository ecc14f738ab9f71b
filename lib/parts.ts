// The parts of a gateway that need nothing but its configuration: what a gateway is composed of, and what `explain.ts` asks
// instead of one.
import { randomBytes } from 'node:crypto';
import { Removal } from './anonymity/removal.ts';
import { MemorySessions } from './balance/session-store.ts';
import type { Config } from './config/config.ts';
import { lineReader } from './config/member.ts';
import { systemClock } from './core/clock.ts';
import type { Outbound } from './core/dialer.ts';
import type { Target } from './core/target.ts';
import { Resolver } from './io/resolve.ts';
import { FleetSessions } from './limits/fleet-sessions.ts';
import { TorCredentials } from './outbound/tor.ts';
import { ExitPolicy } from './policy/exit-policy.ts';
import { NameSet, parseNamePattern, suffixesOf } from './policy/name-set.ts';
import type { OwnAddresses } from './policy/own-addresses.ts';
import type { Prefix } from './policy/prefix.ts';
import { compileRules, type RuleDeps } from './policy/rules.ts';
import { SessionReader } from './policy/sessions.ts';
import { wireText } from './policy/wire-text.ts';
import { Ways, type WaysDeps } from './ways.ts';

/** What outlives a configuration: a reload must move nobody to another exit. */
export interface Kept {
	readonly sessions: FleetSessions;
	/** Keys what sticks to somebody: sources and circuits. */
	readonly secret: Buffer;
}

/** `secret` is given where several processes have one. */
export function keptFor({ session }: Config, secret: Buffer = randomBytes(32)): Kept {
	return { sessions: new FleetSessions(new MemorySessions(session)), secret };
}

export function resolverOf({ resolver }: Config): Resolver {
	const { servers, hostsFile, ...options } = resolver;
	return new Resolver({ ...options, servers, hostsFile: hostsFile ? '/etc/hosts' : null });
}

/** All ways out, the default route first. No list of members is read yet. */
export function waysOf(
	{ upstreams, groups, route, egress, sources, tor }: Config,
	kept: Kept,
	deps: Omit<WaysDeps, keyof Kept | 'isolation' | 'clock'>,
): Ways {
	const read = groups.map((group) => ({ ...group, parse: lineReader(group.scheme) }));
	const isolation = new TorCredentials({ by: tor.isolate, rotateMs: tor.rotateMs }, kept);
	return new Ways(
		{ upstreams, groups: read, route, egress, sources },
		{ ...deps, ...kept, isolation, clock: systemClock },
	);
}

/** Null where a user name is a name, whatever it says. */
export function sessionReaderOf({ session, users }: Config): SessionReader | null {
	if (session.separator === '') return null;
	const names = users && new Set(users.map(({ name }) => wireText(name)));
	return new SessionReader(session, names && ((name) => names.has(name)));
}

/** `deps` has every list that a rule names. */
export function policyOf(
	{ exit, rules }: Config,
	outbounds: readonly Outbound[],
	ownAddresses: () => OwnAddresses,
	deps: RuleDeps,
): ExitPolicy {
	return new ExitPolicy({
		allowPrivate: exit.allowPrivate,
		ports: exit.ports,
		mode: exit.mode,
		rules: compileRules(rules, deps).rules,
		onionRoutes: outbounds.filter(({ carriesOnion }) => carriesOnion).map(({ tag }) => tag),
		ownAddresses,
	});
}

/** What is taken off what is exchanged with a target, beyond what the level says. */
export function removalOf({ anonymity }: Config): (target: Target) => Removal | null {
	const { remove, spare } = anonymity.response;
	if (remove.length === 0) return () => null;
	const removal = new Removal(remove);
	const spared = new NameSet(spare.map(parseNamePattern).filter((pattern) => typeof pattern !== 'string'));
	return ({ ip, host }) => (spare.length > 0 && ip === null && spared.has(suffixesOf(host)) ? null : removal);
}

/** Everything that may be left from: routed to this machine, so its own. */
export function sourcePrefixesOf({ egress, sources }: Config): readonly Prefix[] {
	return [egress, ...sources].flatMap(({ source }) => source);
}
