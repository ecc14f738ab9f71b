// Makes an input smaller that shows something, as long as it still shows it: takes ranges out, halves of it first, then
// puts plain bytes in the place of odd ones (delta debugging).
import type { Input } from './subject.ts';

/** Tries; a long input costs some hundred. */
const MOST_TRIES = 1_500;

/** For inputs that take their time to show it. */
const MOST_MS = 20_000;

/** `shows` says whether a smaller input is as good; gives the smallest that was. */
export async function minimise(input: Input, shows: (input: Input) => Promise<boolean>): Promise<Input> {
	let best = input;
	let tries = 0;
	const end = performance.now() + MOST_MS;
	const better = async (bytes: Buffer, choice: number = best.choice): Promise<boolean> => {
		if (tries++ >= MOST_TRIES || performance.now() > end || !(await shows({ choice, bytes }))) return false;
		best = { choice, bytes };
		return true;
	};
	await better(best.bytes, 0);
	for (let size = best.bytes.length >> 1; size > 0; size >>= 1) {
		for (let at = 0; at < best.bytes.length; ) {
			if (!(await better(without(best.bytes, at, size)))) at += size;
		}
	}
	for (let at = 0; at < best.bytes.length; at++) {
		if (isPlain(best.bytes[at] as number)) continue;
		await better(Buffer.concat([best.bytes.subarray(0, at), Buffer.from('a'), best.bytes.subarray(at + 1)]));
	}
	return best;
}

function without(bytes: Buffer, at: number, size: number): Buffer {
	return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + size)]);
}

function isPlain(byte: number): boolean {
	return byte >= 0x20 && byte < 0x7f;
}
