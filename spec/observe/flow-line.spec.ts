import test from 'ava';
import fc from 'fast-check';
import { CODES } from '../../lib/core/error.ts';
import type { Flow, Outcome } from '../../lib/core/flow.ts';
import { targetOfHost } from '../../lib/core/target.ts';
import { flowLine } from '../../lib/observe/flow-line.ts';

const TIME = ',"time":"2026-01-02T03:04:05.678Z"';

const text = fc.string({ unit: 'binary', maxLength: 20 });

const outcome: fc.Arbitrary<Outcome> = fc.record(
	{
		cause: fc.constantFrom<Outcome['cause']>('closed', 'drained', ...CODES),
		side: fc.constantFrom('client', 'hop', 'target', 'gateway'),
		phase: fc.constantFrom('handshake', 'connect', 'relay'),
		hop: text,
		note: text,
	},
	{ requiredKeys: ['cause'] },
) as fc.Arbitrary<Outcome>;

const flow: fc.Arbitrary<Flow> = fc.record({
	id: fc.nat(),
	inbound: text,
	client: fc.constant('192.0.2.1'),
	network: fc.constant(null),
	startedMs: fc.constant(1_000),
	protocol: fc.constantFrom('socks4', 'socks5', 'http', 'unknown'),
	command: fc.constantFrom(null, 'associate', 'bind', 'resolve'),
	user: fc.option(text),
	session: fc.constant(null),
	target: fc.constantFrom(null, targetOfHost('example.com', 443)),
	route: fc.option(text),
	exit: fc.option(text),
	askedMs: fc.option(fc.nat(10_000)),
	openedMs: fc.option(fc.nat(10_000)),
	requests: fc.nat(3),
	upBytes: fc.nat(),
	downBytes: fc.nat(),
	carrier: fc.constant(null),
	endedMs: fc.option(fc.nat(10_000)),
	outcome: fc.option(outcome),
	drops: fc.constantFrom(null, { sender: 3, refused: 1 }),
	reports: fc.array(text, { maxLength: 3 }),
});

test('whatever a flow holds, its line is one line of JSON that says it', (t) => {
	fc.assert(
		fc.property(flow, fc.option(text), (value, client) => {
			const line = flowLine(value, 'info', TIME, client, { users: true, targets: true });
			t.true(line.endsWith('\n') && line.indexOf('\n') === line.length - 1);
			const told = JSON.parse(line) as Record<string, unknown>;
			t.like(told, { level: 'info', msg: 'flow', id: value.id, inbound: value.inbound, upBytes: value.upBytes });
			t.is(told.cause, value.outcome?.cause);
			t.is(told.hop, value.outcome?.hop);
			t.is(told.note, value.outcome?.note);
			t.is(told.route, value.route ?? undefined);
			t.is(told.user, value.user ?? undefined);
			t.is(told.client, client ?? undefined);
			t.is(told.target, value.target ? 'example.com:443' : undefined);
			t.deepEqual(told.reports, value.reports.length > 0 ? value.reports : undefined);
		}),
	);
});

test('users and targets are left out unless they are asked for', (t) => {
	fc.assert(
		fc.property(flow, (value) => {
			const told = JSON.parse(flowLine(value, 'warn', TIME, null, { users: false, targets: false }));
			t.false('user' in told || 'target' in told || 'client' in told);
		}),
	);
});
