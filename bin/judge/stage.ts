// Where proxies are judged: the origin, the DNS server, and what is known of the addresses that both ends have.
import { networkInterfaces } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type { Canaries } from '../../lib/judge/canaries.ts';
import type { FlagValues } from '../flags.ts';
import { type Asked, NameServer } from './names.ts';
import { Origin } from './origin.ts';
import { type OwnGateway, startOwn } from './own-gateway.ts';
import { type Found, type Surroundings, tryProxy, type WayResult } from './trial.ts';
import { type Verdict, verdictOf } from './verdict.ts';
import { type Endpoint, loginOf, openTunnel, type ProxyUrl, waysOf } from './ways.ts';

export interface StageOptions {
	readonly canaries: Canaries;
	/** The origin, as proxies are told it: a name or an address. */
	readonly host: string;
	readonly address: string;
	/** The first for plain HTTP, the last for tunnels; 0 is any. */
	readonly ports: readonly number[];
	/** Where resolvers that are not the judge's find its DNS server. */
	readonly dns: Endpoint | null;
	/** Names under it are the judge's to answer for. */
	readonly zone: string;
}

/** For an answer: chains and Tor take seconds; a proxy on this machine that is silent for so long waits for something. */
const FAR_MS = 8_000;
const NEAR_MS = 2_000;

/** Enough to see a connection of one used for another; each may leave a kept connection behind at every hop. */
const CLIENTS = 3;

/** Listens. Rejects with the error of listen(2) or bind(2). */
export async function startStage(options: StageOptions): Promise<Stage> {
	const { address, ports, canaries, dns, zone } = options;
	const origin = await Origin.listen(isHere(address) ? address : '::', ports, canaries.idPattern);
	const own = await NameServer.listen('127.0.0.1', 0, zone, address);
	try {
		const outer = dns === null ? null : await NameServer.listen(dns.host, dns.port, zone, address);
		return new Stage(options, origin, own, outer);
	} catch (error) {
		origin.close();
		own.close();
		throw error;
	}
}

export class Stage {
	readonly #options: StageOptions;
	readonly #origin: Origin;
	/** For gateways of the judge's own. */
	readonly #own: NameServer;
	readonly #outer: NameServer | null;
	#names = 0;
	#turn = 0;

	constructor(options: StageOptions, origin: Origin, own: NameServer, outer: NameServer | null) {
		this.#options = options;
		this.#origin = origin;
		this.#own = own;
		this.#outer = outer;
	}

	/** Rejects with ConfigError and ListenError. */
	async judgeOwn(values: FlagValues): Promise<Verdict> {
		const { address, zone, host } = this.#options;
		const names = host === address ? [zone] : [zone, host];
		const { ports } = this.#origin;
		const gateway = await startOwn(values, { address, ports, names, resolver: this.#own.address });
		try {
			return await this.#ofGateway(gateway);
		} finally {
			await gateway.close();
		}
	}

	async #ofGateway({ title, proxies, resolves, direct, notes }: OwnGateway): Promise<Verdict> {
		const results: WayResult[] = [];
		const own = this.#around(proxies[0] as ProxyUrl, resolves === 'here');
		const around = direct ? own : { ...own, answerMs: FAR_MS };
		for (const proxy of proxies) results.push(...(await tryProxy(proxy, around)));
		for (const proxy of proxies) if (resolves === 'last hop') await this.#provoke(proxy);
		const asked = this.#own.asked.filter(({ name }) => name.endsWith(this.#options.zone));
		const more = [...(resolves === 'last hop' ? asked.map(askedHere) : []), ...this.#subnets()];
		return verdictOf(`a gateway of its own: ${title}`, results, more, {
			askedBy: this.#askedBy(),
			notes: [...notes, ...notesOf(around)],
			secrets: secretsOf(proxies[0] as ProxyUrl),
		});
	}

	/** `url` is for people, without its password. */
	async judgeProxy(url: string, proxy: ProxyUrl): Promise<Verdict> {
		let around = this.#around(proxy, false);
		let results = await tryProxy(proxy, around);
		// Proxies that let this machine in often mean 127.0.0.1 alone.
		if (around.from !== null && results.every(({ grade }) => grade === null)) {
			around = { ...around, from: null, judgesSource: false };
			results = await tryProxy(proxy, around);
		}
		const rest = { askedBy: this.#askedBy(), notes: notesOf(around), secrets: secretsOf(proxy) };
		return verdictOf(url, results, this.#subnets(), rest);
	}

	close(): void {
		this.#origin.close();
		this.#own.close();
		this.#outer?.close();
	}

	/** `owns`: the proxy asks the judge's own DNS server. */
	#around(proxy: ProxyUrl, owns: boolean): Surroundings {
		const { canaries, host, address } = this.#options;
		const { ports } = this.#origin;
		const zoned = owns || this.#outer !== null;
		const named = host === address ? null : () => host;
		const distinct = process.platform === 'linux' && isLoopback(proxy.host) && isLoopback(address);
		return {
			origin: this.#origin,
			canaries,
			http: { host: address, port: ports[0] as number },
			tunnel: { host: address, port: ports.at(-1) as number },
			name: zoned ? () => this.#newName() : named,
			from: distinct ? () => this.#newClient() : null,
			answerMs: isHere(proxy.host) ? NEAR_MS : FAR_MS,
			judgesSource: distinct || !isHere(proxy.host),
		};
	}

	#newName(): string {
		const { canaries, zone } = this.#options;
		return `n${++this.#names}-${canaries.seed}.${zone}`;
	}

	/** Of several clients in turn, none of which a proxy on loopback would leave from. */
	#newClient(): string {
		return `127.77.0.${(this.#turn++ % CLIENTS) + 1}`;
	}

	/** Asks a chain for a name that leads nowhere for its last hop: nobody here may be asked for it. */
	async #provoke(proxy: ProxyUrl): Promise<void> {
		const to = { host: this.#newName(), port: this.#origin.ports.at(-1) as number };
		for (const way of waysOf(proxy.type)) {
			if (!way.byName || way.protocol === 'http') continue;
			const asked = openTunnel(proxy, way, to, null).then(
				(socket) => void socket.destroy(),
				() => {},
			);
			await Promise.race([asked, delay(NEAR_MS, undefined, { ref: false })]);
		}
	}

	#askedBy(): string[] | null {
		const { asked } = this.#outer ?? this.#own;
		if (this.#outer === null && asked.length === 0) return null;
		return [...new Set(asked.map(({ by }) => by))];
	}

	/** RFC 7871: a resolver that says whom it asks for. */
	#subnets(): Found[] {
		const all = [...this.#own.asked, ...(this.#outer?.asked ?? [])];
		return all
			.filter(({ subnet }) => subnet !== null)
			.map((asked) => dnsFinding("the client's network in a question", asked));
	}
}

function askedHere(asked: Asked): Found {
	return dnsFinding('a name that the last hop has to resolve was asked for here', asked);
}

function dnsFinding(what: string, { name, type, by, subnet }: Asked): Found {
	const through = `${type} ${name} by ${by}${subnet === null ? '' : ` for ${subnet}`}`;
	return {
		place: 'dns',
		what,
		field: null,
		allows: 'anonymous',
		offset: null,
		direct: null,
		through,
		probe: 'DNS',
		way: 'DNS',
	};
}

/** Texts that must not be shown. */
function secretsOf(proxy: ProxyUrl): string[] {
	const { password } = proxy;
	if (password === null) return [];
	return [password.reveal(), ...Object.values(loginOf(proxy)).map((value) => value.replace('Basic ', ''))];
}

function notesOf({ judgesSource }: Surroundings): string[] {
	const always = 'not judged: timing, TCP fingerprints, what lists say of the address';
	return judgesSource ? [always] : [`${always}; and the source address, because proxy and client share this machine's`];
}

function isLoopback(host: string): boolean {
	return host === 'localhost' || host.startsWith('127.');
}

/** Whether an address is this machine's. */
export function isHere(host: string): boolean {
	if (isLoopback(host) || host === '::1') return true;
	return Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === host));
}
