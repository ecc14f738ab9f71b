import test from 'ava';
import fc from 'fast-check';
import { failoverStrategy } from '../../lib/balance/failover.ts';
import { LowLatency, latencyOf, noteLatency } from '../../lib/balance/latency.ts';
import { LeastFlows } from '../../lib/balance/least-flows.ts';
import { randomStrategy } from '../../lib/balance/random.ts';
import type { Roster } from '../../lib/balance/roster.ts';
import { RoundRobin } from '../../lib/balance/round-robin.ts';
import type { Strategy } from '../../lib/balance/strategy.ts';
import { weightedStrategy } from '../../lib/balance/weighted.ts';
import { STRATEGIES, type StrategyName } from '../../lib/registry.ts';
import { HandClock, numbers, pickFor, rosterOf, type Text } from '../helpers/groups.ts';

function drawn(strategy: Strategy<string>, roster: Roster<string>, count: number): string[] {
	return Array.from({ length: count }, () => strategy.pick(roster, pickFor())!.id);
}

function counts(ids: readonly string[]): Record<string, number> {
	const found: Record<string, number> = {};
	for (const id of ids) found[id] = (found[id] ?? 0) + 1;
	return found;
}

for (const name of Object.keys(STRATEGIES) as StrategyName[]) {
	test(`${name} picks an open member that is not skipped, and null only when there is none`, (t) => {
		fc.assert(
			fc.property(
				fc.integer({ min: 0, max: 70 }),
				fc.func(fc.constantFrom('open', 'closed', 'skipped')),
				fc.option(fc.string()),
				(size, stateOf, key) => {
					const strategy = STRATEGIES[name](numbers(), new HandClock()) as unknown as Strategy<string>;
					const roster = rosterOf(size, (i) => 1 + (i % 3));
					const states = roster.members.map(({ id }) => stateOf(id));
					for (const [i, state] of states.entries()) if (state === 'closed') roster.close(roster.members[i]!);
					const skipped = roster.members.filter((_, i) => states[i] === 'skipped');
					const picked = strategy.pick(roster, pickFor(key, skipped));
					if (picked === null) t.false(states.includes('open'));
					else t.is(states[picked.index], 'open');
				},
			),
		);
	});
}

test('random gives each open member its share', (t) => {
	const roster = rosterOf(4);
	roster.close(roster.members[1]!);
	const found = counts(drawn(randomStrategy(numbers()), roster, 30_000));
	t.deepEqual(Object.keys(found), ['1', '3', '4']);
	for (const count of Object.values(found)) t.true(Math.abs(count - 10_000) < 500, `${count}`);
});

test('weighted gives each open member the share of its weight, also after ejections', (t) => {
	const roster = rosterOf(5, (i) => i + 1);
	const shares = (): number[] => {
		const found = counts(drawn(weightedStrategy(numbers()), roster, 30_000));
		return roster.members.map(({ id }) => Math.round((found[id] ?? 0) / 300) / 100);
	};
	const near = (expected: number[]): void => {
		for (const [i, share] of shares().entries()) t.true(Math.abs(share - expected[i]!) <= 0.02, `${i}: ${share}`);
	};
	near([1 / 15, 2 / 15, 3 / 15, 4 / 15, 5 / 15]);
	roster.close(roster.members[4]!);
	near([0.1, 0.2, 0.3, 0.4, 0]);
	roster.open(roster.members[4]!);
	near([1 / 15, 2 / 15, 3 / 15, 4 / 15, 5 / 15]);
});

test('round-robin goes through the list in its order and passes over who is closed', (t) => {
	const roster = rosterOf(4);
	const strategy = new RoundRobin<string>();
	t.is(drawn(strategy, roster, 5).join(), '1,2,3,4,1');
	roster.close(roster.members[2]!);
	t.is(drawn(strategy, roster, 4).join(), '2,4,1,2');
	roster.open(roster.members[2]!);
	t.is(drawn(strategy, roster, 3).join(), '3,4,1');
});

test('failover stays with the first that is open', (t) => {
	const roster = rosterOf(40);
	const strategy = failoverStrategy<string>();
	t.is(drawn(strategy, roster, 2).join(), '1,1');
	for (const member of roster.members.slice(0, 35)) roster.close(member);
	t.is(drawn(strategy, roster, 2).join(), '36,36');
	t.is(strategy.pick(roster, pickFor(null, [roster.members[35]!]))?.id, '37');
	roster.open(roster.members[3]!);
	t.is(drawn(strategy, roster, 1).join(), '4');
});

test('least-flows keeps few members even to one link, and thousands nearly so', (t) => {
	const fill = (count: number, each: number): number[] => {
		const roster = rosterOf(count);
		const strategy = new LeastFlows<string>(numbers());
		for (let i = 0; i < count * each; i++) strategy.pick(roster, pickFor())!.links++;
		return roster.members.map(({ links }) => links);
	};
	t.true(fill(7, 10).every((links) => links === 10));
	const many = fill(2_000, 10);
	t.true(Math.max(...many) <= 13, `${Math.max(...many)}`);
});

test('latency takes the faster of two, asks the unknown, and forgets', (t) => {
	const clock = new HandClock();
	const roster = rosterOf(2);
	const [fast, slow] = roster.members as [Text, Text];
	noteLatency(fast, 20, clock.ms);
	noteLatency(slow, 900, clock.ms);
	const found = counts(drawn(new LowLatency(numbers(), clock), roster, 4_000));
	t.true(found['1']! > 2_800 && found['2']! > 800, JSON.stringify(found));
	noteLatency(fast, 120, clock.ms);
	t.is(latencyOf(fast, clock.ms), 50);
	clock.ms += 60_000;
	t.is(latencyOf(slow, clock.ms), 450);
	t.is(latencyOf(rosterOf(1).members[0]!, clock.ms), 0);
});
