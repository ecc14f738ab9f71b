// Times of the week as a rule has them: `mon-fri 09:00-17:30`, `sat,sun`, `22:00-06:00`. They are of the machine's time
// zone. A time that ends before it begins goes on into the next day; the day is the one on which it began.

/** One such text. */
export interface WeekTime {
	/** Bit 0 is Sunday, as in Date. */
	readonly days: number;
	/** Minutes of the day; the end is not in it. */
	readonly from: number;
	readonly to: number;
}

const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const EVERY_DAY = 0b1111111;
const DAY_MINUTES = 1_440;
const EXPECTED = 'expected a time such as "mon-fri 09:00-17:30", "sat,sun" or "22:00-06:00"';

/** Reads one; returns what is wrong as text. */
export function parseWeekTime(text: string): WeekTime | string {
	const match = /^([a-z,-]+)?(?:(^|\s)(\d\d:\d\d)-(\d\d:\d\d))?$/.exec(text.trim().toLowerCase());
	if (!match || text.trim() === '') return EXPECTED;
	const days = match[1] === undefined ? EVERY_DAY : daysOf(match[1]);
	const from = match[3] === undefined ? 0 : minuteOf(match[3]);
	const to = match[4] === undefined ? DAY_MINUTES : minuteOf(match[4]);
	if (days === null || from === null || to === null || from === to || from === DAY_MINUTES) return EXPECTED;
	return { days, from, to };
}

/** `mon-fri,sun` as bits; a range may go round the end of the week. */
function daysOf(text: string): number | null {
	let bits = 0;
	for (const item of text.split(',')) {
		const [first, last = first, more] = item.split('-').map((day) => DAYS.indexOf(day)) as [number, number?, number?];
		if (first < 0 || last < 0 || more !== undefined) return null;
		for (let day = first; ; day = (day + 1) % 7) {
			bits |= 1 << day;
			if (day === last) break;
		}
	}
	return bits;
}

function minuteOf(text: string): number | null {
	const [hours, minutes] = text.split(':').map(Number) as [number, number];
	const minute = 60 * hours + minutes;
	return minutes > 59 || minute > DAY_MINUTES ? null : minute;
}

/** Whether it is that time. */
export function isWithin({ days, from, to }: WeekTime, at: Date): boolean {
	const minute = 60 * at.getHours() + at.getMinutes();
	const day = at.getDay();
	if (from < to) return isOn(days, day) && minute >= from && minute < to;
	return (isOn(days, day) && minute >= from) || (isOn(days, (day + 6) % 7) && minute < to);
}

function isOn(days: number, day: number): boolean {
	return (days & (1 << day)) !== 0;
}
