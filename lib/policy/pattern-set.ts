// Several regular expressions asked at once: all steps they could be at are followed together, a character at a time. Where
// that has been before is remembered, within bounds, so most characters cost one look; at the worst a character costs the
// steps of all expressions, whatever they and the text are.
import type { Pattern, PatternStep } from './pattern.ts';

/** Of all expressions of one set; what a text of 253 characters costs at the worst is about a millisecond. */
export const MOST_SET_STEPS = 1_024;

/** States that are remembered; then all are forgotten. */
const MOST_STATES = 256;

/** States that one text may add: one made to be new at each character shall not cost more than its steps. */
const MOST_NEW_STATES = 64;

/** Where the expressions could be between two characters. */
interface State {
	/** Steps that take a character, in rising order. */
	readonly takes: readonly number[];
	/** One of them is found. */
	readonly found: boolean;
	/** One would be if the text ended here. */
	readonly foundAtEnd: boolean;
	/** By the class of the next character, as far as it is known. */
	readonly next: (State | undefined)[];
}

export class PatternSet {
	readonly size: number;
	readonly #steps: readonly PatternStep[];
	/** Where each of them begins. */
	readonly #firsts: readonly number[];
	/** Bytes that no step tells apart are of one class. */
	readonly #classes: Uint16Array;
	readonly #samples: readonly number[];
	readonly #start: State;
	readonly #seen: Uint32Array;
	#round = 0;
	#states: Map<string, State> = new Map();

	/** `patterns` have MOST_SET_STEPS steps together, at most. */
	constructor(patterns: readonly Pattern[]) {
		this.size = patterns.length;
		const steps: PatternStep[] = [];
		this.#firsts = patterns.map((pattern) => {
			const base = steps.length;
			for (const step of pattern.steps) steps.push(moved(step, base));
			return base + pattern.first;
		});
		this.#steps = steps;
		this.#seen = new Uint32Array(steps.length);
		const { classes, samples } = classesOf(steps);
		this.#classes = classes;
		this.#samples = samples;
		this.#start = this.#stateOf(this.#firsts, true);
	}

	/** Whether one of them is found anywhere in the text; characters beyond Latin-1 are none of any set. */
	test(text: string): boolean {
		if (this.size === 0) return false;
		let state = this.#start;
		let fresh = 0;
		for (let i = 0; i < text.length; i++) {
			if (state.found) return true;
			const code = text.charCodeAt(i);
			const kind = code < 256 ? (this.#classes[code] as number) : 0;
			let next = state.next[kind];
			if (next === undefined) {
				next = this.#advance(state, kind, ++fresh <= MOST_NEW_STATES);
				if (fresh <= MOST_NEW_STATES) state.next[kind] = next;
			}
			state = next;
		}
		return state.found || state.foundAtEnd;
	}

	#advance(state: State, kind: number, keep: boolean): State {
		const byte = this.#samples[kind] as number;
		const reached: number[] = [];
		for (const index of state.takes) {
			const step = this.#steps[index] as PatternStep & { kind: 'take' };
			if (step.set[byte]) reached.push(step.next);
		}
		for (const first of this.#firsts) reached.push(first);
		const next = this.#stateOf(reached, false);
		return keep ? this.#kept(next) : next;
	}

	#kept(state: State): State {
		const key = `${state.takes.join()} ${state.found} ${state.foundAtEnd}`;
		const there = this.#states.get(key);
		if (there) return there;
		if (this.#states.size >= MOST_STATES) this.#forget();
		this.#states.set(key, state);
		return state;
	}

	#forget(): void {
		for (const state of this.#states.values()) state.next.length = 0;
		this.#start.next.length = 0;
		this.#states = new Map();
	}

	/** What can be reached from here without a character. */
	#stateOf(reached: readonly number[], atStart: boolean): State {
		const takes: number[] = [];
		const found = this.#follow(reached, { atStart, atEnd: false }, takes);
		const foundAtEnd = this.#follow(reached, { atStart, atEnd: true }, []);
		return { takes: takes.sort((a, b) => a - b), found, foundAtEnd, next: [] };
	}

	/** Adds the steps that take a character to `takes`; says whether an end is among what can be reached. */
	#follow(
		reached: readonly number[],
		at: { readonly atStart: boolean; readonly atEnd: boolean },
		takes: number[],
	): boolean {
		const round = this.#nextRound();
		const waiting = [...reached];
		let found = false;
		for (let index = waiting.pop(); index !== undefined; index = waiting.pop()) {
			if (this.#seen[index] === round) continue;
			this.#seen[index] = round;
			const step = this.#steps[index] as PatternStep;
			if (step.kind === 'take') takes.push(index);
			else if (step.kind === 'found') found = true;
			else if (step.kind === 'fork') waiting.push(step.next, step.other);
			else if (step.kind === 'start' ? at.atStart : at.atEnd) waiting.push(step.next);
		}
		return found;
	}

	#nextRound(): number {
		this.#round = (this.#round + 1) >>> 0;
		if (this.#round > 0) return this.#round;
		this.#seen.fill(0);
		return this.#nextRound();
	}
}

function moved(step: PatternStep, by: number): PatternStep {
	if (step.kind === 'found') return step;
	const next = step.next + by;
	return step.kind === 'fork' ? { ...step, next, other: step.other + by } : { ...step, next };
}

/** Class 0 is of what is in no set. */
function classesOf(steps: readonly PatternStep[]): { readonly classes: Uint16Array; readonly samples: number[] } {
	const sets = new Set(steps.flatMap((step) => (step.kind === 'take' ? [step.set] : [])));
	const classes = new Uint16Array(256);
	const byKey = new Map<string, number>([['0'.repeat(sets.size), 0]]);
	const samples: number[] = [];
	for (let byte = 0; byte < 256; byte++) {
		const key = Array.from(sets, (set) => set[byte]).join('');
		const kind = byKey.get(key) ?? byKey.size;
		byKey.set(key, kind);
		classes[byte] = kind;
		samples[kind] ??= byte;
	}
	return { classes, samples };
}
