// The shape of a configuration, twice: `ConfigInput` as a file or a library user writes it (snake_case, values as text),
// `Config` as the gateway reads it (camelCase, parsed, units in names, every key present, frozen to the bottom).
import type { KindName } from '../anonymity/removal.ts';
import type { Ip } from '../core/ip.ts';
import type { Secret } from '../core/secret.ts';
import type { PortChoice } from '../io/port-choice.ts';
import type { Ceilings } from '../limits/account-limiter.ts';
import type { Allowances, WhenDown } from '../limits/allowance.ts';
import type { ClientPrefixes } from '../limits/client-key.ts';
import type { RedisLimits } from '../limits/redis-shared.ts';
import type { ListSpec } from '../lists.ts';
import type { LogOptions } from '../observe/log.ts';
import type { PortSet } from '../policy/ports.ts';
import type { RuleSpec } from '../policy/rules.ts';
import type { SourceStrategy } from '../policy/source-choice.ts';
import type { TorIsolation } from '../policy/tor-isolation.ts';
import type { PlainUser } from '../policy/users.ts';
import type { GroupSpec } from '../ways.ts';
import type {
	EgressConfig,
	GroupInput,
	SessionConfig,
	SourceConfig,
	SourceInput,
	TorConfig,
	UpstreamInput,
} from './config-exits.ts';
import type { ListInput } from './config-lists.ts';

/** What a gateway is built from. Made by `resolveConfig` or `loadConfig` alone; deeply frozen. */
export interface Config {
	readonly listen: readonly ListenConfig[];
	/** The ways out beside `direct`, `block` and the groups. */
	readonly upstreams: readonly UpstreamConfig[];
	readonly groups: readonly GroupConfig[];
	/** Tag of the default route; null: the first upstream, else the first group, else `direct`. */
	readonly route: string | null;
	/** Processes that serve together. */
	readonly workers: number;
	readonly anonymity: AnonymityConfig;
	readonly exit: ExitConfig;
	readonly egress: EgressConfig;
	/** More ways straight out, each from addresses of its own. */
	readonly sources: readonly SourceConfig[];
	readonly session: SessionConfig;
	readonly tor: TorConfig;
	/** For rules to name. */
	readonly lists: readonly ListSpec[];
	/** In order; the first rule that matches decides. */
	readonly rules: readonly RuleConfig[];
	/** Null: no authentication. A list, even an empty one: nobody else gets in. */
	readonly users: readonly UserConfig[] | null;
	readonly limits: LimitsConfig;
	/** Null: limits are this process's own. */
	readonly redis: RedisLimits | null;
	readonly timeouts: TimeoutsConfig;
	readonly udp: UdpConfig;
	readonly bind: BindConfig;
	/** Whether listeners answer GET /proxy.pac, and by which names beside addresses and `localhost`. */
	readonly pac: { readonly enabled: boolean; readonly hosts: readonly string[] };
	readonly resolver: ResolverConfig;
	/** `native`: sockets as plain descriptors, where the machine has native calls. */
	readonly io: { readonly native: boolean };
	readonly log: LogOptions;
	readonly admin: AdminConfig;
	readonly reload: ReloadConfig;
}

export type AnonymityLevel = 'elite' | 'anonymous' | 'transparent';

export interface AnonymityConfig {
	readonly level: AnonymityLevel;
	/** What goes off responses, and with it off requests; `spare`: patterns of the names of targets that are left alone. */
	readonly response: { readonly remove: readonly KindName[]; readonly spare: readonly string[] };
}

export interface ListenConfig {
	/** `listen-1` and so on: for rules and logs. */
	readonly tag: string;
	/** Numeric address; null listens on every address of the machine, IPv6 and IPv4. */
	readonly host: string | null;
	/** 0 takes any free port. */
	readonly port: number;
	/** The name of a socket that the service manager hands over; then host is null and port 0. */
	readonly descriptor?: string;
}

export interface UpstreamConfig {
	/** Unique; never `direct` or `block`. */
	readonly tag: string;
	/** At least one; the last one stands next to the target. */
	readonly hops: readonly PartConfig[];
}

/** A hop, or another way out by its tag. */
export type PartConfig = HopConfig | { readonly type: 'tag'; readonly tag: string };

/** As ways.ts takes it, but for the reader of lines, which is made of `scheme`. */
export interface GroupConfig extends Omit<GroupSpec, 'parse'> {
	/** What a line of a list without a scheme is. */
	readonly scheme: HopConfig['type'];
}

export interface HopConfig {
	readonly type: 'socks4' | 'socks4a' | 'socks5' | 'http' | 'https' | 'tor';
	/** Canonical text of a name or an address, without brackets. */
	readonly host: string;
	readonly port: number;
	readonly user: string | null;
	/** Null when there is no user, and always with SOCKS4, which has none, and Tor, which gets others for each flow. */
	readonly password: Secret | null;
}

export interface ExitConfig {
	readonly allowPrivate: boolean;
	readonly ports: PortSet;
	/** `report`: what would be refused is let through and logged. */
	readonly mode: 'enforce' | 'report';
	/** HTML for browsers whose plain HTTP is refused; null: a line of text. */
	readonly page: string | null;
}

/** As policy/rules.ts takes it; its texts parse, and its tags exist. A condition with an empty list is no condition. */
export type RuleConfig = Required<RuleSpec>;

/** `password` comes from the configuration itself, `hash` (`$scrypt$...`) from the users file. */
export type UserConfig = PlainUser | { readonly name: string; readonly hash: Secret };

/** As limits/account-limiter.ts takes it. */
export interface LimitsConfig {
	readonly allowances: Allowances;
	readonly ceilings: Ceilings;
	readonly prefixes: ClientPrefixes;
}

/** Status, metrics and control. */
export interface AdminConfig {
	readonly listen: AdminListen;
	/** What has to be shown; never null where it listens on TCP. */
	readonly token: Secret | null;
	/** Names it may be called by, beside addresses and `localhost`. */
	readonly hosts: readonly string[];
}

/** `default`: a socket in the runtime folder that systemd gives, and nowhere without one. `fd`: a socket handed over. */
export type AdminListen =
	| { readonly kind: 'default' | 'off' }
	| { readonly kind: 'tcp'; readonly host: string | null; readonly port: number }
	| { readonly kind: 'unix'; readonly path: string }
	| { readonly kind: 'fd'; readonly name: string };

export interface ReloadConfig {
	/** Whenever a file of the configuration changes. */
	readonly watch: boolean;
}

/** 0 means never. */
export interface TimeoutsConfig {
	readonly handshakeMs: number;
	readonly dialMs: number;
	readonly idleMs: number;
	readonly keepAliveMs: number;
	readonly lifetimeMs: number;
	readonly httpIdleMs: number;
	readonly drainMs: number;
}

/** What clients or peers are told to connect to, in the place of an address of this machine. */
export interface AdvertisedConfig {
	/** Tag of a listener; null: of all. */
	readonly inbound: string | null;
	readonly ip: Ip;
}

/** UDP ASSOCIATE. */
export interface UdpConfig {
	readonly enabled: boolean;
	readonly advertised: readonly AdvertisedConfig[];
	readonly ports: PortChoice;
	readonly filter: 'address' | 'endpoint' | 'none';
	/** 0: no limit. */
	readonly packetsPerSecond: number;
	readonly idleMs: number;
}

export interface BindConfig {
	/** Those that serve it; `loopback`: those that listen on a loopback address. */
	readonly listeners: 'loopback' | 'all' | 'none';
	readonly advertised: readonly AdvertisedConfig[];
	readonly ports: PortChoice;
	readonly waitMs: number;
}

export interface ResolverConfig {
	/** `address` or `address:port`, as node:dns takes them; empty for the system's. */
	readonly servers: readonly string[];
	readonly timeoutMs: number;
	readonly cacheEntries: number;
	readonly minTtlMs: number;
	readonly maxTtlMs: number;
	readonly hostsFile: boolean;
}

/** A configuration as it is written; `conf/bauta.toml` says what each key means. Every key may be left out. */
export interface ConfigInput {
	readonly listen?: readonly string[] | undefined;
	readonly upstream?: readonly (string | UpstreamInput)[] | undefined;
	readonly group?: readonly GroupInput[] | undefined;
	readonly route?: string | undefined;
	readonly workers?: number | string | undefined;
	readonly anonymity?:
		| {
				readonly level?: AnonymityLevel | undefined;
				readonly response?:
					| { readonly remove?: readonly KindName[] | undefined; readonly spare?: readonly string[] | undefined }
					| undefined;
		  }
		| undefined;
	readonly exit?:
		| {
				readonly allow_private?: boolean | undefined;
				readonly ports?: string | undefined;
				readonly mode?: 'enforce' | 'report' | undefined;
				readonly page?: string | undefined;
		  }
		| undefined;
	readonly egress?:
		| {
				readonly source?: readonly string[] | undefined;
				readonly strategy?: SourceStrategy | undefined;
				readonly mark?: number | undefined;
				readonly device?: string | undefined;
		  }
		| undefined;
	readonly source?: readonly SourceInput[] | undefined;
	readonly session?:
		| {
				readonly separator?: string | undefined;
				readonly ttl?: string | undefined;
				readonly max_ttl?: string | undefined;
				readonly expire?: 'fixed' | 'sliding' | undefined;
				readonly strict?: boolean | undefined;
				readonly total?: number | undefined;
				readonly per_user?: number | undefined;
		  }
		| undefined;
	readonly tor?:
		| { readonly isolate?: readonly TorIsolation[] | undefined; readonly rotate?: string | undefined }
		| undefined;
	readonly list?: readonly ListInput[] | undefined;
	readonly rule?: readonly RuleInput[] | undefined;
	readonly users?: { readonly list?: readonly string[] | undefined; readonly file?: string | undefined } | undefined;
	readonly limits?: LimitsInput | undefined;
	readonly redis?: RedisInput | undefined;
	readonly timeouts?:
		| {
				readonly handshake?: string | undefined;
				readonly dial?: string | undefined;
				readonly idle?: string | undefined;
				readonly keepalive?: string | undefined;
				readonly lifetime?: string | undefined;
				readonly http_idle?: string | undefined;
				readonly drain?: string | undefined;
		  }
		| undefined;
	readonly udp?: UdpInput | undefined;
	readonly bind?: BindInput | undefined;
	readonly pac?: { readonly enabled?: boolean | undefined; readonly hosts?: readonly string[] | undefined } | undefined;
	readonly resolver?:
		| {
				readonly servers?: readonly string[] | undefined;
				readonly timeout?: string | undefined;
				readonly cache_entries?: number | undefined;
				readonly min_ttl?: string | undefined;
				readonly max_ttl?: string | undefined;
				readonly hosts_file?: boolean | undefined;
		  }
		| undefined;
	readonly io?: { readonly native?: boolean | undefined } | undefined;
	readonly log?:
		| {
				readonly level?: LogOptions['level'] | undefined;
				readonly format?: LogOptions['format'] | undefined;
				readonly clients?: LogOptions['clients'] | undefined;
				readonly users?: boolean | undefined;
				readonly targets?: boolean | undefined;
		  }
		| undefined;
	readonly admin?:
		| {
				readonly listen?: string | undefined;
				readonly token?: string | undefined;
				readonly token_file?: string | undefined;
				readonly hosts?: readonly string[] | undefined;
		  }
		| undefined;
	readonly reload?: { readonly watch?: boolean | undefined } | undefined;
}

/** The limits of one kind of subject. */
export interface AllowanceInput {
	readonly connections_open?: number | undefined;
	readonly connections_per_second?: number | undefined;
	readonly burst?: number | undefined;
	readonly requests_per_second?: number | undefined;
	readonly requests_burst?: number | undefined;
	readonly up_rate?: string | undefined;
	readonly down_rate?: string | undefined;
	readonly bytes_per_day?: string | undefined;
	readonly bytes_per_month?: string | undefined;
	readonly when_down?: WhenDown | undefined;
}

/** `[limits]`. */
export interface LimitsInput extends AllowanceInput {
	readonly handshakes?: number | undefined;
	readonly total_connections?: number | undefined;
	readonly total_handshakes?: number | undefined;
	readonly total_clients?: number | undefined;
	readonly ipv4_prefix?: number | undefined;
	readonly ipv6_prefix?: number | undefined;
	readonly ipv6_network?: number | undefined;
	readonly network?: AllowanceInput | undefined;
	readonly user?: AllowanceInput | undefined;
	readonly exception?: readonly ExceptionInput[] | undefined;
	readonly failures?:
		| {
				readonly authentications?: number | undefined;
				readonly destinations?: number | undefined;
				readonly window?: string | undefined;
				readonly ban?: string | undefined;
		  }
		| undefined;
}

/** One `[[limits.exception]]`. */
export interface ExceptionInput extends AllowanceInput {
	readonly name?: string | undefined;
	readonly client?: readonly string[] | undefined;
	readonly user?: readonly string[] | undefined;
}

export interface UdpInput {
	readonly enabled?: boolean | undefined;
	readonly advertise?: readonly string[] | undefined;
	readonly ports?: string | undefined;
	readonly filter?: UdpConfig['filter'] | undefined;
	readonly packets_per_second?: number | undefined;
	readonly idle?: string | undefined;
}

export interface BindInput {
	readonly listeners?: BindConfig['listeners'] | undefined;
	readonly advertise?: readonly string[] | undefined;
	readonly ports?: string | undefined;
	readonly wait?: string | undefined;
}

/** One `[[rule]]`. */
export interface RuleInput {
	readonly name?: string | undefined;
	readonly action: 'allow' | 'deny' | 'report';
	readonly client?: readonly string[] | undefined;
	readonly user?: readonly string[] | undefined;
	readonly target?: readonly string[] | undefined;
	readonly address?: readonly string[] | undefined;
	readonly port?: string | undefined;
	readonly inbound?: readonly string[] | undefined;
	readonly session?: readonly string[] | undefined;
	readonly exit?: readonly string[] | undefined;
	readonly time?: readonly string[] | undefined;
	readonly list?: readonly string[] | undefined;
	readonly method?: readonly string[] | undefined;
	readonly path?: readonly string[] | undefined;
	readonly type?: readonly string[] | undefined;
	readonly route?: string | undefined;
}

/** [redis]. */
export interface RedisInput {
	readonly url?: readonly string[] | undefined;
	readonly sentinel?: string | undefined;
	readonly user?: string | undefined;
	readonly password_file?: string | undefined;
	readonly ca_file?: string | undefined;
	readonly key_file?: string | undefined;
	readonly prefix?: string | undefined;
	readonly wait?: string | undefined;
	readonly lease?: string | undefined;
	readonly salt?: string | undefined;
}
