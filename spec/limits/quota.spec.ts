import test from 'ava';
import { Quota } from '../../lib/limits/quota.ts';

const ALONE = { shared: null, whenDown: 'local' } as const;
const NOON = Date.UTC(2026, 10, 23, 12);

test('is used up at its limit, and there again in the next day or month of UTC', (t) => {
	for (const [period, next] of [
		['day', Date.UTC(2026, 10, 24)],
		['month', Date.UTC(2026, 11, 1)],
	] as const) {
		const quota = new Quota(period, 1_000);
		quota.turn(NOON);
		quota.spend(999);
		t.false(quota.spentHere(true, ALONE));
		quota.spend(1);
		t.true(quota.spentHere(true, ALONE));
		t.is(quota.endsInMs(NOON), next - NOON);
		quota.turn(next - 1);
		t.true(quota.spentHere(true, ALONE));
		quota.turn(next);
		t.false(quota.spentHere(true, ALONE));
		t.true(quota.untouched);
	}
});

test('blocks are drawn ahead of need, and used up only when the store has said so', (t) => {
	const quota = new Quota('day', 25_600_000);
	quota.turn(NOON);
	t.is(quota.want, 100_000);
	quota.grant(100_000);
	t.is(quota.want, 0);
	quota.spend(60_000);
	t.is(quota.want, 60_000);
	quota.spend(60_000);
	t.false(quota.spent, 'a question may be on its way');
	quota.grant(0);
	t.true(quota.spent);
	quota.forget();
	t.false(quota.spent, 'it may have been set back');
});

test('what was drawn and not used is given back once', (t) => {
	const quota = new Quota('month', 25_600_000);
	quota.turn(NOON);
	quota.grant(100_000);
	quota.spend(30_000);
	t.is(quota.yield(), 70_000);
	t.is(quota.yield(), 0);
	quota.spend(5_000);
	t.is(quota.yield(), 0, 'a debt is nothing to give');
	t.is(quota.want, 105_000, 'and is drawn with the next block');
});
