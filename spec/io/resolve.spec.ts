import { writeFileSync } from 'node:fs';
import type { NetworkInterfaceInfo } from 'node:os';
import { join } from 'node:path';
import { setImmediate as tick } from 'node:timers/promises';
import test, { type ExecutionContext } from 'ava';
import { GatewayError } from '../../lib/core/error.ts';
import { formatIp, type Ip } from '../../lib/core/ip.ts';
import { hasGlobalIp6, Resolver, type ResolverOptions } from '../../lib/io/resolve.ts';
import { countListeners, failureOf } from '../helpers/dial.ts';
import { type DnsReply, type DnsScript, type DnsServer, startDns, zone } from '../helpers/dns-server.ts';
import { temporaryFolder } from '../helpers/gateway-process.ts';

const live = new AbortController().signal;
const shown = (addresses: readonly Ip[]) => addresses.map(formatIp);

interface Room {
	readonly resolver: Resolver;
	readonly dns: DnsServer;
	/** Milliseconds, turned by hand. */
	readonly clock: { now: number };
	/** How often a name was asked for, both families counted. */
	readonly asked: (name: string) => number;
}

async function room(t: ExecutionContext, script: DnsScript, options: ResolverOptions = {}, ip6 = false): Promise<Room> {
	const dns = await startDns(t, script);
	const clock = { now: 1_000 };
	const hostsFile = join(temporaryFolder(t), 'hosts');
	const resolver = new Resolver(
		{ servers: [dns.address], hostsFile, ...options },
		{ clock: { nowMs: () => clock.now }, prefersIp6: () => ip6 },
	);
	t.teardown(() => resolver.close());
	return { resolver, dns, clock, asked: (name) => dns.questions.filter((question) => question.name === name).length };
}

/** A promise and the way to keep it. */
function gate<T>(): { readonly promise: Promise<T>; readonly open: (value: T) => void } {
	const { promise, resolve } = Promise.withResolvers<T>();
	return { promise, open: resolve };
}

const BOTH = {
	'www.example A': { addresses: ['192.0.2.1', '192.0.2.2', '192.0.2.3'] },
	'www.example AAAA': { addresses: ['2001:db8::1', '2001:db8::2'] },
};

test('gives the addresses of both families in turn, IPv4 first where the machine has no IPv6 of its own', async (t) => {
	const { resolver } = await room(t, zone(BOTH));
	t.deepEqual(shown(await resolver.resolve('www.example', live, 'a')), [
		'192.0.2.1',
		'2001:db8::1',
		'192.0.2.2',
		'2001:db8::2',
		'192.0.2.3',
	]);
});

test('puts IPv6 first where the machine has it', async (t) => {
	const { resolver } = await room(t, zone(BOTH), {}, true);
	t.deepEqual(shown(await resolver.resolve('www.example', live, 'a')).slice(0, 3), [
		'2001:db8::1',
		'192.0.2.1',
		'2001:db8::2',
	]);
});

test('one family is enough', async (t) => {
	const { resolver } = await room(
		t,
		zone({
			'four.example A': { addresses: ['192.0.2.1'] },
			'four.example AAAA': {},
			'six.example AAAA': { addresses: ['2001:db8::1'] },
			'broken.example A': { addresses: ['192.0.2.2'] },
			'broken.example AAAA': { rcode: 2 },
		}),
	);
	t.deepEqual(shown(await resolver.resolve('four.example', live, 'a')), ['192.0.2.1']);
	t.deepEqual(shown(await resolver.resolve('six.example', live, 'a')), ['2001:db8::1']);
	t.deepEqual(shown(await resolver.resolve('broken.example', live, 'a')), ['192.0.2.2']);
});

test('follows an alias', async (t) => {
	const { resolver } = await room(t, zone({ 'www.example': { alias: 'cdn.example', addresses: [] } }));
	t.is((await failureOf(resolver.resolve('www.example', live, 'a'))).code, 'destination_not_found');
	const other = await room(t, zone({ 'www.example A': { alias: 'cdn.example', addresses: ['192.0.2.1'] } }));
	t.deepEqual(shown(await other.resolver.resolve('www.example', live, 'a')), ['192.0.2.1']);
});

test('unwraps an IPv4 address that came in IPv6 dress, so that policy judges the one the kernel would dial', async (t) => {
	const { resolver } = await room(t, zone({ 'sly.example AAAA': { addresses: ['::ffff:10.0.0.1'] } }));
	t.deepEqual(await resolver.resolve('sly.example', live, 'a'), [0x0a000001]);
});

test('keeps sixteen addresses a family of an answer that holds more', async (t) => {
	const addresses = Array.from({ length: 40 }, (_, i) => `192.0.2.${i}`);
	const { resolver } = await room(t, zone({ 'many.example A': { addresses } }));
	t.deepEqual(shown(await resolver.resolve('many.example', live, 'a')), addresses.slice(0, 16));
});

test('asks again over TCP when the answer was cut off', async (t) => {
	const { resolver, dns } = await room(t, ({ over }) =>
		over === 'udp' ? { truncated: true } : { addresses: ['192.0.2.1'] },
	);
	t.true(shown(await resolver.resolve('long.example', live, 'a')).includes('192.0.2.1'));
	t.true(dns.questions.some(({ over }) => over === 'tcp'));
});

test('a family that lags does not hold back the other, and is there when it has come', async (t) => {
	const late = gate<DnsReply>();
	const { resolver, asked } = await room(t, ({ type }) => (type === 'A' ? { addresses: ['192.0.2.1'] } : late.promise));
	t.deepEqual(shown(await resolver.resolve('www.example', live, 'a')), ['192.0.2.1']);
	late.open({ addresses: ['2001:db8::1'] });
	while ((await resolver.resolve('www.example', live, 'a')).length < 2) await tick();
	t.deepEqual(shown(await resolver.resolve('www.example', live, 'a')), ['192.0.2.1', '2001:db8::1']);
	t.is(asked('www.example'), 2);
});

test('a family that has nothing waits for the other', async (t) => {
	const late = gate<DnsReply>();
	const { resolver, dns } = await room(t, ({ type }) => (type === 'A' ? {} : late.promise));
	const resolving = resolver.resolve('six.example', live, 'a');
	while (dns.questions.length < 2) await tick();
	late.open({ addresses: ['2001:db8::1'] });
	t.deepEqual(shown(await resolving), ['2001:db8::1']);
});

test('asks once for all who want the name at the same time', async (t) => {
	const { resolver, asked } = await room(t, zone(BOTH));
	const all = await Promise.all(Array.from({ length: 100 }, () => resolver.resolve('www.example', live, 'a')));
	t.true(all.every((addresses) => addresses.length === 5));
	t.is(asked('www.example'), 2);
});

test('one who leaves does not take the question from the others', async (t) => {
	const late = gate<DnsReply>();
	const { resolver, asked } = await room(t, () => late.promise);
	const abort = new AbortController();
	const leaving = resolver.resolve('www.example', abort.signal, 'a');
	const staying = resolver.resolve('www.example', live, 'a');
	abort.abort();
	const error = await failureOf(leaving);
	t.is(error.code, 'connection_terminated');
	t.is(error.side, 'client');
	late.open({ addresses: ['192.0.2.1'] });
	t.is((await staying)[0], 0xc0000201);
	t.is(asked('www.example'), 2);
});

test('the reason of an abort is what is thrown when it is one of ours', async (t) => {
	const { resolver } = await room(t, () => undefined);
	const reason = new GatewayError('connection_timeout', { side: 'target' });
	const abort = new AbortController();
	const resolving = resolver.resolve('www.example', abort.signal, 'a');
	abort.abort(reason);
	t.is(await failureOf(resolving), reason);
	t.is(await failureOf(resolver.resolve('www.example', AbortSignal.abort(reason), 'a')), reason);
});

test('keeps an answer for its TTL', async (t) => {
	const { resolver, clock, asked } = await room(t, zone({ 'www.example': { addresses: ['192.0.2.1'], ttl: 60 } }));
	await resolver.resolve('www.example', live, 'a');
	clock.now += 59_999;
	await resolver.resolve('www.example', live, 'a');
	t.is(asked('www.example'), 2);
	clock.now += 1;
	await resolver.resolve('www.example', live, 'a');
	t.is(asked('www.example'), 4);
});

test('the shorter TTL of the two families counts', async (t) => {
	const { resolver, clock, asked } = await room(
		t,
		zone({
			'www.example A': { addresses: ['192.0.2.1'], ttl: 60 },
			'www.example AAAA': { addresses: ['2001:db8::1'], ttl: 10 },
		}),
	);
	await resolver.resolve('www.example', live, 'a');
	clock.now += 10_000;
	await resolver.resolve('www.example', live, 'a');
	t.is(asked('www.example'), 4);
});

test('keeps no answer for less than the minimum or more than the maximum', async (t) => {
	const { resolver, clock, asked } = await room(
		t,
		zone({
			'zero.example': { addresses: ['192.0.2.1'], ttl: 0 },
			'age.example': { addresses: ['192.0.2.1'], ttl: 2_000_000 },
		}),
		{ minTtlMs: 1_000, maxTtlMs: 20_000 },
	);
	await resolver.resolve('zero.example', live, 'a');
	await resolver.resolve('age.example', live, 'a');
	clock.now += 999;
	await resolver.resolve('zero.example', live, 'a');
	t.is(asked('zero.example'), 2);
	clock.now += 1;
	await resolver.resolve('zero.example', live, 'a');
	t.is(asked('zero.example'), 4);
	clock.now += 18_999;
	await resolver.resolve('age.example', live, 'a');
	t.is(asked('age.example'), 2);
	clock.now += 1;
	await resolver.resolve('age.example', live, 'a');
	t.is(asked('age.example'), 4);
});

test('keeps "no such name" for its own while, and other failures for a second', async (t) => {
	const { resolver, clock, asked } = await room(t, zone({ 'sick.example': { rcode: 2 } }), { negativeTtlMs: 10_000 });
	const ask = async (name: string) => (await failureOf(resolver.resolve(name, live, 'a'))).code;
	t.is(await ask('no.example'), 'destination_not_found');
	t.is(await ask('sick.example'), 'dns_error');
	const before = asked('sick.example');
	clock.now += 999;
	await ask('sick.example');
	t.is(asked('sick.example'), before);
	clock.now += 1;
	await ask('sick.example');
	t.true(asked('sick.example') > before);
	clock.now += 8_999;
	await ask('no.example');
	t.is(asked('no.example'), 2);
	clock.now += 1;
	await ask('no.example');
	t.is(asked('no.example'), 4);
});

test('a full cache forgets the name unused for longest', async (t) => {
	const { resolver, asked } = await room(t, () => ({ addresses: [] }), { cacheEntries: 2 });
	const ask = (name: string) => failureOf(resolver.resolve(name, live, 'a'));
	for (const name of ['a.example', 'b.example', 'a.example', 'c.example', 'a.example']) await ask(name);
	t.is(asked('a.example'), 2);
	await ask('b.example');
	t.is(asked('b.example'), 4);
});

test('tells the causes apart, and no error holds the name', async (t) => {
	const rcodes: Readonly<Record<string, number>> = { 'nx.example': 3, 'servfail.example': 2, 'refused.example': 5 };
	const answering = await room(t, ({ name }) => ({ rcode: rcodes[name] ?? 0 }));
	const silent = await room(t, () => undefined, { timeoutMs: 100 });
	const cases = [
		['nx.example', answering, 'destination_not_found', 'target', 'no'],
		['empty.example', answering, 'destination_not_found', 'target', 'no'],
		['servfail.example', answering, 'dns_error', 'gateway', 'next'],
		['refused.example', answering, 'dns_error', 'gateway', 'next'],
		['silent.example', silent, 'dns_timeout', 'gateway', 'next'],
	] as const;
	for (const [name, { resolver }, code, side, retry] of cases) {
		const error = await failureOf(resolver.resolve(name, live, 'a'));
		t.deepEqual([error.code, error.side, error.retry, error.phase], [code, side, retry, 'resolve'], name);
		t.false(JSON.stringify([error.message, error.note, String(error.cause)]).includes('example'));
	}
});

test('a name that one family knows nothing of and the other is silent about is a time-out, not a missing name', async (t) => {
	const { resolver } = await room(t, ({ type }) => (type === 'A' ? {} : undefined), { timeoutMs: 200 });
	t.is((await failureOf(resolver.resolve('half.example', live, 'a'))).code, 'dns_timeout');
});

test('goes on to the next server when one is dead', async (t) => {
	const silent = await startDns(t, () => undefined);
	const dead = await startDns(t, zone(BOTH));
	const resolver = new Resolver({ servers: [silent.address, dead.address], timeoutMs: 4_000, hostsFile: '/dev/null' });
	t.teardown(() => resolver.close());
	t.is((await resolver.resolve('www.example', live, 'a')).length, 5);
});

test('the hosts file goes before DNS', async (t) => {
	const hostsFile = join(temporaryFolder(t), 'hosts');
	writeFileSync(hostsFile, '198.51.100.1 www.example\n2001:db8::9 www.example\n');
	const { resolver, dns } = await room(t, zone(BOTH), { hostsFile }, true);
	t.deepEqual(shown(await resolver.resolve('www.example', live, 'a')), ['2001:db8::9', '198.51.100.1']);
	t.is(dns.questions.length, 0);
});

test('localhost is never asked for', async (t) => {
	const { resolver, dns } = await room(t, zone({}));
	t.deepEqual(shown(await resolver.resolve('localhost', live, 'a')), ['127.0.0.1', '::1']);
	t.deepEqual(shown(await resolver.resolve('db.localhost', live, 'a')), ['127.0.0.1', '::1']);
	t.is(dns.questions.length, 0);
});

test('asks for the very name, without a search domain', async (t) => {
	const { resolver, dns } = await room(t, () => ({ rcode: 3 }));
	const names = ['redis', '_sip._tcp.example', 'xn--bcher-kva.example', `${'a'.repeat(63)}.x`];
	for (const name of names)
		t.is((await failureOf(resolver.resolve(name, live, 'a'))).code, 'destination_not_found', name);
	t.deepEqual(new Set(dns.questions.map(({ name }) => name)), new Set(names));
});

test('a name that c-ares takes for none does not exist', async (t) => {
	const { resolver, dns } = await room(t, zone({}));
	t.is((await failureOf(resolver.resolve("a!$&'()*+,;=.example", live, 'a'))).code, 'destination_not_found');
	t.is(dns.questions.length, 0);
});

test('refuses more names at once than it has room for, and has room again afterwards', async (t) => {
	const silent = await startDns(t, () => undefined);
	const full = new Resolver({ servers: [silent.address], timeoutMs: 400, hostsFile: '/dev/null' });
	t.teardown(() => full.close());
	const first = Array.from({ length: 1_024 }, (_, i) => full.resolve(`n${i}.example`, live, `asker ${i}`));
	const refused = await failureOf(full.resolve('over.example', live, 'a'));
	t.deepEqual([refused.code, refused.note], ['dns_error', 'too many lookups']);
	for (const { status } of await Promise.allSettled(first)) t.is(status, 'rejected');
	t.is((await failureOf(full.resolve('over.example', live, 'a'))).code, 'dns_timeout');
});

test('a few who ask for names that nobody answers leave room for the others', async (t) => {
	const silent = await startDns(t, ({ name }) => (name === 'good.example' ? { addresses: ['192.0.2.1'] } : undefined));
	const dns = new Resolver({ servers: [silent.address], timeoutMs: 2_000, hostsFile: '/dev/null' });
	t.teardown(() => dns.close());
	const askers = Array.from({ length: 50 }, (_, i) => `asker ${i}`);
	const notes = askers.flatMap((asker, i) =>
		Array.from({ length: 300 }, (_, j) => failureOf(dns.resolve(`n${j}.a${i}.example`, live, asker))),
	);
	t.true((await dns.resolve('good.example', live, 'another')).length > 0);
	const served = (await Promise.all(notes)).filter(({ note }) => note !== 'too many lookups').length;
	t.true(served > 512 && served < 1_024, `${served} were asked for`);
	t.is((await failureOf(dns.resolve('n.example', live, 'asker 1'))).code, 'dns_timeout', 'it may ask again');
});

test('whether there is IPv6 is no reason to fail when the process is out of descriptors', (t) => {
	t.false(
		hasGlobalIp6(() => {
			throw new Error('uv_interface_addresses returned EMFILE');
		}),
	);
	const lan = { family: 'IPv6', internal: false, address: 'fd00::1' } as NetworkInterfaceInfo;
	t.false(hasGlobalIp6(() => ({ eth0: [lan] })));
	t.true(hasGlobalIp6(() => ({ eth0: [lan, { ...lan, address: '2001:db8::1' } as NetworkInterfaceInfo] })));
});

test('leaves no listener on the signal of anybody', async (t) => {
	const { resolver } = await room(t, zone(BOTH));
	const { signal } = new AbortController();
	const listeners = countListeners(signal);
	await resolver.resolve('www.example', signal, 'a');
	await failureOf(resolver.resolve('no.example', signal, 'a'));
	t.is(listeners(), 0);
});

test('close ends what is being asked and what will be', async (t) => {
	const { resolver, dns } = await room(t, () => undefined);
	const resolving = resolver.resolve('www.example', live, 'a');
	while (dns.questions.length < 2) await tick();
	resolver.close();
	t.is((await failureOf(resolving)).code, 'dns_error');
	t.is((await failureOf(resolver.resolve('www.example', live, 'a'))).code, 'dns_error');
});

test('a name under .onion is never asked for, not even in the hosts file', async (t) => {
	const { resolver, dns } = await room(t, zone({ 'x.onion A': { addresses: ['192.0.2.1'] } }));
	t.like(await failureOf(resolver.resolve('x.onion', live, 'a')), { code: 'destination_not_found', phase: 'resolve' });
	t.is(dns.questions.length, 0);
});
