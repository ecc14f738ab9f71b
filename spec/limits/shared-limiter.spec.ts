// What one client may over a fleet: limiters of two gateways on one real Redis.
import test, { type ExecutionContext } from 'ava';
import type { Client } from '../../lib/core/client.ts';
import { AccountLimiter } from '../../lib/limits/account-limiter.ts';
import { type Allowance, type Allowances, lead, type WhenDown } from '../../lib/limits/allowance.ts';
import type { Budget } from '../../lib/limits/budget.ts';
import { DEFAULT_ALLOWANCES, DEFAULT_CEILINGS } from '../../lib/limits/defaults.ts';
import type { Admission } from '../../lib/limits/limiter.ts';
import { until } from '../helpers/process.ts';
import { needs } from '../helpers/programs.ts';
import { type Fleetmate, startRedis, startShared } from '../helpers/redis.ts';

/** Of a connection that nobody looks at. */
const LINK = { reset() {} };

const CLIENT: Client = { ip: 1, key: '192.0.2.1', network: null };
const withRedis = needs(test, 'redis-server');

interface Gateway extends Fleetmate {
	readonly limiter: AccountLimiter;
}

async function startFleet(
	t: ExecutionContext,
	url: string,
	limits: Partial<Allowance>,
	more: Partial<Allowances> = {},
): Promise<[Gateway, Gateway]> {
	const client = { ...DEFAULT_ALLOWANCES.user, ...limits };
	const allowances = { ...DEFAULT_ALLOWANCES, client, network: DEFAULT_ALLOWANCES.user, ...more };
	const ceilings = { ...DEFAULT_CEILINGS, handshakes: 0, totalHandshakes: 0 };
	const fleet = await Promise.all(
		[0, 1].map(async () => {
			const mate = await startShared(t, { url });
			return { ...mate, limiter: new AccountLimiter(allowances, ceilings, { shared: mate.shared }) };
		}),
	);
	await until(
		'each knows the other',
		() => fleet.map(({ shared }) => shared.gateways),
		(counts) => counts.every((count) => count === 2),
	);
	return fleet as [Gateway, Gateway];
}

/** A place of the client's, or the note of the refusal. */
async function connect({ limiter }: Gateway, client: Client = CLIENT): Promise<Admission | string> {
	const admission = limiter.enter(client, LINK)!;
	const refusal = await admission.admit(null);
	if (refusal === null) return admission;
	admission.release();
	return refusal.note ?? refusal.code;
}

async function connectMany(
	gateways: readonly Gateway[],
	count: number,
): Promise<{ open: Admission[]; refused: string[] }> {
	const answers = await Promise.all(Array.from({ length: count }, (_, i) => connect(gateways[i % gateways.length]!)));
	return {
		open: answers.filter((answer) => typeof answer !== 'string'),
		refused: answers.filter((answer) => typeof answer === 'string'),
	};
}

withRedis('a small limit holds exactly over two gateways, whoever asks when', async (t) => {
	const { url } = await startRedis(t);
	const fleet = await startFleet(t, url, { connectionsOpen: 10 });
	const { open, refused } = await connectMany(fleet, 200);
	t.is(open.length, 10);
	for (let i = 0; i < 300; i++) {
		const client = { ...CLIENT, key: `client ${i}` };
		// They come in turns, as from sockets: questions are out when the next ones come.
		const many = Array.from({ length: 30 }, async (_, n) => {
			for (let turn = 0; turn < n % 4; turn++) await new Promise((resolve) => setImmediate(resolve));
			return connect(fleet[n % 2]!, client);
		});
		const answers = await Promise.all(many);
		t.is(answers.filter((answer) => typeof answer !== 'string').length, 10, `client ${i}`);
	}
	t.deepEqual([...new Set(refused)], ['open connections']);
	for (let round = 0; round < 50; round++) {
		open.splice(round % open.length, 1)[0]!.release();
		open.push(...(await connectMany(fleet, 6)).open);
		t.true(open.length <= 10);
	}
	for (const one of open) one.release();
});

withRedis(
	'a large limit is passed by no more than the lead of the second gateway, and the common connection asks nobody',
	async (t) => {
		const { url, admin } = await startRedis(t);
		const limit = 160;
		const fleet = await startFleet(t, url, { connectionsOpen: limit });
		const asked = async (): Promise<number> =>
			Number(/cmdstat_evalsha:calls=(\d+)/.exec(await admin.info('commandstats'))?.[1] ?? 0);
		const before = await asked();
		for (let i = 0; i < 500; i++) {
			const one = await connect(fleet[i % 2]!);
			if (typeof one !== 'string') one.release();
		}
		t.true((await asked()) - before < 20, 'but for the clockwork of the fleet');
		const { open } = await connectMany(fleet, 400);
		t.true(open.length >= limit && open.length <= limit + lead(limit), String(open.length));
		t.is(lead(limit), 10);
		for (const one of open) one.release();
		await until(
			'the next one is let in',
			() => connect(fleet[0]),
			(answer) => typeof answer !== 'string',
		);
	},
);

withRedis('a rate holds over two gateways, but for the lead', async (t) => {
	const { url } = await startRedis(t);
	const perSecond = 64;
	const fleet = await startFleet(t, url, { connectionsPerSecond: perSecond });
	const fromMs = performance.now();
	let granted = 0;
	for (let i = 0; i < 20; i++) {
		const { open } = await connectMany(fleet, 40);
		granted += open.length;
		for (const one of open) one.release();
	}
	const seconds = Math.ceil((performance.now() - fromMs) / 1_000) + 1;
	t.true(granted >= perSecond);
	t.true(granted <= seconds * (perSecond + 2 * lead(perSecond)), `${granted} in ${seconds} windows`);
});

withRedis('a client that fails at one gateway is banned at both, and free again when the ban is lifted', async (t) => {
	const { url } = await startRedis(t);
	const rule = { most: 3, windowMs: 60_000, banMs: 60_000 };
	const fleet = await startFleet(t, url, {}, { failures: { authentication: rule, destination: rule } });
	const [one, other] = fleet;
	for (let i = 0; i < 4; i++) {
		const admission = (i % 2 ? one : other).limiter.enter(CLIENT, LINK)!;
		admission.failed('authentication');
		admission.release();
	}
	for (const gateway of fleet)
		await until(
			'banned',
			() => connect(gateway),
			(answer) => answer === 'banned',
		);
	await one.shared.unban({ kind: 'client', name: CLIENT.key });
	for (const gateway of fleet)
		await until(
			'free',
			() => connect(gateway),
			(answer) => typeof answer !== 'string',
		);
	t.is(other.notes.length, 1, other.notes.join());
});

/** Spends as a tunnel would, chunk by chunk, until its quota is used up. */
function drain(budget: Budget, chunkBytes: number): Promise<number> {
	return new Promise((resolve) => {
		let bytes = 0;
		let over = false;
		budget.onSpent = () => {
			over = true;
			resolve(bytes);
		};
		const next = (): void => {
			if (over) return;
			bytes += chunkBytes;
			if (budget.spend('down', chunkBytes)) setImmediate(next);
		};
		budget.onReady = next;
		next();
	});
}

withRedis(
	'a quota is used up by two gateways together, and what one had in hand and did not use is there for the other',
	async (t) => {
		const { url } = await startRedis(t);
		const dayBytes = 4_000_000;
		const [one, other] = await startFleet(t, url, { dayBytes });
		const idle = (await connect(one)) as Admission;
		idle.budget()!.spend('up', 1_000);
		await until(
			'drawn',
			() => one.shared.draw({ kind: 'client', name: CLIENT.key }, { day: { limit: dayBytes, want: 0 } }),
			(grants) => grants !== null,
		);
		idle.release();
		const first = (await connect(one)) as Admission;
		const second = (await connect(other)) as Admission;
		const spent = await Promise.all([drain(first.budget()!, 10_000), drain(second.budget()!, 10_000)]);
		const all = spent[0]! + spent[1]!;
		t.true(all >= 0.98 * dayBytes && all <= 1.05 * dayBytes, String(all));
		first.release();
		second.release();
		t.is(await connect(one), 'bytes a day');
	},
);

for (const [whenDown, expected] of [
	['local', { open: 5, note: 'open connections' }],
	['open', { open: 40, note: undefined }],
	['closed', { open: 0, note: 'limits unavailable' }],
] as const) {
	withRedis(`while Redis hangs the rule is ${whenDown}, and what was let in is counted when it is back`, async (t) => {
		const { url, process: server } = await startRedis(t);
		const [one, other] = await startFleet(t, url, { connectionsOpen: 10, whenDown: whenDown as WhenDown });
		server.kill('SIGSTOP');
		t.teardown(() => server.kill('SIGCONT'));
		const { open, refused } = await connectMany([one], 40);
		t.is(open.length, expected.open);
		t.deepEqual([...new Set(refused)], expected.note === undefined ? [] : [expected.note]);
		t.false(one.shared.up);
		server.kill('SIGCONT');
		await until(
			'both are back',
			() => [one, other].every(({ shared }) => shared.up),
			(up) => up,
		);
		const { open: more, refused: rest } = await connectMany([other], 20);
		t.is(more.length, Math.max(0, 10 - open.length), JSON.stringify([rest, other.notes, one.notes]));
		for (const admission of [...open, ...more]) admission.release();
		await until(
			'all is free again',
			() => connectMany([other], 10),
			({ open: now }) => {
				for (const admission of now) admission.release();
				return now.length === 10;
			},
		);
		t.true(one.switches.filter(({ up }) => !up).length === 1);
	});
}
