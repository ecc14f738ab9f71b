// Who looks for open ports, sends mail, or guesses passwords: slowed down, then banned, and nobody else with it.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { type Attacker, addressOf, attacker, dismiss, hears, many } from '../helpers/attackers.ts';
import { bauta } from '../helpers/command.ts';
import { temporaryFolder } from '../helpers/gateway-process.ts';
import { handshakeOf } from '../helpers/handshakes.ts';
import { survives } from '../helpers/siege.ts';
import { associate } from '../helpers/udp.ts';

const STATUS = /HTTP\/1\.1 (\d+) /;

/** The status that it heard; 0 for a close without a word. */
async function status(one: Attacker): Promise<number> {
	await hears(one, STATUS);
	await dismiss([one]);
	return Number(STATUS.exec(one.heard)?.[1] ?? 0);
}

test.serial(
	'a scan from one address is banned, one of 4,000 ports from 127 addresses is refused to the last',
	async (t) => {
		// Who comes again is banned still.
		let first = 0;
		await survives(t, { config: '[limits.failures]\ndestinations = 60\n' }, async ({ gateway, look }) => {
			const scan = (from: (i: number) => string, count: number): Promise<number[]> =>
				many(count, async (i) =>
					status(await attacker(gateway.port, from(i), handshakeOf('connect', '127.0.0.1', 20_000 + i))),
				);
			const alone = await scan(() => addressOf(first), 200);
			look();
			t.true(
				alone.filter((code) => code === 403).length <= 60 + 128,
				'those on their way when the ban comes are refused, too',
			);
			t.is(alone.at(-1), 429);
			const spread = await scan((i) => addressOf(first + 1 + (i % 127)), 4_000);
			t.is(spread.filter((code) => code === 403).length, spread.length);
			first += 128;
		});
	},
);

/** Mail, and what answers to a forged sender with more than it was sent: TCP. */
const PORTS = [19, 25, 53_000, 111, 123, 137, 161, 389, 445, 465, 587, 1_900, 2_525, 5_353, 11_211, 27_015];

test.serial('ports for mail and of amplifiers are refused, by TCP and by UDP', (t) =>
	survives(t, {}, async ({ gateway, good, look }) => {
		const echo = createSocket('udp4').on('message', (bytes, { port, address }) => echo.send(bytes, port, address));
		echo.bind(good.echo, '127.0.0.1');
		await once(echo, 'listening');
		const codes = await many(PORTS.length * 20, async (i) =>
			status(await attacker(gateway.port, addressOf(i), handshakeOf('connect', '127.0.0.1', PORTS[i % PORTS.length]!))),
		);
		t.deepEqual(new Set(codes), new Set([403]));
		const client = await associate(t, gateway.port);
		for (const port of PORTS) await client.send('127.0.0.1', port, 'get');
		// They are served in order: when this one is back, all are through.
		await client.send('127.0.0.1', good.echo, 'over');
		await client.answer();
		look();
		client.control.socket.destroy();
		echo.close();
		const flow = await gateway.record(({ command }) => command === 'associate');
		t.deepEqual(flow.drops, { refused: PORTS.length });
	}),
);

test.serial('1,000 addresses that guess passwords do not keep out who has been here', async (t) => {
	const login = { user: 'alice', password: 'looking-glass' };
	const { stdout } = await bauta(t, ['user', 'hash', login.user], { input: `${login.password}\n` });
	const file = join(temporaryFolder(t), 'users');
	writeFileSync(file, stdout);
	await survives(t, { config: `users.file = "${file}"\n`, login }, async ({ gateway, good, look }) => {
		const guess = (i: number): Buffer =>
			handshakeOf('connect', '127.0.0.1', good.echo, { user: 'alice', password: `${i}` });
		const codes = await many(1_000, async (i) => status(await attacker(gateway.port, addressOf(i), guess(i))), 500);
		look();
		// A check that comes to its turn only when the deadline is over has no answer.
		t.deepEqual(
			codes.filter((code) => ![0, 407, 503].includes(code)),
			[],
		);
		t.true(codes.filter((code) => code === 503).length > 500);
	});
});
