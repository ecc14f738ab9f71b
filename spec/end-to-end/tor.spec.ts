// Tor before and behind the gateway, in a network of its own on loopback. It takes some seconds to vote itself a consensus;
// everything here waits for that once.

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import test from 'ava';
import { parse } from 'smol-toml';
import { type ConfigInput, createGateway, type Flow, type Gateway } from '../../lib/index.ts';
import { TOR_USER } from '../../lib/policy/tor-isolation.ts';
import { freePort, run, until } from '../helpers/process.ts';
import { missing, needs, program } from '../helpers/programs.ts';
import { type Scope, scopeOfFile } from '../helpers/scope.ts';
import {
	bootstrapped,
	circuits,
	publishOnion,
	startTorNetwork,
	type TorNetwork,
	type TorNode,
} from '../helpers/tor-network.ts';

/** One after the other: circuits are counted, and a node that comes or goes changes the network for all. */
const { serial } = test;
const scope = scopeOfFile(test);
const HERE = missing(['tor', 'curl']).length === 0;

let network: TorNetwork;
let originPort = 0;

test.before('a network comes up', async (t) => {
	t.timeout(120_000);
	if (!HERE) return;
	originPort = await startOrigin();
	network = await startTorNetwork(scope, 3);
});

function startOrigin(): Promise<number> {
	const server = createServer((request, response) => response.end(`asked for ${request.url}`));
	scope.teardown(() => void server.close());
	return new Promise((resolve) => {
		server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
	});
}

interface Running {
	readonly address: string;
	/** Those that have ended. */
	readonly flows: readonly Flow[];
	/** Ends those that live, and waits for them. */
	close(): Promise<void>;
}

/** A client of the network that is ready. */
async function clientOf(name: string): Promise<TorNode> {
	const client = await network.add(name);
	await bootstrapped(client);
	return client;
}

/** A gateway with that client as its way out, or none. */
async function started(t: Scope, tor: TorNode | null): Promise<Running> {
	const upstream = tor === null ? [] : [`tor://127.0.0.1:${tor.socksPort}`];
	const flows: Flow[] = [];
	const gateway: Gateway = createGateway(
		{ listen: ['127.0.0.1:0'], exit: { allow_private: true, ports: 'all' }, upstream },
		{ observer: { flowEnded: (flow) => void flows.push(flow) } },
	);
	await gateway.start();
	t.teardown(() => gateway.close());
	return { address: gateway.addresses[0]!, flows, close: () => gateway.close() };
}

async function curl(t: Scope, ...args: string[]): Promise<string> {
	const { stdout } = await run(t, program('curl'), ['-s', '--max-time', '50', ...args]);
	return stdout.toString();
}

/** Passwords of the circuits that were made for us, each with the paths of its circuits. */
async function isolated(client: TorNode): Promise<Map<string, string[]>> {
	const ours = (await circuits(client)).filter(({ user }) => user === TOR_USER);
	return new Map(
		[...Map.groupBy(ours, ({ password }) => password!)].map(([password, all]) => [
			password,
			all.map(({ path }) => path),
		]),
	);
}

needs(
	serial,
	'tor',
	'curl',
)('two sessions leave by two circuits, and one by one in every protocol', async (t) => {
	t.timeout(90_000);
	const client = await clientOf('client');
	const { address } = await started(t, client);
	const url = `http://127.0.0.1:${originPort}/x`;
	t.is(await curl(t, '-x', `socks5h://web-session-a:x@${address}`, url), 'asked for /x');
	const [first] = [...(await isolated(client)).keys()];
	t.regex(first!, /^[0-9a-f]{32}$/);
	t.is(await curl(t, '-x', `http://web-session-a:x@${address}`, url), 'asked for /x', 'plain HTTP');
	t.is(await curl(t, '-p', '-x', `http://web-session-a:x@${address}`, url), 'asked for /x', 'CONNECT');
	t.is(await curl(t, '-x', `socks4a://web-session-a@${address}`, url), 'asked for /x');
	t.deepEqual([...(await isolated(client)).keys()], [first!]);
	t.is(await curl(t, '-x', `socks5h://web-session-b:x@${address}`, url), 'asked for /x');
	const both = await isolated(client);
	t.is(both.size, 2);
	t.is(await curl(t, '-x', `socks5h://other-session-a:x@${address}`, url), 'asked for /x');
	t.is((await isolated(client)).size, 3, 'another name\u2019s `a` is another session');
	t.is(await curl(t, '-x', `socks5h://${address}`, url), 'asked for /x');
	t.is((await isolated(client)).size, 4, 'no session is the client\u2019s own circuit');
});

needs(
	serial,
	'tor',
	'curl',
)('an onion service is reached by name, and what Tor says of one that is not is told', async (t) => {
	t.timeout(90_000);
	const onion = await publishOnion(t, await clientOf('service'), originPort);
	const { address, flows } = await started(t, await clientOf('onionclient'));
	const { address: direct } = await started(t, null);
	// A directory that has been asked too early is asked again after some seconds.
	const visit = () => curl(t, '--max-time', '20', '-x', `socks5h://${address}`, `http://${onion}/y`);
	await until('the onion service answers', visit, (said) => said === 'asked for /y', 60_000);
	const told = (target: string) =>
		curl(t, '-o', '/dev/null', '-w', '%{http_code}', '-x', `http://${address}`, `http://${target}/`);
	t.is(await told('abcdefghijklmnop.onion'), '502');
	t.like(flows.at(-1)?.outcome, { cause: 'destination_not_found', side: 'target', phase: 'hop' });
	const without = await curl(t, '-o', '/dev/null', '-w', '%{http_code}', '-x', `http://${direct}`, `http://${onion}/`);
	t.is(without, '403', 'a gateway without Tor');
});

/** What Tor calls us in torrc, and what it speaks to us then. */
const PROXIES = [
	['Socks5Proxy', 'socks5'],
	['HTTPSProxy', 'connect'],
] as const;

/** Runs a node behind a gateway until it is up and has been used; true when it spoke `protocol` to it and nothing else. */
async function worksBehind(
	t: Scope,
	[what, protocol]: (typeof PROXIES)[number],
	isRelay: boolean,
	use: (node: TorNode) => Promise<void> = async () => {},
): Promise<boolean> {
	const gateway = await started(t, null);
	const node = await network.add(nameOf(what, isRelay), [`${what} ${gateway.address}`], isRelay);
	await bootstrapped(node);
	await use(node);
	await node.halt();
	await gateway.close();
	return gateway.flows.length > 0 && gateway.flows.every((flow) => flow.protocol === protocol && flow.downBytes > 0);
}

const nameOf = (what: string, isRelay: boolean): string => `${isRelay ? 'relay' : 'client'}by${what}`;

needs(
	serial,
	'tor',
	'curl',
)('a Tor client works with the gateway as its Socks5Proxy and as its HTTPSProxy', async (t) => {
	t.timeout(90_000);
	const url = `http://127.0.0.1:${originPort}/z`;
	const use = async ({ socksPort }: TorNode) =>
		void t.is(await curl(t, '-x', `socks5h://127.0.0.1:${socksPort}`, url), 'asked for /z');
	t.deepEqual(await Promise.all(PROXIES.map((proxy) => worksBehind(t, proxy, false, use))), [true, true]);
});

needs(
	serial,
	'tor',
	'curl',
)('conf/tor.toml stands before and behind one Tor', async (t) => {
	t.timeout(90_000);
	const ports = [await freePort(), await freePort()];
	// Tor is told of the second listener, and the gateway of Tor's port, which it has when it starts.
	const client = await network.add('both', [`Socks5Proxy 127.0.0.1:${ports[1]}`]);
	const text = readFileSync(join(import.meta.dirname, '../../conf/tor.toml'), 'utf8')
		.replace('127.0.0.1:1080"', `127.0.0.1:${ports[0]}"`)
		.replace('127.0.0.1:1081"', `127.0.0.1:${ports[1]}"`)
		.replace('127.0.0.1:9050', `127.0.0.1:${client.socksPort}`);
	const flows: Flow[] = [];
	// The network is on loopback, and so is the origin, at no port of the web.
	const exit = { allow_private: true, ports: `default,${originPort}` };
	const gateway = createGateway(
		{ ...(parse(text) as ConfigInput), exit },
		{ observer: { flowEnded: (flow) => void flows.push(flow) } },
	);
	await gateway.start();
	t.teardown(() => gateway.close());
	await bootstrapped(client);
	const said = await curl(t, '-x', `socks5h://${gateway.addresses[0]}`, `http://127.0.0.1:${originPort}/both`);
	t.is(said, 'asked for /both');
	await client.halt();
	await gateway.close();
	const by = (inbound: string): Flow[] => flows.filter((flow) => flow.inbound === inbound && flow.downBytes > 0);
	t.deepEqual([by('listen-1').length, by('listen-1')[0]?.route], [1, 'tor']);
	t.true(by('listen-2').length > 0 && by('listen-2').every(({ route }) => route === 'direct'));
});

// The last one: relays that have gone stay in the consensus for a while, and circuits through them fail.
needs(
	serial,
	'tor',
	'curl',
)('a Tor relay works with the gateway as its Socks5Proxy and as its HTTPSProxy', async (t) => {
	t.timeout(90_000);
	const works = PROXIES.map(async (proxy) => {
		// A new relay asks for its first directory in the clear, which Tor does through no SOCKS proxy.
		const before = await network.add(nameOf(proxy[0], true), [], true);
		await bootstrapped(before);
		await before.halt();
		return worksBehind(t, proxy, true);
	});
	t.deepEqual(await Promise.all(works), [true, true]);
});
