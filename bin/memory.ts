// Keeps the process small: what V8 and the C library hold in reserve was most of what an idle tunnel seemed to cost. Both
// belong to the process, so this is the program's and not a gateway's.
//
// V8's young generation doubles, up to 32 MiB, whenever many connections come at once, because they all live on. Beyond some
// megabytes that saves no CPU: what dies in it dies after microseconds, and a small one stays in the cache. V8 takes its
// limits at the start of a process alone, but reads the factor of growth at each growth.
//
// The C library keeps what the compiler threads of V8 freed, some megabytes for each of them, until it is asked.
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { nativeCalls } from '../lib/io/native.ts';

/** Of the young generation, both halves together. */
const YOUNG_BYTES = 8_388_608;

/** A look takes 0.3 ms, 1 ms when there is something to give back. V8 may have shrunk what should then grow again. */
const LOOK_MS = 1_000;

/** Looks now and then, for as long as the process lives. */
export function keepMemorySmall(): void {
	look();
	setInterval(look, LOOK_MS).unref();
}

function look(): void {
	const young = getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space');
	if (young) setFlagsFromString(`--semi-space-growth-factor=${young.space_size < YOUNG_BYTES ? 2 : 1}`);
	nativeCalls()?.trimMemory();
}
