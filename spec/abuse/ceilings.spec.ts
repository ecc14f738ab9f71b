// As much as a process may have, and more asked for: descriptors, memory.
import test from 'ava';
import { addressOf, attacker, dismiss, hears, many } from '../helpers/attackers.ts';
import { startGateway } from '../helpers/gateway-process.ts';
import { handshakeOf } from '../helpers/handshakes.ts';
import { cpuMs, until } from '../helpers/process.ts';
import { settled, survives } from '../helpers/siege.ts';
import { farewell, startTcpOrigin } from '../helpers/tcp-origins.ts';

const DESCRIPTORS = 512;

test.serial('2,000 tunnels asked of a gateway that has 512 descriptors', async (t) => {
	const origin = await startTcpOrigin(t, farewell);
	const ask = handshakeOf('connect', '127.0.0.1', origin.port);
	await survives(t, { openFiles: DESCRIPTORS, ports: [origin.port] }, async ({ gateway, look }) => {
		const all = await many(2_000, (i) => attacker(gateway.port, addressOf(i % 20), ask));
		await Promise.all(all.map((one) => hears(one, /HTTP\/1\.1 \d+ /)));
		const { descriptors } = look();
		t.true(descriptors > DESCRIPTORS / 2 && descriptors <= DESCRIPTORS, `${descriptors}`);
		await dismiss(all);
	});
});

test.serial(
	'with every descriptor taken clients are closed, nothing spins, and others are served afterwards',
	async (t) => {
		const origin = await startTcpOrigin(t, farewell);
		const ask = handshakeOf('connect', '127.0.0.1', origin.port);
		// Without ceilings it is the kernel that says no.
		const config = '[limits]\ntotal_connections = 0\ntotal_handshakes = 0\nconnections_per_second = 0\n';
		const gateway = await startGateway(t, ['--allow-private', '--allow-ports', 'all'], { config, openFiles: 256 });
		const all = await many(1_000, (i) => attacker(gateway.port, addressOf(i), ask));
		await until(
			'all have heard, or have been closed',
			() => all.filter(({ heard, socket }) => heard === '' && !socket.closed).length,
			settled(),
		);
		const before = cpuMs(gateway.pid);
		await new Promise((resolve) => setTimeout(resolve, 1_000));
		const used = cpuMs(gateway.pid) - before;
		t.true(used < 500, `${used} ms of CPU in a second of nothing`);
		await dismiss(all);
		const later = await attacker(gateway.port, addressOf(1), ask);
		t.true(await hears(later, / 200 /));
		await dismiss([later]);
		t.is(await gateway.stop(), 0);
	},
);

test.serial('5,000 tunnels in a heap of 64 MB', async (t) => {
	const origin = await startTcpOrigin(t, farewell);
	const ask = handshakeOf('socks5', '127.0.0.1', origin.port);
	await survives(t, { heapMb: 64, ports: [origin.port] }, async ({ gateway, look }) => {
		const all = await many(5_000, (i) => attacker(gateway.port, addressOf(i), ask));
		await Promise.all(all.map((one) => hears(one, /\x05\x00\x05\x00/)));
		look();
		await dismiss(all);
	});
});
