// Waits for plain descriptors with an epoll set of its own, beside node's loop and never instead of it: node watches the set,
// and a turn of ours runs as an immediate of node's, so timers, promises, signals and streams go on as usual. Nothing runs
// while nothing happens, one turn does a bounded amount of work, and with no descriptor left the set is gone and the process
// may end. A gateway has its own.
//
// Whose event is it? The kernel tells a place and its generation, never a descriptor. The generation of a place changes
// when it is given up, so what was reported for the one before, in this batch or by a duplicate that a forked child still
// holds, reaches nobody. And a descriptor is in one object alone, which forgets it before it closes it: its number may
// be somebody else's at once.
//
// So a number that is used again cannot join two clients' bytes. A link reads, writes and splices by its own field, which is
// -1 from its close on: nothing else keeps the number, no call is left under way, and no event finds the link any more. A
// pipe is with one mover at a time; it goes back to the others empty, or it is closed with what is in it.

import { EPOLL_DATA_OFFSET, EPOLL_EVENT_BYTES, type Native, nativeCalls, type Result, type Watch } from './native.ts';
import { PipePool } from './pipes.ts';
import { uncaught } from './uncaught.ts';

/** Events of epoll_ctl(2). A watched descriptor is told of edges, but for a listener. */
export const EPOLLIN = 0x1;
export const EPOLLOUT = 0x4;
export const EPOLLERR = 0x8;
export const EPOLLHUP = 0x10;
export const EPOLLRDHUP = 0x2000;
export const EPOLLET: number = 0x80000000 | 0;

const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLL_CTL_MOD = 3;

/** Taken at a time. What is left over comes with the next turn. */
const EVENTS = 128;

/** Moved by splice(2) in one turn: about a millisecond's worth. Whoever waits for more lets small ones through in between. */
const TURN_BYTES = 4_194_304;

/** Most that one read takes: what a stream of node's takes, too. */
export const READ_BYTES = 65_536;

/** From here on what is taken is the buffer itself; below, a copy wastes less memory while it is held. */
const GIVEN_BYTES = 32_768;

/** Something with a descriptor. */
export interface Watched {
	/** The kernel has told these events of it. */
	ready(events: number): void;
}

/** Something that asked to be called when the events of this turn are through. */
export interface Later {
	later(): void;
}

export class Reactor {
	readonly calls: Native;
	readonly pipes: PipePool;
	/** Everybody reads into it; what is to be kept is had by `takeRead`. */
	readBuffer: Buffer = Buffer.allocUnsafeSlow(READ_BYTES);
	readonly #watched: (Watched | null)[] = [];
	/** By place; as many as there are places. */
	readonly #generations: number[] = [];
	readonly #free: number[] = [];
	readonly #events: Uint8Array = new Uint8Array(EVENTS * EPOLL_EVENT_BYTES);
	readonly #eventWords: Int32Array = new Int32Array(this.#events.buffer);
	readonly #control: Uint8Array = new Uint8Array(EPOLL_EVENT_BYTES);
	readonly #controlWords: Int32Array = new Int32Array(this.#control.buffer);
	#epoll = -1;
	#watch: Watch | null = null;
	#live = 0;
	#later: Later[] = [];
	#laterNext: Later[] = [];
	#due = false;
	readonly #bulky: Later[] = [];
	/** In this turn. */
	#movedBytes = 0;

	readonly #onBug: (thrown: unknown) => void;

	private constructor(calls: Native, onBug: (thrown: unknown) => void) {
		this.calls = calls;
		this.#onBug = onBug;
		this.pipes = new PipePool(calls);
	}

	/**
	 * Null where native calls are missing or forbidden. `onBug` is told of what somebody throws who is told of an event; the
	 * rest of the turn goes on. By default the process hears of it.
	 */
	static create(calls: Native | null = nativeCalls(), onBug: (thrown: unknown) => void = uncaught): Reactor | null {
		if (!calls) return null;
		const reactor = new Reactor(calls, onBug);
		try {
			if (reactor.#open() < 0) return null;
			reactor.#close();
			return reactor;
		} catch {
			return null;
		}
	}

	/** Descriptors that are watched. */
	get live(): number {
		return this.#live;
	}

	/** Watches `fd` from now on. Returns its place, which it keeps until `remove`, or a negative errno. */
	add(fd: number, events: number, watched: Watched): Result {
		if (this.#epoll < 0) {
			const opened = this.#open();
			if (opened < 0) return opened;
		}
		const place = this.#free.pop() ?? this.#newPlace();
		const added = this.#controlled(EPOLL_CTL_ADD, fd, events, place);
		if (added < 0) {
			this.#free.push(place);
			if (this.#live === 0) this.#close();
			return added;
		}
		this.#watched[place] = watched;
		this.#live++;
		return place;
	}

	/** Other events for the descriptor of a place; told at once when they are already there. */
	change(place: number, fd: number, events: number): Result {
		return this.#controlled(EPOLL_CTL_MOD, fd, events, place);
	}

	/** Gives a place up, whose descriptor is about to be closed: that takes it out of the set. */
	remove(place: number): void {
		this.#generations[place] = ((this.#generations[place] as number) + 1) | 0;
		this.#watched[place] = null;
		this.#free.push(place);
		this.#live--;
		if (this.#live === 0) this.#arrange();
	}

	/** The same for a descriptor that other processes may have, too: closing it here would not take it out of the set. */
	removeShared(place: number, fd: number): void {
		this.#controlled(EPOLL_CTL_DEL, fd, 0, place);
		this.remove(place);
	}

	/** Calls `later` once: behind the events of this turn, and those asked for by then one turn later. */
	later(what: Later): void {
		this.#later.push(what);
		this.#arrange();
	}

	/** The same for who moves much: behind all others, and in the next turn, in order, when this one has moved enough. */
	laterBulky(what: Later): void {
		this.#bulky.push(what);
		this.#arrange();
	}

	/** So much was moved past us. */
	moved(bytes: number): void {
		this.#movedBytes += bytes;
	}

	/** What was read last, in memory that is the taker's. */
	takeRead(length: number): Buffer {
		const buffer = this.readBuffer;
		if (length < GIVEN_BYTES) {
			const copy = Buffer.allocUnsafe(length);
			buffer.copy(copy, 0, 0, length);
			return copy;
		}
		this.readBuffer = Buffer.allocUnsafeSlow(READ_BYTES);
		return buffer.subarray(0, length);
	}

	#newPlace(): number {
		this.#generations.push(0);
		return this.#watched.push(null) - 1;
	}

	#controlled(operation: number, fd: number, events: number, place: number): Result {
		const at = EPOLL_DATA_OFFSET / 4;
		this.#controlWords[0] = events;
		this.#controlWords[at] = place;
		this.#controlWords[at + 1] = this.#generations[place] as number;
		return this.calls.epollControl(this.#epoll, operation, fd, this.#control);
	}

	#open(): Result {
		this.#epoll = this.calls.epollCreate();
		if (this.#epoll >= 0) this.#watch = this.calls.watch(this.#epoll, this.#arrange);
		return this.#epoll;
	}

	#close(): void {
		this.pipes.clear();
		this.#watch?.close();
		this.#watch = null;
		this.calls.close(this.#epoll);
		this.#epoll = -1;
	}

	/** A turn is due: as soon as node gets to its immediates. */
	readonly #arrange = (): void => {
		if (this.#due) return;
		this.#due = true;
		setImmediate(this.#turn);
	};

	readonly #turn = (): void => {
		this.#due = false;
		if (this.#epoll >= 0) this.#tell(this.calls.epollWait(this.#epoll, this.#events, EVENTS, 0));
		const later = this.#later;
		this.#later = this.#laterNext;
		this.#laterNext = later;
		for (let i = 0; i < later.length; i++) this.#callLater(later[i] as Later);
		later.length = 0;
		this.#callBulky();
		if (this.#live === 0 && this.#epoll >= 0 && this.#later.length + this.#bulky.length === 0) this.#close();
	};

	#callBulky(): void {
		const waiting = this.#bulky.length;
		if (waiting === 0) return;
		this.#movedBytes = 0;
		let called = 0;
		while (called < waiting && this.#movedBytes < TURN_BYTES) this.#callLater(this.#bulky[called++] as Later);
		this.#bulky.splice(0, called);
		if (this.#bulky.length > 0) this.#arrange();
	}

	#callLater(what: Later): void {
		try {
			what.later();
		} catch (thrown) {
			this.#onBug(thrown);
		}
	}

	#tell(count: Result): void {
		const words = this.#eventWords;
		const step = EPOLL_EVENT_BYTES / 4;
		for (let at = 0; at < count * step; at += step) {
			const place = words[at + EPOLL_DATA_OFFSET / 4] as number;
			if (words[at + EPOLL_DATA_OFFSET / 4 + 1] !== this.#generations[place]) continue;
			try {
				this.#watched[place]?.ready(words[at] as number);
			} catch (thrown) {
				this.#onBug(thrown);
			}
		}
	}
}
