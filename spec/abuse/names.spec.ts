// Names that cost: unique ones without end, names on a server that never answers, names that change where they lead.
import test from 'ava';
import { type Attacker, addressOf, attacker, dismiss, hears, many } from '../helpers/attackers.ts';
import { startDns } from '../helpers/dns-server.ts';
import { handshakeOf } from '../helpers/handshakes.ts';
import { startQuickDns } from '../helpers/quick-dns.ts';
import { survives } from '../helpers/siege.ts';
import { startTcpOrigin } from '../helpers/tcp-origins.ts';

function configOf(dns: string): string {
	return `[resolver]\nservers = ["${dns}"]\n`;
}

/** Of many addresses, one name each. */
function asks(port: number, count: number, clients: number, zone: string): Promise<Attacker[]> {
	return many(count, (i) => attacker(port, addressOf(i % clients), handshakeOf('connect', `n${i}.${zone}`, 443)));
}

test.serial('10,000 names that are no names, each once', async (t) => {
	const dns = await startQuickDns(t);
	await survives(t, { config: configOf(dns), domain: 'good.example' }, async ({ gateway, look }) => {
		const all = await asks(gateway.port, 10_000, 200, 'none.example');
		await Promise.all(all.map((one) => hears(one, /HTTP\/1\.1 \d+ /)));
		look();
		t.true(all.filter(({ heard }) => heard.includes(' 502 ')).length > 5_000);
		await dismiss(all);
	});
});

test.serial('4 clients, and 40, with as many names as they may on a server that never answers', async (t) => {
	const dns = await startQuickDns(t);
	await survives(t, { config: configOf(dns), domain: 'good.example' }, async ({ gateway, look }) => {
		for (const clients of [4, 40]) {
			const all = await asks(gateway.port, clients * 200, clients, 'silent.example');
			look();
			await Promise.all(all.map((one) => hears(one, /HTTP\/1\.1 \d+ /)));
			t.true(
				all.some(({ heard }) => heard.includes('error=dns_timeout')),
				'some were asked for, to the end',
			);
			await dismiss(all);
		}
	});
});

test.serial('names that lead to the world first and to this machine then are judged each time', async (t) => {
	const asked = new Map<string, number>();
	const dns = await startDns(t, ({ name, type }) => {
		const count = asked.get(name) ?? 0;
		if (type === 'A') asked.set(name, count + 1);
		const ip = count === 0 ? '192.0.2.1' : '127.0.0.1';
		return type === 'A' ? { addresses: name.startsWith('both') ? ['192.0.2.1', '127.0.0.1'] : [ip], ttl: 0 } : {};
	});
	const target = await startTcpOrigin(t);
	// What is refused by default is what this is about; the good clients alone may go to loopback.
	const config = `${configOf(dns.address).replace('\n', '\nmin_ttl = "off"\n')}[timeouts]
dial = "1s"
[[rule]]
action = "allow"
client = ["127.9.9.0/24"]
address = ["127.0.0.1"]
[[rule]]
action = "deny"
address = ["127.0.0.0/8"]
`;
	await survives(t, { config, ports: [target.port] }, async ({ gateway, look }) => {
		const ask = (host: string, i: number) =>
			attacker(gateway.port, addressOf(i), handshakeOf('connect', host, target.port));
		for (const round of ['first', 'then', 'again']) {
			const all = await many(200, (i) => ask(i % 2 === 0 ? `rebinds${i}.example` : `both${i}.example`, i));
			await Promise.all(all.map((one) => hears(one, /HTTP\/1\.1 \d+ /)));
			look();
			for (const { heard } of all) t.notRegex(heard, / 200 /, round);
			await dismiss(all);
		}
		t.is(target.sockets.length, 0);
	});
});
