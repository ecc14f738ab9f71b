import test from 'ava';
import fc from 'fast-check';
import { Member } from '../../lib/balance/member.ts';
import { rosterOf } from '../helpers/groups.ts';

test('whatever is opened and closed, every way of asking sees the same open members', (t) => {
	const act = fc.record({ open: fc.boolean(), i: fc.nat(99) });
	fc.assert(
		fc.property(fc.integer({ min: 1, max: 100 }), fc.array(act, { maxLength: 200 }), (size, acts) => {
			const roster = rosterOf(size, (i) => 1 + (i % 5));
			const open = new Set(roster.members);
			for (const { open: opens, i } of acts) {
				const member = roster.members[i % size]!;
				if (opens) roster.open(member);
				else roster.close(member);
				if (opens) open.add(member);
				else open.delete(member);
			}
			t.is(roster.openCount, open.size);
			const listed = new Set(Array.from({ length: open.size }, (_, i) => roster.openAt(i)));
			t.true(listed.size === open.size && [...listed].every((member) => open.has(member)));
			t.true(roster.members.every((member) => roster.isOpen(member) === open.has(member)));
			for (let i = 0; i < size; i++) {
				const around = [...roster.members.slice(i), ...roster.members.slice(0, i)];
				t.is(roster.openFrom(i), around.find((member) => open.has(member)) ?? null);
			}
			const weights = [...open].reduce((sum, { weight }) => sum + weight, 0);
			const drawn = new Map<Member<string>, number>();
			for (let i = 0; i < weights; i++) {
				const member = roster.openByWeight((i + 0.5) / weights)!;
				drawn.set(member, (drawn.get(member) ?? 0) + 1);
			}
			for (const member of open) t.is(drawn.get(member), member.weight);
		}),
	);
});

test('a new list takes over states, and who is not on it is in no roster', (t) => {
	const roster = rosterOf(3);
	const [one, two] = roster.members as [Member<string>, Member<string>];
	two.state = 'ejected';
	const other = new Member('other', 'other', 2, () => 'other');
	roster.replace([other, two]);
	t.deepEqual([roster.has(one), roster.has(two), roster.isOpen(two), roster.openCount], [false, true, false, 1]);
	roster.open(one);
	roster.close(one);
	t.is(roster.openAt(0), other);
});

test('a member is made when it is used first, and once', (t) => {
	let made = 0;
	const member = new Member('a', 'a', 1, () => ++made);
	t.is(member.made, null);
	t.deepEqual([member.way, member.way, member.made, made], [1, 1, 1, 1]);
});
