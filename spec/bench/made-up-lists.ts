// Lists shaped like those on the web, the same in every run.
import { formatIp4 } from '../../lib/core/ip.ts';

const WORDS =
	'ads track pixel metric cdn shop news blog static img click banner media data smart best free online stat log'.split(
		' ',
	);
const ENDS = 'com net org ru de info xyz io co.uk com.br'.split(' ');

/** The same numbers in every run. */
export function* numbers(): Generator<number, never> {
	for (let state = 1; ; ) {
		state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
		yield state >>> 4;
	}
}

/** Shaped like the lists on the web: hosts below names that are listed often, and names of their own; 21 characters on average. */
export function* madeUpNames(count: number): Generator<string> {
	const random = numbers();
	const pick = (from: readonly string[]): string => from[random.next().value % from.length]!;
	for (let i = 0; i < count; i++) {
		const id = random.next().value.toString(36);
		if (i % 3 === 0) yield `${pick(WORDS)}${id}.${pick(WORDS)}-${random.next().value % 50_000}.${pick(ENDS)}`;
		else if (i % 3 === 1) yield `${pick(WORDS)}-${pick(WORDS)}${id}.${pick(ENDS)}`;
		else yield `${id}.${pick(WORDS)}${id.slice(0, 3)}.com`;
	}
}

/** With their length, 20 to 32 bits. */
export function madeUpPrefixes(count: number): string[] {
	const random = numbers();
	return Array.from({ length: count }, () => {
		const bits = 20 + (random.next().value % 13);
		const ip = ((random.next().value * 16 + (random.next().value % 16)) & (-1 << (32 - bits))) >>> 0;
		return `${formatIp4(ip)}/${bits}`;
	});
}
