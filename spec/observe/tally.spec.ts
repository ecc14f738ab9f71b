import test from 'ava';
import fc from 'fast-check';
import { CODES } from '../../lib/core/error.ts';
import type { Flow } from '../../lib/core/flow.ts';
import { Tally } from '../../lib/observe/tally.ts';
import { flowOf } from '../helpers/flows.ts';

function lived(tally: Tally, part: Partial<Flow>): void {
	const flow = flowOf(part);
	tally.flowStarted(flow);
	if (flow.openedMs !== null) tally.flowOpened(flow);
	tally.flowEnded(flow);
}

test('connections are counted by listener, protocol and result', (t) => {
	const tally = new Tally();
	lived(tally, {});
	lived(tally, {});
	lived(tally, { protocol: 'http', requests: 3, outcome: { cause: 'idle' } });
	t.deepEqual(
		[...tally.connections],
		[
			{ listener: 'listen-1', protocol: 'socks5', result: 'closed', count: 2 },
			{ listener: 'listen-1', protocol: 'http', result: 'idle', count: 1 },
		],
	);
	t.is(tally.requests, 3);
	t.is(tally.live.size, 0);
});

test('bytes of a live tunnel count, and never shrink when it ends', (t) => {
	const tally = new Tally();
	const flow = flowOf({ upBytes: 5, downBytes: 0, carrier: { upBytes: 10, downBytes: 100 } });
	tally.flowStarted(flow);
	t.deepEqual(tally.bytes(), { up: 15, down: 100 });
	Object.assign(flow, { upBytes: 15, downBytes: 100, carrier: null });
	t.deepEqual(tally.bytes(), { up: 15, down: 100 });
	tally.flowEnded(flow);
	t.deepEqual(tally.bytes(), { up: 15, down: 100 });
});

test('a way out is counted with its dials, its failures and the time they took', (t) => {
	const tally = new Tally();
	lived(tally, { askedMs: 100, openedMs: 130 });
	lived(tally, { askedMs: 100, openedMs: 110 });
	lived(tally, { openedMs: null, outcome: { cause: 'connection_refused', side: 'target', phase: 'connect' } });
	lived(tally, { openedMs: null, route: null, outcome: { cause: 'http_request_denied', phase: 'policy' } });
	t.deepEqual([...tally.exits], [{ outbound: 'upstream-1', opened: 2, failed: 1, dialMs: 40 }]);
});

test('refusals are counted by the limit that refused, and nothing else is one', (t) => {
	const tally = new Tally();
	const refused = { openedMs: null, route: null };
	lived(tally, {
		...refused,
		outcome: { cause: 'client_limit_reached', phase: 'admission', note: 'open connections' },
	});
	lived(tally, {
		...refused,
		outcome: { cause: 'connection_limit_reached', phase: 'admission', note: 'gateway full' },
	});
	lived(tally, { ...refused, outcome: { cause: 'connection_limit_reached', phase: 'connect' } });
	tally.dropped('listen-1', 'handshakes');
	t.deepEqual(
		[...tally.limited],
		[
			['open_connections', 1],
			['gateway_full', 1],
			['handshakes', 1],
		],
	);
});

test('whatever comes, no table grows without end', (t) => {
	const tally = new Tally();
	for (let i = 0; i < 5_000; i++) {
		lived(tally, { inbound: `listen-${i}`, route: `upstream-${i}` });
		tally.dropped(`listen-${i}`, `why ${i}`);
	}
	t.true([...tally.connections].length < 2_100);
	t.true([...tally.exits].length < 2_100);
	t.true(tally.limited.size < 2_100);
	t.is(
		[...tally.connections].reduce((sum, { count }) => sum + count, 0),
		10_000,
	);
});

test('whatever a flow says, no word of a client, user or target is kept', (t) => {
	const secret = 'zzsecretzz';
	fc.assert(
		fc.property(fc.constantFrom(...CODES), fc.boolean(), (cause, opened) => {
			const tally = new Tally();
			const part = { client: secret, user: secret, outcome: { cause } as const, openedMs: opened ? 1 : null };
			lived(tally, { ...part, target: { kind: 'name', host: secret, port: 1, ip: null } });
			const told = JSON.stringify([[...tally.connections], [...tally.exits], [...tally.limited], tally.bytes()]);
			t.false(told.includes(secret));
		}),
	);
});

test('commands beside CONNECT, and what they dropped, are counted by name', (t) => {
	const tally = new Tally();
	lived(tally, {});
	lived(tally, { command: 'associate', drops: { sender: 3, refused: 1 } });
	lived(tally, { command: 'associate', drops: { sender: 2 } });
	lived(tally, { command: 'bind' });
	t.deepEqual(
		[...tally.commands],
		[
			['associate', 2],
			['bind', 1],
		],
	);
	t.deepEqual(
		[...tally.drops],
		[
			['sender', 5],
			['refused', 1],
		],
	);
});

test('members that fail are counted by group and why, in words of ours', (t) => {
	const tally = new Tally();
	tally.memberFailed('pool', 'connection_refused');
	tally.memberFailed('pool', 'connection_refused');
	tally.memberFailed('pool', 'nothing came');
	tally.memberEjected('pool');
	t.deepEqual(
		[...tally.memberFailures],
		[
			{ group: 'pool', cause: 'connection_refused', count: 2 },
			{ group: 'pool', cause: 'nothing_came', count: 1 },
		],
	);
	t.deepEqual([...tally.ejections], [['pool', 1]]);
	for (let i = 0; i < 5_000; i++) {
		tally.memberFailed(`pool-${i}`, 'x');
		tally.memberEjected(`pool-${i}`);
	}
	t.is([...tally.memberFailures].length, 2_049);
	t.true(tally.ejections.size <= 2_049);
});

test('limits let in, refuse and cut off, and each is counted once', (t) => {
	const tally = new Tally();
	const over = { cause: 'client_limit_reached', note: 'open connections' } as const;
	tally.flowEnded(flowOf());
	tally.flowEnded(flowOf({ outcome: { ...over, phase: 'admission' }, route: null, openedMs: null }));
	tally.flowEnded(flowOf({ outcome: { cause: 'client_limit_reached', note: 'bytes a day', phase: 'relay' } }));
	tally.flowEnded(flowOf({ outcome: { cause: 'handshake_timeout', phase: 'handshake' }, askedMs: null }));
	tally.dropped('listen-1', 'handshakes');
	t.deepEqual([tally.admitted, tally.refused], [2, 2]);
	t.deepEqual(Object.fromEntries(tally.limited), { open_connections: 1, bytes_a_day: 1, handshakes: 1 });
});

test('each change of who keeps the limits is counted', (t) => {
	const tally = new Tally();
	for (const mode of ['shared', 'local', 'shared'] as const) tally.limits(mode);
	t.deepEqual(
		[...tally.modeChanges],
		[
			['shared', 2],
			['local', 1],
		],
	);
});
