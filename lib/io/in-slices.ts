// Long work in small pieces, between which everybody else is served.
import { setImmediate } from 'node:timers/promises';

/** Nobody notices; long enough that the pauses cost nothing. */
const SLICE_MS = 4;

/** Runs work that pauses to its end: whenever it has had its time at a pause, sockets and timers have their turn. */
export async function inSlices<T>(work: Generator<void, T>): Promise<T> {
	for (let sinceMs = performance.now(); ; ) {
		const step = work.next();
		if (step.done) return step.value;
		if (performance.now() - sinceMs < SLICE_MS) continue;
		await setImmediate();
		sinceMs = performance.now();
	}
}
