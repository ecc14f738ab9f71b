import test from 'ava';
import { Member } from '../../lib/balance/member.ts';
import { Rendezvous } from '../../lib/balance/rendezvous.ts';
import { Roster } from '../../lib/balance/roster.ts';
import { numbers, pickFor, rosterOf } from '../helpers/groups.ts';

const KEYS = Array.from({ length: 20_000 }, (_, i) => `client\n192.0.2.${i}`);

function meet(roster: Roster<string>, keys: readonly string[] = KEYS): string[] {
	const strategy = new Rendezvous<string>(numbers());
	return keys.map((key) => strategy.pick(roster, pickFor(key))!.id);
}

test('the same key meets at the same member, whatever the order of the list', (t) => {
	const roster = rosterOf(50);
	const turned = new Roster<string>();
	turned.replace([...roster.members].reverse().map(({ id }) => new Member(id, id, 1, () => id)));
	t.deepEqual(meet(turned, KEYS.slice(0, 2_000)), meet(roster, KEYS.slice(0, 2_000)));
});

test('no member has much more than its share, few or many', (t) => {
	for (const count of [2, 3, 10, 100]) {
		const found = new Map<string, number>();
		for (const id of meet(rosterOf(count))) found.set(id, (found.get(id) ?? 0) + 1);
		const most = Math.max(...found.values()) / (KEYS.length / count);
		t.is(found.size, count);
		t.true(most < 1.3, `${count} members: ${most}`);
	}
});

test('who is closed loses its keys to others, who keep theirs, and has them back when it is open', (t) => {
	const roster = rosterOf(30);
	const before = meet(roster);
	roster.close(roster.members[7]!);
	const without = meet(roster);
	const takers = new Set<string>();
	for (const [i, id] of before.entries()) {
		if (id !== '8') t.is(without[i], id);
		else takers.add(without[i]!);
	}
	t.true(!takers.has('8') && takers.size > 5, 'one member alone does not take them all');
	roster.open(roster.members[7]!);
	t.deepEqual(meet(roster), before);
});

test('a member that leaves the list moves its own keys and few others', (t) => {
	const roster = rosterOf(100);
	const before = meet(roster);
	const shorter = new Roster<string>();
	shorter.replace(roster.members.slice(1).map(({ id }) => new Member(id, id, 1, () => id)));
	const moved = meet(shorter).filter((id, i) => before[i] !== '1' && before[i] !== id).length;
	t.is(moved, 0);
});

test('without a key any member is as good as the other', (t) => {
	const roster = rosterOf(10);
	const strategy = new Rendezvous<string>(numbers());
	const found = new Set(Array.from({ length: 200 }, () => strategy.pick(roster, pickFor())!.id));
	t.is(found.size, 10);
});

test('a new list is seen', (t) => {
	const roster = rosterOf(3);
	const strategy = new Rendezvous<string>(numbers());
	strategy.pick(roster, pickFor('key'));
	roster.replace([new Member('other', 'other', 1, () => 'other')]);
	t.is(strategy.pick(roster, pickFor('key'))?.id, 'other');
});
