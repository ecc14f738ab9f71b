// Columns for a terminal: what is a number stands at the right, nothing is wider than it has to be.
import { styleText } from 'node:util';

/** Lines without their ends; the first one is the head. */
export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string[] {
	const cells = rows.map((row) => row.map(String));
	const widths = head.map((name, i) => Math.max(name.length, ...cells.map((row) => row[i]?.length ?? 0)));
	const right = head.map((_, i) => rows.some((row) => typeof row[i] === 'number'));
	const line = (row: readonly string[]): string =>
		row
			.map((cell, i) => (right[i] ? cell.padStart(widths[i] as number) : cell.padEnd(widths[i] as number)))
			.join('  ')
			.trimEnd();
	return [styleText('dim', line(head)), ...cells.map(line)];
}

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const;

/** `1.2 MB`. */
export function bytesText(bytes: number): string {
	let value = bytes;
	let unit = 0;
	while (value >= 1_000 && unit < UNITS.length - 1) {
		value /= 1_000;
		unit++;
	}
	return `${value >= 100 || unit === 0 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`;
}

/** `2d 3h`, `5m 12s`: two units. */
export function durationText(seconds: number): string {
	const parts: (readonly [number, string])[] = [
		[Math.floor(seconds / 86_400), 'd'],
		[Math.floor(seconds / 3_600) % 24, 'h'],
		[Math.floor(seconds / 60) % 60, 'm'],
		[Math.floor(seconds) % 60, 's'],
	];
	const first = parts.findIndex(([value]) => value > 0);
	const shown = first < 0 ? parts.slice(-1) : parts.slice(first, first + 2);
	return shown.map(([value, unit]) => `${value}${unit}`).join(' ');
}
