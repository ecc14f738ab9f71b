// Numbers as people read them. Digits stand still: what changes each second keeps its width.

const COUNT = new Intl.NumberFormat('en');
const SHORT = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** `1,284`; from a million on `1.3M`. */
export function countText(count) {
	return count < 1e6 ? COUNT.format(Math.round(count)) : SHORT.format(count);
}

/** A few a second have a decimal: `0.4`, `12.5`, `1,284`. */
export function rateText(rate) {
	if (rate >= 100) return countText(rate);
	return rate === 0 ? '0' : rate.toFixed(1);
}

/** `['12.4', 'MB']`: three digits at most, powers of 1,000. */
export function bytesParts(bytes) {
	let value = bytes;
	let unit = 0;
	while (value >= 999.5 && unit < UNITS.length - 1) {
		value /= 1_000;
		unit++;
	}
	const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
	return [value.toFixed(digits), UNITS[unit]];
}

/** `99.8 %`, and 100 only for all. */
export function percentText(part, whole) {
	if (whole === 0) return '–';
	const percent = (part / whole) * 100;
	if (part === 0) return '0 %';
	if (part === whole) return '100 %';
	if (percent > 99.9) return '>99.9 %';
	if (percent < 0.1) return '<0.1 %';
	return `${percent.toFixed(percent < 10 || percent > 90 ? 1 : 0)} %`;
}

/** `3 d 4 h`, `12 min`, `48 s`: the two greatest parts. */
export function durationText(seconds) {
	const parts = [
		[Math.floor(seconds / 86_400), 'd'],
		[Math.floor(seconds / 3_600) % 24, 'h'],
		[Math.floor(seconds / 60) % 60, 'min'],
		[Math.floor(seconds) % 60, 's'],
	];
	const first = Math.max(
		0,
		parts.findIndex(([count]) => count > 0),
	);
	const from = parts.every(([count]) => count === 0) ? 3 : first;
	const told = parts.slice(from, from + (from === 2 ? 1 : 2));
	return told
		.filter(([count], i) => i === 0 || count > 0)
		.map(([count, unit]) => `${count} ${unit}`)
		.join(' ');
}

/** `48 ms`, `1.2 s`. */
export function dialText(seconds) {
	if (seconds === null) return '–';
	if (seconds < 0.000_5) return '<1 ms';
	return seconds < 1 ? `${Math.round(seconds * 1_000)} ms` : `${seconds.toFixed(1)} s`;
}

/** A word of the API for people: `connection_refused` is `connection refused`. */
export function wordsOf(code) {
	return code.replaceAll('_', ' ');
}
