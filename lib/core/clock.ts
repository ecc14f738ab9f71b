// Time as a dependency, so that specs turn the clock by hand.

export interface Clock {
	/** Milliseconds that only grow; the zero point means nothing. */
	nowMs(): number;
}

export const systemClock: Clock = { nowMs: () => performance.now() };
