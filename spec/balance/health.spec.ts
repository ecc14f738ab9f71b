import test from 'ava';
import { Health, type HealthOptions } from '../../lib/balance/health.ts';
import type { Roster } from '../../lib/balance/roster.ts';
import { HandClock, rosterOf, type Text } from '../helpers/groups.ts';

const OPTIONS: HealthOptions = { after: 3, restMs: 10_000, longestRestMs: 60_000, floorPercent: 0 };

interface Ward {
	readonly roster: Roster<string>;
	readonly clock: HandClock;
	readonly health: Health<string>;
	readonly said: string[];
	readonly first: Text;
}

function wardOf(count: number, options: Partial<HealthOptions> = {}): Ward {
	const [roster, clock, said] = [rosterOf(count), new HandClock(), [] as string[]];
	const health = new Health({ ...OPTIONS, ...options }, roster, clock, {
		ejected: ({ id }, why, restMs) => void said.push(`${id} ejected for ${restMs}: ${why}`),
		restored: ({ id }) => void said.push(`${id} restored`),
	});
	return { roster, clock, health, said, first: roster.members[0]! };
}

function fail({ health, first }: Ward, times = 3): void {
	for (let i = 0; i < times; i++) health.failed(first, 'refused');
}

/** Rests until its trial, is used, and fails again. */
function failTrial(ward: Ward): void {
	ward.clock.ms = ward.first.restsUntilMs;
	ward.health.wake();
	ward.health.used(ward.first);
	ward.health.failed(ward.first, 'refused');
}

test('so many failures in a row eject, and a success in between begins anew', (t) => {
	const ward = wardOf(3);
	fail(ward, 2);
	ward.health.succeeded(ward.first);
	fail(ward, 2);
	t.true(ward.roster.isOpen(ward.first));
	fail(ward, 1);
	t.false(ward.roster.isOpen(ward.first));
	t.deepEqual(ward.said, ['1 ejected for 10000: refused']);
});

test('an ejected member is left alone, then tried by one use at a time, and open again by its success', (t) => {
	const ward = wardOf(3);
	const { health, roster, clock, first } = ward;
	fail(ward);
	clock.ms += 9_999;
	health.wake();
	t.false(roster.isOpen(first));
	clock.ms += 1;
	health.wake();
	t.true(roster.isOpen(first));
	health.used(first);
	t.false(roster.isOpen(first), 'the trial is one use');
	health.succeeded(first);
	t.true(roster.isOpen(first));
	fail(ward, 2);
	t.true(roster.isOpen(first));
	t.is(ward.said.at(-1), '1 restored');
});

test('each trial that fails doubles the rest, up to a limit; bytes of a target end the doubling', (t) => {
	const ward = wardOf(3);
	fail(ward);
	for (let i = 0; i < 4; i++) failTrial(ward);
	const rests = ward.said.map((line) => /\d{4,}/.exec(line)?.[0]);
	t.deepEqual(rests, ['10000', '20000', '40000', '60000', '60000']);
	ward.health.proved(ward.first);
	fail(ward);
	t.is(ward.said.at(-1), '1 ejected for 10000: refused');
});

test('a trial that tells nothing is followed by another one', (t) => {
	const ward = wardOf(2);
	const { health, roster, clock, first } = ward;
	fail(ward);
	clock.ms += 10_000;
	health.wake();
	health.used(first);
	clock.ms += 29_999;
	health.wake();
	t.false(roster.isOpen(first));
	clock.ms += 1;
	health.wake();
	t.true(roster.isOpen(first));
});

test('below the floor nobody is ejected, and the last one never is', (t) => {
	for (const [percent, left] of [
		[0, 1],
		[50, 5],
		[51, 6],
		[100, 10],
	] as const) {
		const { roster, health } = wardOf(10, { floorPercent: percent });
		for (const member of roster.members) for (let i = 0; i < 5; i++) health.failed(member, 'refused');
		t.is(roster.openCount, left);
	}
});

test('a failure that may be the fault of a site counts half, and once for each site', (t) => {
	const { roster, health, first } = wardOf(2);
	for (let i = 0; i < 100; i++) health.doubted(first, 'one.example', 'silent');
	for (let i = 0; i < 4; i++) health.doubted(first, `site-${i}.example`, 'silent');
	t.true(roster.isOpen(first));
	health.doubted(first, 'six.example', 'silent');
	t.false(roster.isOpen(first));
});

test('bytes of any target take the doubts away, a way that was opened does not', (t) => {
	const { roster, health, first } = wardOf(2);
	for (let i = 0; i < 5; i++) health.doubted(first, `site-${i}.example`, 'silent');
	health.proved(first);
	for (let i = 0; i < 5; i++) health.doubted(first, `site-${i}.example`, 'silent');
	t.true(roster.isOpen(first));
	health.succeeded(first);
	health.doubted(first, 'six.example', 'silent');
	t.false(roster.isOpen(first));
});

test('when a new list leaves none but ejected members, all of them are tried', (t) => {
	const ward = wardOf(3);
	fail(ward);
	ward.roster.replace([ward.first]);
	ward.health.replaced();
	t.true(ward.roster.isOpen(ward.first));
	ward.health.used(ward.first);
	t.true(ward.roster.isOpen(ward.first), 'a single member is there for every use');
});

test('who left the list comes back to no roster', (t) => {
	const ward = wardOf(3);
	fail(ward);
	ward.roster.replace(ward.roster.members.slice(1));
	ward.health.replaced();
	ward.clock.ms += 20_000;
	ward.health.wake();
	ward.health.succeeded(ward.first);
	t.is(ward.roster.openCount, 2);
});
