// `npm run bench:choose`: what it costs to choose a member of a group of ten thousand, by each strategy, with nothing wrong,
// with half of the members ejected, and with exits that a site has banned. CPU of this process; the bar is 5 us.

import { MemorySessions } from '../../lib/balance/session-store.ts';
import { systemClock } from '../../lib/core/clock.ts';
import type { Outbound } from '../../lib/core/dialer.ts';
import { newFlow } from '../../lib/core/flow.ts';
import { targetOfHost } from '../../lib/core/target.ts';
import { Group, type GroupOptions } from '../../lib/outbound/group.ts';
import { STRATEGIES, type StrategyName } from '../../lib/registry.ts';

const MEMBERS = 10_000;
const CHOICES = 100_000;
const ROUNDS = 5;
const BAR_US = 5;

const way: Outbound = {
	type: 'none',
	tag: 'none',
	namesTravel: true,
	dial: () => Promise.reject(new Error('nobody dials here')),
	close() {},
};

const OPTIONS: GroupOptions = {
	tag: 'pool',
	sticky: 'none',
	rotate: 'connection',
	tries: 3,
	attemptMs: 5_000,
	eject: { after: 1, restMs: 3_600_000, longestRestMs: 3_600_000, floorPercent: 50 },
	avoidMs: 3_600_000,
	retry: { statuses: new Set([403]), methods: new Set(['GET']), tries: 2, bodyBytes: 0 },
};

const sessions = new MemorySessions({ limit: 100_000, limitPerOwner: 1_000 });

function groupOf(name: StrategyName, part: Partial<GroupOptions> = {}): Group {
	const strategy = STRATEGIES[name](Math.random, systemClock);
	const group = new Group({ ...OPTIONS, ...part }, { strategy, sessions, clock: systemClock });
	const specs = Array.from({ length: MEMBERS }, (_, i) => ({
		id: `http://192.0.2.1:${i + 1}`,
		name: `pool:${i + 1}`,
		weight: 1 + (i % 7),
		tag: null,
		traits: way,
		make: () => way,
	}));
	group.replace(specs);
	return group;
}

const target = targetOfHost('www.example.com', 80)!;
const flows = Array.from({ length: 5_000 }, (_, i) => newFlow(i, 'listen-1', `192.0.2.${i}`, 0));

function choose(group: Group, count: number): void {
	for (let i = 0; i < count; i++) group.choose({ flow: flows[i % flows.length]!, target });
}

function costUs(group: Group): number {
	choose(group, CHOICES / 10);
	const costs = Array.from({ length: ROUNDS }, () => {
		const before = process.cpuUsage();
		choose(group, CHOICES);
		const { user, system } = process.cpuUsage(before);
		return (user + system) / CHOICES;
	});
	return costs.toSorted((a, b) => a - b)[ROUNDS >> 1]!;
}

const STATES: Readonly<Record<string, (group: Group) => void>> = {
	'all open': () => {},
	'half ejected': (group) => {
		for (const member of group.roster.members.slice(0, MEMBERS / 2)) group.health.failed(member, 'bench');
	},
	'banned by the site': (group) => {
		for (let i = 0; i < 200; i++) group.choose({ flow: flows[i]!, target }).answered(403);
	},
};

let worst = 0;
console.log(`| µs a choice, ${MEMBERS} members | ${Object.keys(STATES).join(' | ')} |\n|---|---|---|---|`);
for (const name of Object.keys(STRATEGIES) as StrategyName[]) {
	const parts: readonly Partial<GroupOptions>[] = [{}, { sticky: 'client', rotate: { uses: 10, ms: null } }];
	for (const part of parts) {
		const costs = Object.values(STATES).map((prepare) => {
			const group = groupOf(name, part);
			prepare(group);
			return costUs(group);
		});
		worst = Math.max(worst, ...costs);
		const sticks = part.sticky ? ', sticky, 10 uses' : '';
		console.log(`| ${name}${sticks} | ${costs.map((cost) => cost.toFixed(2)).join(' | ')} |`);
	}
}
console.log(`\nworst ${worst.toFixed(2)} µs, bar ${BAR_US} µs`);
process.exitCode = worst <= BAR_US ? 0 : 1;
