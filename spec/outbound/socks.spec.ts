import test from 'ava';
import { GatewayError } from '../../lib/core/error.ts';
import { formatIp, type Ip } from '../../lib/core/ip.ts';
import type { DialDeps } from '../../lib/io/connect.ts';
import { Resolver } from '../../lib/io/resolve.ts';
import { chainOf, dialThrough } from '../helpers/chains.ts';
import { failureOf, readLink } from '../helpers/dial.ts';
import { startDns, zone } from '../helpers/dns-server.ts';
import { startDanted, startMicrosocks } from '../helpers/hops.ts';
import { startMiniHop } from '../helpers/mini-hops.ts';
import { needs } from '../helpers/programs.ts';
import type { Scope } from '../helpers/scope.ts';
import { banner, echo, refusingPort, startTcpOrigin } from '../helpers/tcp-origins.ts';

async function resolving(scope: Scope, records: Parameters<typeof zone>[0]): Promise<DialDeps> {
	const dns = await startDns(scope, zone(records));
	const resolver = new Resolver({ servers: [dns.address], hostsFile: null }, { prefersIp6: () => true });
	scope.teardown(() => resolver.close());
	return { resolver };
}

const WWW = {
	'www.example A': { addresses: ['127.0.0.1', '127.0.0.2'] },
	'www.example AAAA': { addresses: ['::1'] },
};

test('socks4: a name is resolved here, judged, and asked for at its first IPv4 address that is permitted', async (t) => {
	const origin = await startTcpOrigin(t, echo);
	const hop = await startMiniHop(t, 'socks4');
	const outbound = chainOf(t, [`socks4://127.0.0.1:${hop.port}`], await resolving(t, WWW));
	t.false(outbound.namesTravel);
	const judged: string[] = [];
	const permits = (ip: Ip): GatewayError | null => {
		judged.push(formatIp(ip));
		return ip === 0x7f000001 ? new GatewayError('destination_ip_prohibited', { phase: 'policy' }) : null;
	};
	await dialThrough(t, outbound, origin.port, { permits }, 'www.example');
	t.deepEqual(hop.asked, [`127.0.0.2:${origin.port}`]);
	t.deepEqual(judged, ['::1', '127.0.0.1', '127.0.0.2']);
});

test('socks4: a name that policy leaves no address of is refused, and the hop hears nothing of it', async (t) => {
	const hop = await startMiniHop(t, 'socks4');
	const refusal = new GatewayError('destination_ip_prohibited', { phase: 'policy' });
	const outbound = chainOf(t, [`socks4://127.0.0.1:${hop.port}`], await resolving(t, WWW));
	t.is(await failureOf(dialThrough(t, outbound, 9, { permits: () => refusal }, 'www.example')), refusal);
	t.is(hop.sockets.length, 0);
});

test('socks4: what has no IPv4 address cannot be asked for', async (t) => {
	const hop = await startMiniHop(t, 'socks4');
	const deps = await resolving(t, { 'six.example AAAA': { addresses: ['::1'] } });
	const outbound = chainOf(t, [`socks4://127.0.0.1:${hop.port}`], deps);
	const unsupported = { code: 'address_type_unsupported', side: 'hop', retry: 'next' } as const;
	t.like(await failureOf(dialThrough(t, outbound, 9, {}, 'six.example')), unsupported);
	t.like(await failureOf(dialThrough(t, outbound, 9, {}, '::1')), unsupported);
	t.is((await failureOf(dialThrough(t, outbound, 9, {}, 'no.example'))).code, 'destination_not_found');
	t.deepEqual(hop.asked, []);
});

test('socks4: the user id goes to the hop', async (t) => {
	const origin = await startTcpOrigin(t, echo);
	const hop = await startMiniHop(t, 'socks4');
	await dialThrough(t, chainOf(t, [`socks4://Jürgen@127.0.0.1:${hop.port}`]), origin.port);
	await dialThrough(t, chainOf(t, [`socks4a://127.0.0.1:${hop.port}`]), origin.port);
	t.deepEqual(hop.logins, [Buffer.from('Jürgen').toString('latin1'), '']);
});

for (const [scheme, type] of [
	['socks4a', 'socks4'],
	['socks5', 'socks5'],
] as const) {
	test(`${scheme}: a name goes to the hop as a name, and nobody here asks for it or judges it`, async (t) => {
		const origin = await startTcpOrigin(t, echo);
		const hop = await startMiniHop(t, type);
		const outbound = chainOf(t, [`${scheme}://127.0.0.1:${hop.port}`]);
		t.true(outbound.namesTravel);
		const permits = (): null => {
			t.fail('judged an address');
			return null;
		};
		await dialThrough(t, outbound, origin.port, { permits }, 'www.example');
		t.deepEqual(hop.asked, [`www.example:${origin.port}`]);
	});
}

needs(test, 'microsocks')('microsocks carries bytes, keeps early ones, and says what went wrong', async (t) => {
	const { url } = await startMicrosocks(t);
	const outbound = chainOf(t, [url]);
	const origin = await startTcpOrigin(t, banner('220 ready\r\n'));
	const link = await dialThrough(t, outbound, origin.port);
	(await origin.take()).end();
	t.is((await readLink(link)).toString(), '220 ready\r\n');
	const refused = await failureOf(dialThrough(t, outbound, await refusingPort()));
	t.like(refused, { code: 'connection_refused', side: 'target', retry: 'no', hop: 'up' });
});

needs(test, 'microsocks')('microsocks with a password takes the right one and no other', async (t) => {
	const { url } = await startMicrosocks(t, { user: 'joe', password: 'right' });
	const origin = await startTcpOrigin(t, echo);
	const link = await dialThrough(t, chainOf(t, [url]), origin.port);
	link.destroy();
	const wrong = await failureOf(dialThrough(t, chainOf(t, [url.replace('right', 'wrong')]), origin.port));
	t.like(wrong, { code: 'hop_unavailable', retry: 'next', hop: 'up' });
	const none = await failureOf(dialThrough(t, chainOf(t, [url.replace('joe:right@', '')]), origin.port));
	t.like(none, { code: 'hop_unavailable', retry: 'next', hop: 'up' });
});

needs(test, 'danted')('danted serves SOCKS 4 and 5 and half-close', async (t) => {
	const { port } = await startDanted(t);
	const origin = await startTcpOrigin(t, echo);
	for (const scheme of ['socks4', 'socks4a', 'socks5']) {
		const outbound = chainOf(t, [`${scheme}://127.0.0.1:${port}`]);
		const link = await dialThrough(t, outbound, origin.port);
		link.write(Buffer.from(scheme));
		link.closeWrite();
		t.is((await readLink(link)).toString(), scheme);
		const code = scheme === 'socks5' ? 'connection_refused' : 'destination_unavailable';
		t.is((await failureOf(dialThrough(t, outbound, await refusingPort()))).code, code, scheme);
	}
});
