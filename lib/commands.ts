// What the SOCKS commands beside CONNECT need of a configuration: where clients and peers are told to go, which listeners
// serve BIND, how much UDP a client may.
import type { AdvertisedConfig, Config, ListenConfig } from './config/config.ts';
import { systemClock } from './core/clock.ts';
import type { Ip } from './core/ip.ts';
import type { BindOptions } from './flow/bind.ts';
import { Relays } from './flow/relays.ts';
import type { Datagrams } from './io/datagram.ts';
import { PortTurns } from './io/port-choice.ts';
import type { Sweep } from './io/sweep.ts';
import { PacketRate } from './limits/packets.ts';
import { type Prefix, prefixOf } from './policy/prefix.ts';

/** The relays of UDP ASSOCIATE; null where it is off. */
export function relaysOf(
	{ udp, limits }: Config,
	parts: { readonly datagrams: Datagrams; readonly sweep: Sweep; readonly isLocal: (ip: Ip) => boolean },
): Relays | null {
	if (!udp.enabled) return null;
	return new Relays({
		...parts,
		ports: new PortTurns(udp.ports),
		filter: udp.filter,
		packets: new PacketRate({ perSecond: udp.packetsPerSecond, maxKeys: limits.ceilings.maxKeys }, systemClock),
		advertised: (inbound, local) => advertisedOf(udp.advertised, inbound, local),
	});
}

export function bindOptionsOf({ bind, listen }: Config): BindOptions {
	const isServed = ({ host }: ListenConfig): boolean =>
		bind.listeners === 'all' || (bind.listeners === 'loopback' && host !== null && isLoopback(host));
	const tags = new Set(listen.filter(isServed).map(({ tag }) => tag));
	return {
		allows: (inbound) => tags.has(inbound),
		waitMs: bind.waitMs,
		advertised: (inbound, local) => advertisedOf(bind.advertised, inbound, local),
	};
}

/** Addresses that something in front of the machine maps to it: they are this machine, too. */
export function advertisedPrefixes({ udp, bind }: Config): readonly Prefix[] {
	return [...udp.advertised, ...bind.advertised].map(({ ip }) => prefixOf(ip));
}

/** What is told in the place of `local`: an address of its family, the listener's own before one for all. */
function advertisedOf(items: readonly AdvertisedConfig[], inbound: string, local: Ip): Ip {
	const fitting = items.filter(({ ip }) => typeof ip === typeof local);
	const own = fitting.find((item) => item.inbound === inbound) ?? fitting.find((item) => item.inbound === null);
	return own?.ip ?? local;
}

function isLoopback(host: string): boolean {
	return host === '::1' || host.startsWith('127.');
}
