// Those who never say what they want, or say it so slowly that they never come to the end.
import test from 'ava';
import { type Attacker, addressOf, attacker, dismiss, hears, many } from '../helpers/attackers.ts';
import { handshakeOf, PROTOCOLS } from '../helpers/handshakes.ts';
import { survives } from '../helpers/siege.ts';

const SLOW = 4_000;

/** A byte of each, again and again, until the gateway is through with them. */
async function drip(all: readonly Attacker[], bytes: (index: number) => Buffer, rounds: number): Promise<void> {
	for (let i = 0; i < rounds; i++) {
		for (const [index, { socket }] of all.entries()) socket.write(bytes(index).subarray(i, i + 1));
		await new Promise((resolve) => setImmediate(resolve));
	}
}

const handshakes = PROTOCOLS.map((protocol) => handshakeOf(protocol, '127.0.0.1', 80));

test.serial('4,000 handshakes byte by byte, each from an address of its own', (t) =>
	survives(t, {}, async ({ gateway, look }) => {
		const all = await many(SLOW, (i) => attacker(gateway.port, addressOf(i)));
		await drip(all, (i) => handshakes[i % handshakes.length]!, 4);
		look();
		await dismiss(all);
	}),
);

test.serial('4,000 handshakes byte by byte from one address', (t) =>
	survives(t, {}, async ({ gateway, look }) => {
		const all = await many(SLOW, () => attacker(gateway.port, '127.1.0.1'));
		await drip(all, (i) => handshakes[i % handshakes.length]!, 4);
		look();
		t.true(all.filter(({ socket }) => !socket.closed).length <= 128, 'a client has so many handshakes');
		await dismiss(all);
	}),
);

test.serial('2,000 kept-alive clients whose next head never ends hear 408', (t) =>
	survives(t, { config: '[timeouts]\nhandshake = "2s"\n' }, async ({ gateway, good, look }) => {
		const head = `GET http://127.0.0.1:${good.web}/ HTTP/1.1\r\nHost: 127.0.0.1:${good.web}\r\n`;
		const all = await many(2_000, (i) => attacker(gateway.port, addressOf(i), `${head}\r\n${head}X-Slow: `));
		await Promise.all(all.map((one) => hears(one, /200 OK/)));
		look();
		await Promise.all(all.map(({ gone }) => gone));
		t.is(all.filter(({ heard }) => heard.includes('HTTP/1.1 408 ')).length, all.length);
	}),
);
