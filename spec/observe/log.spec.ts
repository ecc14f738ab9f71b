import test from 'ava';
import { createLog, type Log, type LogOptions } from '../../lib/observe/log.ts';
import type { LineSink } from '../../lib/observe/log-sink.ts';
import { flowOf } from '../helpers/flows.ts';

const QUIET: LogOptions = { level: 'info', format: 'json', clients: 'none', users: false, targets: false };

/** A log and the lines it wrote, parsed. */
function logged(options: Partial<LogOptions>, act: (log: Log, sink: LineSink) => void): Record<string, unknown>[] {
	const lines: string[] = [];
	const sink: LineSink = { write: (line) => void lines.push(line) };
	act(createLog({ ...QUIET, ...options }, sink), sink);
	return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

test('a flow is one line at its end', (t) => {
	const [line, ...more] = logged({}, (log) => log.flowEnded(flowOf()));
	t.deepEqual(more, []);
	t.true(Math.abs(Date.parse(String(line?.time)) - Date.now()) < 60_000);
	delete line?.time;
	t.deepEqual(line, {
		level: 'info',
		msg: 'flow',
		id: 7,
		inbound: 'listen-1',
		protocol: 'socks5',
		cause: 'closed',
		route: 'upstream-1',
		upBytes: 12,
		downBytes: 34_567,
		openMs: 13,
		totalMs: 1_000,
	});
});

test('a failure says what, where and when', (t) => {
	const outcome = { cause: 'hop_unavailable', side: 'hop', phase: 'connect', hop: 'tor', note: 'refused' } as const;
	const flow = flowOf({ outcome, openedMs: null, requests: 3, reports: ['port'] });
	const [line] = logged({}, (log) => log.flowEnded(flow));
	const { cause, side, phase, hop, note, requests, reports, openMs } = line ?? {};
	t.deepEqual({ cause, side, phase, hop, note }, outcome);
	t.deepEqual([requests, reports, openMs], [3, ['port'], undefined]);
});

test('says nothing about who and where to, unless it is told to', (t) => {
	const silent = JSON.stringify(logged({ level: 'debug' }, (log) => log.flowEnded(flowOf())));
	for (const word of ['192.0.2', 'alice', 'secret.example']) t.false(silent.includes(word), word);
	const [line] = logged({ clients: 'truncate', users: true, targets: true }, (log) => log.flowEnded(flowOf()));
	t.deepEqual([line?.client, line?.user, line?.target], ['192.0.2.0/24', 'alice', 'secret.example:443']);
});

test('a flow that did not get so far leaves out what it has not', (t) => {
	const early = flowOf({
		user: null,
		target: null,
		route: null,
		openedMs: null,
		outcome: { cause: 'handshake_timeout' },
	});
	const [line] = logged({ users: true, targets: true }, (log) => log.flowEnded(early));
	t.deepEqual(Object.keys(line ?? {}), [
		'level',
		'time',
		'id',
		'inbound',
		'protocol',
		'cause',
		'upBytes',
		'downBytes',
		'totalMs',
		'msg',
	]);
});

test('warns of what an operator should look at, and of nothing else', (t) => {
	const act = (log: Log): void => {
		log.flowEnded(flowOf());
		log.flowEnded(flowOf({ outcome: { cause: 'connection_refused', side: 'target' } }));
		log.flowEnded(flowOf({ outcome: { cause: 'hop_unavailable', side: 'hop' } }));
		log.flowEnded(flowOf({ outcome: { cause: 'proxy_internal_error' } }));
	};
	t.deepEqual(
		logged({}, act).map(({ level }) => level),
		['info', 'info', 'warn', 'warn'],
	);
	t.deepEqual(
		logged({ level: 'warn' }, act).map(({ cause }) => cause),
		['hop_unavailable', 'proxy_internal_error'],
	);
	t.deepEqual(logged({ level: 'off' }, act), []);
});

test('passes on what the gateway notes, from its level up', (t) => {
	const lines = logged({}, (log) => {
		log.note('debug', 'hidden');
		log.note('info', 'listening', { address: '[::1]:1080' });
		log.note('error', 'full');
	});
	t.deepEqual(
		lines.map(({ level, msg, address }) => [level, msg, address]),
		[
			['info', 'listening', '[::1]:1080'],
			['error', 'full', undefined],
		],
	);
});

test('counts connections dropped unheard, and says so once for many', (t) => {
	const lines = logged({}, (log) => {
		for (let i = 0; i < 1_000; i++) log.dropped('listen-1', 'handshakes');
		log.dropped('listen-2', 'handshakes');
		log.flush();
		log.flush();
	});
	t.deepEqual(
		lines.map(({ level, msg, inbound, why, count }) => [level, msg, inbound, why, count]),
		[
			['warn', 'dropped', 'listen-1', 'handshakes', 1_000],
			['warn', 'dropped', 'listen-2', 'handshakes', 1],
		],
	);
});

test('says by itself that connections were dropped', async (t) => {
	const line = await new Promise<string>((resolve) => {
		const log = createLog(QUIET, { write: resolve });
		// The log's timer does not keep a process alive; this one does.
		const awake = setInterval(() => {}, 1_000);
		t.teardown(() => clearInterval(awake));
		log.dropped('listen-1', 'hook');
	});
	t.is((JSON.parse(line) as { count: number }).count, 1);
});

test('a bug is told with its stack', (t) => {
	const [line] = logged({}, (log) => log.bug(new TypeError('cannot be')));
	t.deepEqual([line?.level, line?.msg, line?.error, line?.reason], ['error', 'bug', 'TypeError', 'cannot be']);
	t.regex(String(line?.stack), /^ +at .*log\.spec\.ts/);
});

test('an error of Node itself is told by its code, without the address in its message', (t) => {
	const error = Object.assign(new Error('connect ECONNREFUSED 192.0.2.77:80'), {
		code: 'ECONNREFUSED',
		syscall: 'connect',
	});
	const text = JSON.stringify(logged({}, (log) => log.bug(error)));
	t.false(text.includes('192.0.2'));
	t.true(text.includes('ECONNREFUSED'));
	t.is(logged({}, (log) => log.bug('thrown text'))[0]?.error, 'string');
});

test('says how many lines a stalled reader has cost', (t) => {
	const [line] = logged({}, (_, sink) => sink.onDropped?.(12));
	t.deepEqual([line?.level, line?.msg, line?.count], ['warn', 'log lines dropped', 12]);
});

test('writes lines to read when it is asked to', (t) => {
	const lines: string[] = [];
	const log = createLog({ ...QUIET, format: 'pretty' }, { write: (line) => void lines.push(line) });
	log.note('info', 'listening', { address: '127.0.0.1:1080' });
	t.is(lines.length, 1);
	t.throws(() => JSON.parse(lines[0]!));
	t.true(lines[0]!.includes('listening') && lines[0]!.includes('127.0.0.1:1080'));
});

test('a switch of who keeps the limits is a line, and a warning unless all is well again', (t) => {
	const lines = logged({}, (log) => {
		log.limits('local', 'no connection');
		log.limits('shared', 'connected');
	});
	t.like(lines[0], { level: 'warn', msg: 'limits', mode: 'local', cause: 'no connection' });
	t.like(lines[1], { level: 'info', msg: 'limits', mode: 'shared', cause: 'connected' });
});
