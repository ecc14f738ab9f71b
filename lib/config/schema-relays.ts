// The sections of the schema about what a listener serves beside streams: UDP ASSOCIATE, BIND and proxy.pac.
import { z } from 'zod';
import type { BindConfig, BindInput, Config, ConfigInput, UdpConfig, UdpInput } from './config.ts';
import { count, key, name, text } from './schema-key.ts';
import { parseAdvertised, parseDuration, parsePortChoice } from './values.ts';

const advertise = (why: string) => key(z.array(text(parseAdvertised)), [], why);
const ports = () =>
	key(text(parsePortChoice), '', 'any that is free; else a range such as "20000-20999", for a firewall or a container');

const udp: z.ZodType<UdpConfig, UdpInput> = z
	.strictObject({
		enabled: key(z.boolean(), true, 'calls, games, QUIC and DNS want it, and every datagram meets the exit policy'),
		advertise: advertise(
			'the address that the client has connected to; behind NAT the public one, "listen-2=192.0.2.1" for one listener',
		),
		ports: ports(),
		filter: key(
			z.enum(['address', 'endpoint', 'none']),
			'address',
			'who may answer: addresses that were sent to, as calls need it; "endpoint" wants the port, too; "none": anybody',
		),
		packets_per_second: key(
			count(),
			10_000,
			'of one client, both ways; ten times a video call, or a download at 100 Mbit/s; 0 switches the limit off',
		),
		idle: key(text(parseDuration), '5m', 'without a datagram either way; what RFC 4787 asks of a NAT'),
	})
	.transform((udp) => ({
		enabled: udp.enabled,
		advertised: udp.advertise,
		ports: udp.ports,
		filter: udp.filter,
		packetsPerSecond: udp.packets_per_second,
		idleMs: udp.idle,
	}));

export const udpSection: z.ZodPrefault<typeof udp> = udp
	.prefault({})
	.meta({ description: 'datagrams through SOCKS5 (UDP ASSOCIATE)' });

const bind: z.ZodType<BindConfig, BindInput> = z
	.strictObject({
		listeners: key(
			z.enum(['loopback', 'all', 'none']),
			'loopback',
			'where clients may have a port opened for one peer, as active FTP wants it; "all" gives that to everybody',
		),
		advertise: advertise(
			'the address that leads to the peer; behind NAT the public one, "listen-2=192.0.2.1" for one listener',
		),
		ports: ports(),
		wait: key(text(parseDuration), '2m', 'for the peer; what the memo of SOCKS4 says'),
	})
	.transform((bind) => ({
		listeners: bind.listeners,
		advertised: bind.advertise,
		ports: bind.ports,
		waitMs: bind.wait,
	}));

export const bindSection: z.ZodPrefault<typeof bind> = bind
	.prefault({})
	.meta({ description: 'one connection from a peer to the client (SOCKS BIND)' });

export const pacSection: z.ZodType<Config['pac'], ConfigInput['pac']> = z
	.strictObject({
		enabled: key(
			z.boolean(),
			false,
			'the port says to nobody what it is; true: it answers GET /proxy.pac, which a browser is told as the URL of its settings',
		),
		hosts: key(
			z.array(name().toLowerCase()),
			[],
			'called by an address or "localhost" alone, so that no web page asks under a name of its own',
		),
	})
	.prefault({})
	.meta({ description: 'how browsers are told of this proxy' });
