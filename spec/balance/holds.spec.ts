import test from 'ava';
import { Holds } from '../../lib/balance/holds.ts';
import { HandClock, rosterOf } from '../helpers/groups.ts';

const [one, two] = rosterOf(2).members;

test('a hold is over after so many uses', (t) => {
	const holds = new Holds<string>({ uses: 2, ms: null }, new HandClock());
	holds.take('key', one!, 0);
	t.true(holds.lasts(holds.of('key')!));
	holds.use('key', holds.of('key')!);
	t.false(holds.lasts(holds.of('key')!));
});

test('a hold is over after so long, however often it is used', (t) => {
	const clock = new HandClock();
	const holds = new Holds<string>({ uses: null, ms: 1_000 }, clock);
	holds.take('key', one!, 0);
	clock.ms += 999;
	holds.use('key', holds.of('key')!);
	t.true(holds.lasts(holds.of('key')!));
	clock.ms += 1;
	t.false(holds.lasts(holds.of('key')!));
});

test('of more keys than the limit the one unused for longest is forgotten', (t) => {
	const holds = new Holds<string>({ uses: null, ms: null }, new HandClock(), 2);
	holds.take('a', one!, 0);
	holds.take('b', two!, 3);
	holds.use('a', holds.of('a')!);
	holds.take('c', two!, 0);
	t.is(holds.of('b'), null);
	t.is(holds.of('a')?.member, one);
	t.is(holds.of('c')?.turn, 0);
});
