import { createHash, createHmac } from 'node:crypto';
import test from 'ava';
import type { Redis } from 'ioredis';
import { formatIp, parseIp } from '../../lib/core/ip.ts';
import { Secret } from '../../lib/core/secret.ts';
import { clientOf } from '../../lib/limits/client-key.ts';
import type { Subject } from '../../lib/limits/shared.ts';
import { until } from '../helpers/process.ts';
import { needs } from '../helpers/programs.ts';
import { type Fleetmate, startRedis, startShared } from '../helpers/redis.ts';

const ADDRESSES = ['203.0.113.77', '198.51.100.201', '2001:db8:a5b6:c7d8:1122:3344:5566:7788', '2a0b:dead:beef:77::9'];
const USERS = ['alice.liddell', 'Zoë Überall'];

const withRedis = needs(test, 'redis-server');

/** Whom the gateways count: the clients and networks of the addresses, and the users. */
function subjects(): Subject[] {
	const named = USERS.map((name): Subject => ({ kind: 'user', name }));
	const counted = ADDRESSES.flatMap((address) => {
		const { key, network } = clientOf(parseIp(address)!);
		const client: Subject = { kind: 'client', name: key };
		return network === null ? [client] : [client, { kind: 'network', name: network } as const];
	});
	return [...counted, ...named];
}

/** Everything that a gateway can ask or tell about a subject. */
async function traffic({ shared }: Fleetmate, burst: number): Promise<void> {
	for (const subject of subjects()) {
		const rate = { perSecond: 1, burst };
		const month = { limit: 1_000_000, want: 100_000 };
		t0(await shared.places(subject, { limit: 5, held: 1, need: 2, want: 2 }));
		for (const what of ['connections', 'requests'] as const) t0(await shared.take(what, subject, rate, 2));
		t0(await shared.draw(subject, { up: { perSecond: 1_000, want: 10 }, day: month, month }));
		shared.giveBack(subject, { day: 1, month: 1 });
		for (const what of ['authentication', 'destination'] as const)
			t0(await shared.fail(subject, what, { most: 0, windowMs: 60_000, banMs: 60_000 }));
	}
}

function t0(answer: unknown): void {
	if (answer === null) throw new Error('no answer');
}

/** Every key and every value, of whatever type, as bytes. */
async function dump(admin: Redis): Promise<Buffer> {
	const parts: Buffer[] = [];
	for (const key of await admin.keys('*')) {
		parts.push(Buffer.from(key));
		const type = await admin.type(key);
		if (type === 'string') parts.push((await admin.getBuffer(key)) ?? Buffer.alloc(0));
		else if (type === 'hash')
			parts.push(...Object.entries(await admin.hgetall(key)).map((pair) => Buffer.from(pair.join('\n'))));
		else if (type === 'zset') parts.push(...(await admin.zrangeBuffer(key, '0', '-1', 'WITHSCORES')));
		else if (type !== 'none') throw new Error(`a ${type}`); // none: it has just ended
		parts.push((await admin.dumpBuffer(key)) ?? Buffer.alloc(0));
	}
	return Buffer.concat(parts.flatMap((part) => [part, Buffer.from('\n')]));
}

/** The ways in which one could write bytes down. Of base64 the characters that no neighbour changes, if there are enough. */
function encodings(bytes: Buffer): Buffer[] {
	const reversed = Buffer.from(bytes.toReversed());
	const found = [bytes, reversed];
	for (const one of [bytes, reversed]) {
		found.push(Buffer.from(one.toString('hex')), Buffer.from(one.toString('hex').toUpperCase()));
		for (let before = 0; before < 3; before++) {
			const text = Buffer.concat([Buffer.alloc(before), one]).toString('base64');
			const first = Math.ceil((before * 8) / 6);
			const last = Math.floor(((before + one.length) * 8) / 6);
			const stable = text.slice(first, last);
			if (stable.length >= 5)
				found.push(Buffer.from(stable), Buffer.from(stable.replaceAll('+', '-').replaceAll('/', '_')));
		}
	}
	return found;
}

/** What would give an address or a user away: texts, packed, and their plain hashes. */
function needles(): Buffer[] {
	const texts = new Set([...USERS, ...ADDRESSES]);
	const found: Buffer[] = [];
	for (const address of ADDRESSES) {
		const ip = parseIp(address)!;
		texts.add(formatIp(ip));
		const packed = typeof ip === 'number' ? Buffer.alloc(4) : Buffer.from(ip);
		if (typeof ip === 'number') packed.writeUInt32BE(ip);
		found.push(packed, packed.subarray(0, 8), ...(typeof ip === 'number' ? [Buffer.from(String(ip))] : []));
	}
	for (const { kind, name } of subjects()) texts.add(name).add(`${kind} ${name}`);
	for (const text of texts) {
		found.push(Buffer.from(text), Buffer.from(text.replace(/\/\d+$/, '')), Buffer.from(encodeURIComponent(text)));
		for (const hash of ['md5', 'sha1', 'sha256']) found.push(createHash(hash).update(text).digest());
	}
	return found.flatMap(encodings);
}

test('the search finds what it looks for, wherever it stands', (t) => {
	const all = needles();
	const finds = (text: string | Buffer): boolean => all.some((needle) => Buffer.from(text).includes(needle));
	t.true(finds('x203.0.113.77x'));
	t.true(finds(Buffer.from([1, 203, 0, 113, 77, 2])));
	t.true(finds(Buffer.from([1, 2, 203, 0, 113, 77]).toString('base64')));
	t.true(finds(`k:${Buffer.from('xalice.liddell').toString('base64url')}`));
	t.true(finds(createHash('sha256').update('client 203.0.113.77').digest('hex')));
	t.true(finds('2a0b:dead:beef:77::/64'));
	t.false(finds('bauta:{x}'));
});

withRedis(
	'a dump of all that was ever told names nobody, in no encoding; each key has an end and the prefix',
	async (t) => {
		const { url, admin } = await startRedis(t);
		const fleet = await Promise.all([0, 1].map(() => startShared(t, { url, prefix: 'p' })));
		for (const mate of fleet) await traffic(mate, 1);
		const keys = await admin.keys('*');
		t.true(keys.length > 4 * subjects().length);
		for (const key of keys) {
			t.true(key.startsWith('p:'), key);
			const ttl = await admin.pttl(key);
			t.true((ttl > 0 && ttl <= 2 * 86_400_000) || ttl === -2, key);
		}
		const everything = await dump(admin);
		for (const needle of needles()) t.false(everything.includes(needle), needle.toString('latin1'));
	},
);

/** What the keys of the subjects are made of under a salt. */
function blindKeys(salt: string): string[] {
	return subjects().map(({ kind, name }) =>
		createHmac('sha256', salt).update(`${kind} ${name}`).digest('base64url').slice(1, 22),
	);
}

withRedis(
	"with a secret of the fleet's the stored salt does not let anybody try names, and gateways with it agree",
	async (t) => {
		const { url, admin } = await startRedis(t);
		const key = new Secret('what-redis-does-not-know');
		const [one, other] = await Promise.all([0, 1].map(() => startShared(t, { url, key })));
		await traffic(one!, 0);
		const text = (await dump(admin)).toString('latin1');
		const [salt] = await Promise.all((await admin.keys('bauta:salt:*')).map((name) => admin.get(name)));
		for (const blind of blindKeys(salt!)) t.false(text.includes(blind));
		t.true(blindKeys(salt! + key.reveal()).every((blind) => text.includes(blind)));
		const [client] = subjects() as [Subject];
		t.is(await one!.shared.places(client, { limit: 1, held: 0, need: 1, want: 1 }), 1);
		t.is(await other!.shared.places(client, { limit: 1, held: 0, need: 1, want: 1 }), 0);
	},
);

withRedis('when a salt is over nothing is left of what was kept under it', async (t) => {
	const { url, admin } = await startRedis(t);
	const mate = await startShared(t, { url, leaseMs: 300, saltMs: 1_500 });
	let [name, old] = ['', [] as string[]];
	const isWithinOne = async (): Promise<boolean> => {
		await traffic(mate, 0);
		const text = (await dump(admin)).toString('latin1');
		for (name of await admin.keys('bauta:salt:*')) {
			old = blindKeys((await admin.get(name)) ?? '');
			if (old.every((key) => text.includes(key))) return true;
		}
		return false;
	};
	await until('traffic under one salt', isWithinOne, (is) => is);
	await until(
		'the salt is destroyed',
		() => admin.exists(name),
		(there) => there === 0,
	);
	await traffic(mate, 0);
	const swept = async (): Promise<boolean> => {
		const after = (await dump(admin)).toString('latin1');
		return old.some((key) => after.includes(key));
	};
	await until('nothing of it', swept, (found) => !found, 2_000);
	t.true(mate.shared.up);
	t.is(mate.notes.length, 1);
});

withRedis('gateways that come at once agree on one salt, and one that lost it takes the stored one', async (t) => {
	const { url, admin } = await startRedis(t);
	const fleet = await Promise.all(Array.from({ length: 6 }, () => startShared(t, { url, leaseMs: 300 })));
	t.is((await admin.keys('bauta:salt:*')).length, 1);
	const [client] = subjects() as [Subject];
	for (const { shared } of fleet) await shared.places(client, { limit: 6, held: 1, need: 1, want: 1 });
	t.is((await admin.keys('*:open')).length, 1);
	t.is(await fleet[0]!.shared.places(client, { limit: 6, held: 1, need: 2, want: 2 }), 1);

	const [name] = await admin.keys('bauta:salt:*');
	await admin.set(name!, 'A'.repeat(43), 'EX', 1_000);
	const [adopted] = blindKeys('A'.repeat(43));
	const open = (): Promise<string[]> => admin.keys(`*${adopted!}:open`);
	await until('all hold under the other salt', open, (keys) => keys.length === 1);
	const held = async (): Promise<number> => admin.hlen((await open())[0]!);
	t.is(await until('all six', held, (count) => count === 6), 6);
});

const SALT_MS = 2_000;

async function windowOf(admin: Redis): Promise<number> {
	const [seconds, micros] = await admin.time();
	return Math.floor((Number(seconds) * 1_000 + Number(micros) / 1_000) / SALT_MS);
}

withRedis('a limit holds while the salt turns, and bytes of the month and bans are carried over', async (t) => {
	const { url, admin } = await startRedis(t);
	const times = { url, leaseMs: 900, saltMs: SALT_MS };
	const [one, other] = (await Promise.all([0, 1].map(() => startShared(t, times)))) as [Fleetmate, Fleetmate];
	const [client] = subjects() as [Subject];
	const month = { limit: 1_000, want: 600 };
	await one.shared.places(client, { limit: 3, held: 2, need: 3, want: 3 });
	t.is((await one.shared.draw(client, { month }))!.month, 600);
	await one.shared.ban(client, 60_000);
	const first = await windowOf(admin);
	while ((await windowOf(admin)) === first) {
		t.is(await other.shared.places(client, { limit: 3, held: 0, need: 1, want: 1 }), 0);
	}
	for (let i = 0; i < 50; i++) t.is(await other.shared.places(client, { limit: 3, held: 0, need: 1, want: 1 }), 0);
	t.true(other.shared.bannedMs(client) > 0);
	const grants = [await other.shared.draw(client, { month }), await one.shared.draw(client, { month })];
	t.deepEqual(
		grants.map((grant) => grant!.month),
		[400, 0],
	);
});
