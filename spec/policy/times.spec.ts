import test from 'ava';
import { isWithin, parseWeekTime, type WeekTime } from '../../lib/policy/times.ts';

/** 2026-11-22 is a Sunday. */
const on = (day: number, clock: string) => new Date(`2026-11-${22 + day}T${clock}:00`);

function within(text: string, day: number, clock: string): boolean {
	return isWithin(parseWeekTime(text) as WeekTime, on(day, clock));
}

test('days and hours both have to fit, and the end is not in it', (t) => {
	t.true(within('mon-fri 09:00-17:30', 1, '09:00'));
	t.true(within('mon-fri 09:00-17:30', 5, '17:29'));
	t.false(within('mon-fri 09:00-17:30', 5, '17:30'));
	t.false(within('mon-fri 09:00-17:30', 1, '08:59'));
	t.false(within('mon-fri 09:00-17:30', 0, '12:00'));
	t.false(within('mon-fri 09:00-17:30', 6, '12:00'));
});

test('days alone are whole days, hours alone are every day', (t) => {
	t.true(within('sat,sun', 0, '00:00'));
	t.true(within('sat,sun', 6, '23:59'));
	t.false(within('sat,sun', 1, '00:00'));
	for (let day = 0; day < 7; day++) t.true(within('12:00-24:00', day, '23:59'));
	t.true(within('Fri-Mon', 0, '12:00'), 'round the end of the week');
	t.false(within('fri-mon', 2, '12:00'));
});

test('a night belongs to the day on which it began', (t) => {
	t.true(within('fri 22:00-06:00', 5, '22:00'));
	t.true(within('fri 22:00-06:00', 6, '05:59'));
	t.false(within('fri 22:00-06:00', 6, '06:00'));
	t.false(within('fri 22:00-06:00', 5, '05:59'));
	t.false(within('fri 22:00-06:00', 6, '22:00'));
	t.true(within('sat 22:00-06:00', 0, '01:00'));
});

test('what is no time is said to be none', (t) => {
	for (const text of ['', ' ', 'noon', 'mon-', '-fri', 'mon-fri-sun', 'mon,', '9:00-17:00', '09:00', '09:00-09:00'])
		t.is(typeof parseWeekTime(text), 'string', text);
	for (const text of ['25:00-26:00', '09:60-10:00', '24:00-06:00', 'mon 09:00-24:01', 'mon09:00-10:00', '0'])
		t.is(typeof parseWeekTime(text), 'string', text);
});
