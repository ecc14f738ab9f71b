// A connection to Redis, as ioredis makes it: to one server, to the master that sentinels name, or to a cluster. It is used
// until the first thing goes wrong and thrown away then, so it never reconnects, queues or repeats by itself.
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import type { Secret } from '../core/secret.ts';
import { SCRIPTS, type ScriptMethods } from './redis-scripts.ts';

export interface RedisServers {
	/** `redis://` or `rediss://`, with user, password and number of the database; several are nodes of one cluster. */
	readonly urls: readonly Secret[];
	/** The name of a master: `urls` are sentinels then, and what they say of user and password is the sentinels' own. */
	readonly sentinel: string | null;
	/** Of the servers that hold the data, instead of those in the URLs. */
	readonly user: string | null;
	readonly password: Secret | null;
	/** PEM of the authorities that may vouch for `rediss://`; null for those Node knows. */
	readonly ca: string | null;
}

/** A connection with our scripts on it; `nodes` where it is one to a cluster. */
export type StoreClient = Redis & ScriptMethods & { readonly nodes?: Cluster['nodes'] };

/** For a connection, its TLS and what is said on it first. */
const CONNECT_MS = 1_000;

/** A peer that has hung does not answer a FIN either. */
const LINGER_MS = 100;

/** Not connected yet. `asCluster`: one URL that turned out to be a node of a cluster. */
export function redisClient(servers: RedisServers, asCluster: boolean): StoreClient {
	const urls = servers.urls.map((url) => new URL(url.reveal()));
	const client = servers.sentinel === null ? clientOf(urls, servers, asCluster) : sentinelClient(urls, servers);
	return client as unknown as StoreClient;
}

function clientOf(urls: readonly URL[], servers: RedisServers, asCluster: boolean): Redis | Cluster {
	const first = urls[0] as URL;
	const options = { ...COMMON, ...tlsOf(first, servers), ...credentialsOf(first, servers) };
	if (urls.length === 1 && !asCluster)
		return new Redis({ ...options, ...placeOf(first, 6379), db: Number(first.pathname.slice(1)) });
	return new Cluster(
		urls.map((url) => placeOf(url, 6379)),
		{
			scripts: SCRIPTS,
			redisOptions: options,
			lazyConnect: true,
			enableOfflineQueue: false,
			enableReadyCheck: false,
			clusterRetryStrategy: null,
			slotsRefreshTimeout: CONNECT_MS / 3,
		},
	);
}

function sentinelClient(urls: readonly URL[], servers: RedisServers): Redis {
	const first = urls[0] as URL;
	const { tls } = tlsOf(first, servers);
	const own = credentialsOf(first, NO_CREDENTIALS);
	return new Redis({
		...COMMON,
		...credentialsOf(new URL('redis://none'), servers),
		sentinels: urls.map((url) => placeOf(url, 26379)),
		name: servers.sentinel as string,
		db: Number(first.pathname.slice(1)),
		sentinelRetryStrategy: () => null,
		sentinelCommandTimeout: CONNECT_MS / 3,
		...(own.username === undefined ? {} : { sentinelUsername: own.username }),
		...(own.password === undefined ? {} : { sentinelPassword: own.password }),
		...(tls ? { tls, sentinelTLS: tls, enableTLSForSentinelMode: true } : {}),
	});
}

const COMMON = {
	scripts: SCRIPTS,
	lazyConnect: true,
	enableOfflineQueue: false,
	autoResendUnfulfilledCommands: false,
	maxRetriesPerRequest: 0,
	retryStrategy: null,
	connectTimeout: CONNECT_MS,
	disconnectTimeout: LINGER_MS,
	disableClientInfo: true,
} satisfies RedisOptions;

const NO_CREDENTIALS: Pick<RedisServers, 'user' | 'password'> = { user: null, password: null };

function placeOf(url: URL, port: number): { readonly host: string; readonly port: number } {
	return { host: url.hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(url.port || port) };
}

function tlsOf(url: URL, { ca }: RedisServers): { readonly tls?: { readonly ca?: string } } {
	return url.protocol === 'rediss:' ? { tls: ca === null ? {} : { ca } } : {};
}

function credentialsOf(
	url: URL,
	{ user, password }: Pick<RedisServers, 'user' | 'password'>,
): { readonly username?: string; readonly password?: string } {
	const username = user ?? decodeURIComponent(url.username);
	const secret = password?.reveal() ?? decodeURIComponent(url.password);
	return { ...(username === '' ? {} : { username }), ...(secret === '' ? {} : { password: secret }) };
}
