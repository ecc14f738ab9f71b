import { setImmediate as turn } from 'node:timers/promises';
import test from 'ava';
import { createGateway } from '../../lib/index.ts';
import { AccountLimiter } from '../../lib/limits/account-limiter.ts';
import { clientOf } from '../../lib/limits/client-key.ts';
import { MemoryStore, type Question, type Remark } from '../../lib/limits/memory-store.ts';
import type { Subject } from '../../lib/limits/shared.ts';
import { WorkerShared } from '../../lib/limits/worker-shared.ts';
import { until } from '../helpers/process.ts';
import type { Scope } from '../helpers/scope.ts';

const CLIENT: Subject = { kind: 'client', name: '192.0.2.1' };

const LINK = { reset() {} };

interface Stage {
	readonly shared: WorkerShared;
	readonly remarks: Remark[];
	silent: boolean;
	up: boolean;
}

function staged(scope: Scope, store: MemoryStore, gateway: number): Stage {
	const remarks: Remark[] = [];
	const stage: Omit<Stage, 'shared'> = { remarks, silent: false, up: true };
	const line = {
		get up() {
			return stage.up;
		},
		ask: async (question: Question) => {
			await turn();
			return stage.silent ? new Promise(() => {}) : store.answer(gateway, question);
		},
		tell: (told: readonly Remark[]) => {
			for (const remark of told) {
				remarks.push(remark);
				store.hear(gateway, remark);
			}
		},
	};
	const shared = new WorkerShared(line, 2, { nowMs: () => performance.now() });
	scope.teardown(() => shared.close());
	return Object.assign(stage, { shared });
}

function twoOf(scope: Scope): [Stage, Stage] {
	const store = new MemoryStore({ maxKeys: 100, maxSessions: 100 });
	return [staged(scope, store, 1), staged(scope, store, 2)];
}

test('limiters of two workers let ten in together, however many come', async (t) => {
	const stages = twoOf(t);
	const { allowances, ceilings } = createGateway({ limits: { connections_open: 10, connections_per_second: 0 } }).config
		.limits;
	const limiters = stages.map(({ shared }) => new AccountLimiter(allowances, ceilings, { shared }));
	const client = clientOf(0xc0_00_02_01);
	const entered = await Promise.all(
		Array.from({ length: 100 }, async (_, i) => {
			const admission = limiters[i % 2]!.enter(client, LINK)!;
			return { admission, error: await admission.admit(null) };
		}),
	);
	const granted = entered.filter(({ error }) => error === null);
	t.is(granted.length, 10);
	for (const { admission } of granted) admission.release();
	const again = await until(
		'places are free again',
		async () => limiters[0]!.enter(client, LINK)!.admit(null),
		(error) => error === null,
	);
	t.is(again, null);
});

test('what came and went between two tellings is not told', async (t) => {
	const [{ shared, remarks }] = twoOf(t);
	shared.hold(CLIENT, 1);
	shared.hold(CLIENT, 0);
	shared.hold({ ...CLIENT, name: '192.0.2.2' }, 3);
	await until(
		'told',
		() => remarks.length,
		(count) => count > 0,
	);
	t.deepEqual(remarks, [['hold', { kind: 'client', name: '192.0.2.2' }, 3]]);
	shared.hold({ ...CLIENT, name: '192.0.2.2' }, 0);
	await until(
		'told again',
		() => remarks.length,
		(count) => count > 1,
	);
	t.deepEqual(remarks[1], ['hold', { kind: 'client', name: '192.0.2.2' }, 0]);
});

test('a store that is silent is not waited for, and one that is gone is down', async (t) => {
	const [stage] = twoOf(t);
	stage.silent = true;
	// What waits keeps no process alive.
	const alive = setInterval(() => {}, 1_000);
	t.teardown(() => clearInterval(alive));
	t.is(await stage.shared.take('connections', CLIENT, { perSecond: 1, burst: 0 }, 1), null);
	stage.up = false;
	t.false(stage.shared.up);
});

test('bans of others are known here', (t) => {
	const [{ shared }] = twoOf(t);
	t.is(shared.bannedMs(CLIENT), 0);
	shared.learn([['client 192.0.2.1', 60_000]]);
	t.true(shared.bannedMs(CLIENT) > 59_000);
});
