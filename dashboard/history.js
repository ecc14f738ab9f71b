// What the curves are made of: the hour that the gateway remembers, in periods of some seconds, and behind it the seconds
// since the page was opened, gathered into periods as they fill.

/** Seconds that a rate is told over: shorter jumps, longer lags. */
const RATE_SECONDS = 3;
/** Seconds that are kept one by one, and that ways out are compared over. */
const RECENT_SECONDS = 60;
/** A few seconds are chance. */
const ENOUGH_SECONDS = 20;
/** A curve of less shows the seconds one by one; a longer one has no room for them. */
const SHORT_SECONDS = 300;
const LONGEST_MS = 3_600_000;

/** Counts that only grow. */
const FLOWING = ['started', 'up', 'down', 'refused'];
const NAMES = [...FLOWING, 'open'];

function totalsOf({ flows, bytes, limits }) {
	const refused = Object.values(limits.refused).reduce((sum, count) => sum + count, 0);
	return { started: flows.open + flows.ended, open: flows.open, up: bytes.up, down: bytes.down, refused };
}

/** A moment's numbers, from two statuses before one another: rates a second; `open` as it is. */
function pointOf(before, now) {
	const seconds = (now.atMs - before.atMs) / 1_000;
	const point = { atMs: now.atMs, open: now.totals.open };
	for (const name of FLOWING)
		point[name] = seconds > 0 ? Math.max(0, now.totals[name] - before.totals[name]) / seconds : 0;
	return point;
}

export class History {
	#periodMs;
	/** Ends of periods, oldest first. */
	#periods;
	/** The last minute of statuses: `{ atMs, totals, exits, point }`. */
	#recent = [];
	/** The status that the running period began with. */
	#began = null;

	/** From the answer of `/v1/history`. */
	constructor(kept) {
		this.#periodMs = kept.periodSeconds * 1_000;
		const count = kept.open.length;
		const now = performance.now();
		this.#periods = Array.from({ length: count }, (_, i) => {
			// The last one ended somewhere in the period that runs.
			const point = { atMs: now - (count - i - 0.5) * this.#periodMs, open: kept.open[i] };
			for (const name of FLOWING) point[name] = kept[name][i] / kept.periodSeconds;
			return point;
		});
	}

	/** The next status. */
	add(status) {
		const now = { atMs: performance.now(), totals: totalsOf(status), exits: status.exits };
		const before = this.#recent.at(-RATE_SECONDS) ?? this.#recent[0] ?? null;
		// The first one has nothing before it but what the gateway remembers.
		now.point =
			before === null ? { ...this.#periods.at(-1), atMs: now.atMs, open: now.totals.open } : pointOf(before, now);
		for (const name of NAMES) now.point[name] ??= 0;
		this.#recent.push(now);
		if (this.#recent.length > RECENT_SECONDS) this.#recent.shift();
		this.#began ??= now;
		if (now.atMs - this.#began.atMs < this.#periodMs) return;
		this.#periods.push(pointOf(this.#began, now));
		this.#began = now;
		while (now.atMs - this.#periods[0].atMs > LONGEST_MS) this.#periods.shift();
	}

	/** What is now, by name. */
	get now() {
		return this.#recent.at(-1).point;
	}

	/** Moments up to now, by name, each with its time: `atMs`. */
	get curve() {
		const seconds = this.#recent.map(({ point }) => point);
		if (this.seconds > SHORT_SECONDS) return [...this.#periods, seconds.at(-1)];
		return [...this.#periods.filter(({ atMs }) => atMs < seconds[0].atMs), ...seconds];
	}

	/** How much time the curve covers. */
	get seconds() {
		const first = Math.min(this.#recent[0].atMs, (this.#periods[0]?.atMs ?? Infinity) - this.#periodMs);
		return (this.#recent.at(-1).atMs - first) / 1_000;
	}

	/** What a way out did in the last minute: `{ opened, failed }`; null while the page has seen too little of it. */
	recent(tag) {
		if (this.#recent.at(-1).atMs - this.#recent[0].atMs < ENOUGH_SECONDS * 1_000) return null;
		const [first, last] = [this.#recent[0], this.#recent.at(-1)].map(({ exits }) =>
			exits.find((exit) => exit.tag === tag),
		);
		return { opened: last.opened - (first?.opened ?? 0), failed: last.failed - (first?.failed ?? 0) };
	}
}
