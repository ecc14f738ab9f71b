// A gateway of the judge's own: as the configuration says, but for what is about its place in the world. It listens on a free
// port, nobody shares limits with it, its clients need no permission but their names, and it may reach the judge's origin.
import type { ConfigInput } from '../../lib/config/config.ts';
import { loadConfig } from '../../lib/config/load.ts';
import { resolveConfig } from '../../lib/config/resolve.ts';
import { chainText } from '../../lib/config/upstream.ts';
import { parseUser } from '../../lib/config/users.ts';
import type { Secret } from '../../lib/core/secret.ts';
import { createGateway } from '../../lib/gateway.ts';
import { type FlagValues, layerOf } from '../flags.ts';
import type { ProxyUrl } from './ways.ts';

/** What the gateway has to be let near. */
export interface Reach {
	readonly address: string;
	readonly ports: readonly number[];
	/** Names that lead to the origin, or under which there are some. */
	readonly names: readonly string[];
	/** The DNS server that the gateway asks, as `address:port`. */
	readonly resolver: string;
}

export interface OwnGateway {
	/** For people. */
	readonly title: string;
	/** One for each protocol. */
	readonly proxies: readonly ProxyUrl[];
	/** Who resolves the names that clients send; `unknown` where members of a group may differ. */
	readonly resolves: 'here' | 'last hop' | 'unknown';
	/** It goes straight to its targets. */
	readonly direct: boolean;
	/** What is not as it would be in service. */
	readonly notes: readonly string[];
	close(): Promise<void>;
}

/** Rejects with ConfigError and ListenError. */
export async function startOwn(values: FlagValues, reach: Reach): Promise<OwnGateway> {
	const { input } = await loadConfig({ file: values.config, env: process.env, flags: layerOf(values) });
	const gateway = createGateway(resolveConfig(placed(input, reach)));
	await gateway.start();
	const port = Number(/:(\d+)$/.exec(gateway.addresses[0] as string)?.[1]);
	const { config } = gateway;
	const login = loginOf(input);
	const types = login === null ? (['http', 'socks5', 'socks4a'] as const) : (['http', 'socks5'] as const);
	return {
		title: `${config.anonymity.level}, ${wayOut(config)}`,
		proxies: types.map((type) => ({ type, host: '127.0.0.1', port, user: null, password: null, ...login })),
		resolves: resolverOf(config),
		direct: defaultTag(config) === 'direct',
		notes: notesOf(input),
		close: () => gateway.close(),
	};
}

function placed(input: ConfigInput, { address, ports, names, resolver }: Reach): ConfigInput {
	const { users, redis: _redis, admin: _admin, reload: _reload, ...rest } = input;
	const [port, prefix] = [ports.join(','), address.includes(':') ? `${address}/128` : `${address}/32`];
	return {
		...rest,
		listen: (input.listen ?? ['']).map(() => '127.0.0.1:0'),
		rule: [
			{ name: 'the address of the origin', action: 'allow', address: [prefix], port },
			{ name: 'the names of the origin', action: 'allow', target: names, port },
			...(input.rule ?? []).map((rule, i) => ({ ...rule, name: rule.name || `rule-${i + 1}` })),
		],
		limits: { connections_open: 0, connections_per_second: 0, burst: 0, handshakes: 0 },
		resolver: { ...input.resolver, servers: [resolver] },
		...(users?.list?.length ? { users: { list: users.list } } : {}),
	};
}

type Login = { readonly user: string; readonly password: Secret };

/** The first user whose password is written down. */
function loginOf({ users }: ConfigInput): Login | null {
	const [first] = users?.list ?? [];
	const parsed = first === undefined ? null : parseUser(first);
	return parsed === null || 'wrong' in parsed ? null : { user: parsed.value.name, password: parsed.value.password };
}

function notesOf({ users }: ConfigInput): string[] {
	if (users?.list?.length) return ['SOCKS4 is not judged: it has no password, and users are asked for one'];
	return users?.file ? ['without users: the file has no passwords to log in with'] : [];
}

type Config = ReturnType<typeof resolveConfig>;

function defaultTag({ route, upstreams, groups }: Config): string {
	return route ?? upstreams[0]?.tag ?? groups[0]?.tag ?? 'direct';
}

function wayOut(config: Config): string {
	const tag = defaultTag(config);
	const upstream = config.upstreams.find((one) => one.tag === tag);
	return upstream ? `through ${chainText(upstream.hops)}` : tag;
}

/** Behind SOCKS4, which has no names, they are resolved here; else by the last hop. */
function resolverOf(config: Config): OwnGateway['resolves'] {
	const tag = defaultTag(config);
	const last = config.upstreams.find((one) => one.tag === tag)?.hops.at(-1);
	if (last !== undefined) return last.type === 'tag' ? 'unknown' : last.type === 'socks4' ? 'here' : 'last hop';
	return config.groups.some((one) => one.tag === tag) ? 'unknown' : 'here';
}
