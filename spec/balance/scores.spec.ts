import test from 'ava';
import { Scores } from '../../lib/balance/scores.ts';
import { HandClock, rosterOf } from '../helpers/groups.ts';

test('what one site bans is good for all others, and for that one after a while', (t) => {
	const clock = new HandClock();
	const scores = new Scores(clock);
	const [one, two] = rosterOf(2).members;
	t.true(scores.isEmpty);
	scores.ban('a.example', one!, 60_000);
	t.is(scores.bansOf('b.example'), null);
	t.true(scores.bansOf('a.example')?.has(one!));
	t.false(scores.bansOf('a.example')?.has(two!));
	clock.ms += 60_000;
	t.false(scores.bansOf('a.example')?.has(one!));
});

test('a site that takes the exit after all has forgiven it', (t) => {
	const scores = new Scores(new HandClock());
	const [one] = rosterOf(1).members;
	scores.ban('a.example', one!, 60_000);
	scores.forgive('a.example', one!);
	scores.forgive('b.example', one!);
	t.true(scores.isEmpty);
});

test('bans are bounded in exits of a site and in sites, the oldest go', (t) => {
	const scores = new Scores(new HandClock());
	const { members } = rosterOf(300);
	for (const member of members) scores.ban('a.example', member, 60_000);
	t.is(members.filter((member) => scores.bansOf('a.example')?.has(member)).length, 256);
	for (let i = 0; i < 1_024; i++) scores.ban(`${i}.example`, members[0]!, 60_000);
	t.is(scores.bansOf('a.example'), null);
	t.true(scores.bansOf('1023.example')?.has(members[0]!));
});
