// Connections that go in a circle: to the gateway itself, by every way to say that, and through upstreams that lead back.
import test from 'ava';
import { addressOf, attacker, dismiss, hears, many } from '../helpers/attackers.ts';
import { startDns } from '../helpers/dns-server.ts';
import { startGateway } from '../helpers/gateway-process.ts';
import { handshakeOf } from '../helpers/handshakes.ts';
import { freePort } from '../helpers/process.ts';
import { survives } from '../helpers/siege.ts';

/** Where the rule of one gateway says the other, and the other the first. */
const CIRCLE = 9;

/** A CONNECT to the gateway that asks it, behind the tunnel, for one to itself, and so on. */
function nested(host: string, port: number, depth: number): string {
	return handshakeOf('connect', host, port).toString('latin1').repeat(depth);
}

test.serial('a gateway does not reach itself: by its address, by another of its machine, by a name', async (t) => {
	const dns = await startDns(t, ({ type }) => ({ addresses: type === 'A' ? ['127.0.0.1'] : [] }));
	const config = `[resolver]\nservers = ["${dns.address}"]\nhosts_file = false\n`;
	await survives(t, { config, allPorts: true, listen: '0.0.0.0:0' }, async ({ gateway, look }) => {
		for (const host of [
			'127.0.0.1',
			'127.0.0.5',
			'127.1',
			'[::ffff:127.0.0.1]',
			'localhost',
			'me.example',
			'x1.me.example',
		]) {
			const ask = `CONNECT ${host}:${gateway.port} HTTP/1.1\r\n\r\n${nested('127.0.0.1', gateway.port, 20)}`;
			const all = await many(100, (i) => attacker(gateway.port, addressOf(i), ask));
			await Promise.all(all.map(({ gone }) => gone));
			look();
			for (const { heard } of all)
				t.regex(heard, /^HTTP\/1\.1 403 .*\r\nProxy-Status: gateway; error=proxy_loop_detected\r\n/, host);
		}
	});
});

test.serial(
	'two gateways that point at each other end with what an address may have, and nobody else minds',
	async (t) => {
		const peer = await freePort();
		const config = `route = "direct"
upstream = [{ tag = "peer", via = ["socks5://127.0.0.1:${peer}"] }]
rule = [{ action = "allow", port = "${CIRCLE}", route = "peer" }]
`;
		await survives(t, { config }, async ({ gateway, look }) => {
			const back = ['--allow-private', '--allow-ports', 'all', '-F', `socks5://127.0.0.1:${gateway.port}`];
			const other = await startGateway(t, back, { listen: `127.0.0.1:${peer}` });
			const ask = handshakeOf('connect', '127.0.0.1', CIRCLE);
			for (let round = 0; round < 3; round++) {
				const all = await many(10, (i) => attacker(gateway.port, addressOf(i), ask));
				await Promise.all(all.map((one) => hears(one, /HTTP\/1\.1 \d+ /)));
				look();
				for (const { heard } of all) t.regex(heard, /^HTTP\/1\.1 (403|429|50[234]) /);
				await dismiss(all);
			}
			t.is(await other.stop(), 0);
		});
	},
);
