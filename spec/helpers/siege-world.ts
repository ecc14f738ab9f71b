// Runs inside a network namespace (namespace.ts), where whole prefixes may be had for the asking: sieges that need them.
// `handshakes` and `keys` come from prefixes of 2001:db8::/32, `vanish` takes addresses away from live connections. Prints
// the report as JSON.
import { execFileSync } from 'node:child_process';
import { createServer } from 'node:net';
import { type Attacker, attacker, dismiss, hears, many } from './attackers.ts';
import { handshakeOf } from './handshakes.ts';
import { descriptors, until } from './process.ts';
import type { Scope } from './scope.ts';
import { besiege, FULL, type Siege, type SiegeOptions } from './siege.ts';

/** Of the gateway, in a prefix of its own. */
const HERE = '2001:db8:ffff::1';

const IP6: SiegeOptions = { listen: `[${HERE}]:0`, host: HERE, from: '2001:db8:fff%:1::1' };

const undo: (() => unknown)[] = [];
const scope: Scope = { teardown: (what) => void undo.push(what) };

/** The /64 with this number of a /48. */
function subnetOf(network: number, subnet: number): string {
	return `2001:db8:${network.toString(16)}:${subnet.toString(16)}::1`;
}

/** Of one /48 that all are in: more than there are places, and none of them says anything. */
async function handshakes({ gateway, look }: Siege): Promise<void> {
	const all = await many(4_000, (i) => attacker(gateway.port, subnetOf(1, i), 'C', HERE));
	look();
	await dismiss(all);
}

const CLIENTS_KEPT = FULL ? 65_536 : 4_096;

/** What is known of a client that has failed, with its /64 and a part of its /48. */
const KEPT_BYTES = 1_500;

/** Each /64 fails once, which is remembered for ten minutes, 64 of each /48. */
async function keys({ gateway, look }: Siege): Promise<void> {
	const refused = handshakeOf('connect', '127.0.0.1', 25);
	await many(Math.ceil(CLIENTS_KEPT * 1.2), async (i) => {
		const one = await attacker(gateway.port, subnetOf(1 + (i >> 6), i & 63), refused, HERE);
		if (!(await hears(one, / 403 /))) throw new Error(`client ${i} heard ${one.heard || 'nothing'}`);
		if (i % 1_024 === 0) look();
		await dismiss([one]);
	});
}

const CLIENT = '10.9.9.9';
const TARGET = '10.9.9.8';

function ip(...args: string[]): void {
	execFileSync('ip', args);
}

/** Clients whose machine is gone, without FIN or RST, and tunnels whose target's is. */
async function vanish({ gateway, good, look }: Siege): Promise<void> {
	for (const address of [CLIENT, TARGET]) ip('address', 'add', `${address}/32`, 'dev', 'lo');
	const target = createServer().listen(good.echo, TARGET);
	const before = descriptors(gateway.pid);
	const tunnels = (from: string, to: string): Promise<Attacker[]> =>
		many(100, async (i) => {
			const one = await attacker(gateway.port, from, handshakeOf('connect', to, good.echo));
			if (!(await hears(one, / 200 /))) throw new Error(`tunnel ${i} heard ${one.heard}`);
			return one;
		});
	const all = [...(await tunnels(CLIENT, '127.0.0.1')), ...(await tunnels('127.1.0.1', TARGET))];
	look();
	for (const address of [CLIENT, TARGET]) ip('address', 'del', `${address}/32`, 'dev', 'lo');
	await until(
		'the gateway has noticed',
		() => descriptors(gateway.pid),
		(now) => now <= before + 8,
		60_000,
	);
	for (const { socket } of all) socket.destroy();
	target.close();
}

const SIEGES: Readonly<Record<string, readonly [options: SiegeOptions, attack: (siege: Siege) => Promise<void>]>> = {
	handshakes: [IP6, handshakes],
	keys: [{ ...IP6, config: `[limits]\ntotal_clients = ${CLIENTS_KEPT}\n`, keptBytes: CLIENTS_KEPT * KEPT_BYTES }, keys],
	vanish: [{ listen: '0.0.0.0:0', config: '[timeouts]\nkeepalive = "1s"\n' }, vanish],
};

const [options, attack] = SIEGES[process.argv[2] as string]!;
const report = await besiege(scope, options, attack);
for (const one of undo.toReversed()) await one();
process.stdout.write(JSON.stringify(report), () => process.exit(0));
