// A Link upon a plain descriptor: what io/link.ts is to a stream, without the stream. A sink sees no difference.
//
// The kernel tells edges: that more has come, not that there is some. So a link remembers that there may be something to
// read, until a read was short of what was asked; behind a FIN or an RST it reads to the end.
import { asGatewayError, codeOfErrno, cutOff, GatewayError, type Phase, type Side } from '../core/error.ts';
import type { Ip } from '../core/ip.ts';
import type { Link, Sink } from '../core/link.ts';
import { LINGER_MS } from './link.ts';
import { EAGAIN, errnoName, type Result, SHUT_WR, SOL_SOCKET } from './native.ts';
import {
	EPOLLERR,
	EPOLLET,
	EPOLLHUP,
	EPOLLIN,
	EPOLLOUT,
	EPOLLRDHUP,
	type Later,
	READ_BYTES,
	type Reactor,
	type Watched,
} from './reactor.ts';
import { SendQueue } from './send-queue.ts';
import { ipOfSockaddr, SOCKADDR_IN6_BYTES } from './sockaddr.ts';

const NOTHING: Buffer = Buffer.alloc(0);
const IDLE: Sink = { data() {}, end() {}, drain() {}, closed() {} };

/** Reads of one link in one turn: others have a turn, too. */
const READS = 2;

/** What a link waits for while everything it was given to write has left. */
const READING: number = EPOLLIN | EPOLLRDHUP | EPOLLET;

const GONE = EPOLLERR | EPOLLHUP;
const OVER = EPOLLRDHUP | GONE;

const SO_ERROR = 4;
const SO_LINGER = 13;

/** struct linger: on, 0 seconds. close(2) then sends RST. */
const NO_LINGER: Uint8Array = new Uint8Array(Int32Array.of(1, 0).buffer);

/** Takes bytes off a link by itself, instead of its sink. */
export interface Mover {
	/** It can move now; else the link reads as ever. */
	ready(): boolean;
	/** Moves what there is: how much, 0 at the end, or a negative errno. It pauses the link when it can hold no more. */
	move(): Result;
	/** What `whenWritable` asked for. */
	writable(): void;
}

/** A sink that takes what was read where it lies, instead of `data`, and keeps nothing of it. */
export interface Borrower extends Sink {
	/** The first `length` bytes of `buffer`, which is read into again as soon as this returns. */
	lent(buffer: Buffer, length: number): void;
}

/** Who waits for a connection. */
export interface Connecting {
	/** Once: 0, or the negative errno with which it failed. The link is open, or closed. */
	decided(result: Result): void;
}

/** Created paused; `open` makes it live. */
export class RawLink implements Link, Watched, Later {
	early: Buffer = NOTHING;
	ended = false;
	closed = false;
	readonly reactor: Reactor;
	readonly #side: Side;
	readonly #phase: Phase;
	/** -1 from the moment on that it is closed. */
	#fd: number;
	#place = -1;
	#sink: Sink = IDLE;
	/** The sink, when it borrows. */
	#borrower: Borrower | null = null;
	#connecting: Connecting | null = null;
	#error: GatewayError | null = null;
	#flowing = false;
	/** There may be something to read. */
	#readable = false;
	/** A FIN or an RST has come, behind what is there to read. */
	#over = false;
	/** The kernel tells when it can be written to. */
	#writing = false;
	/** Null when everything has left. */
	#queue: SendQueue | null = null;
	#fin: 'none' | 'wanted' | 'sent' = 'none';
	#queued = false;
	#mover: Mover | null = null;
	/** Who waits until it can be written to, beside the queue. */
	#waiting: Mover | null = null;
	#whenGone: (() => void)[] | null = null;

	/** `fd`: a non-blocking TCP socket, from here on the link's alone. */
	constructor(reactor: Reactor, fd: number, side: Side, phase: Phase = 'relay') {
		this.reactor = reactor;
		this.#fd = fd;
		this.#side = side;
		this.#phase = phase;
	}

	/** `connecting`: who waits for a connection that is under way. A negative errno: the descriptor is closed again. */
	open(connecting: Connecting | null = null): Result {
		this.#connecting = connecting;
		this.#writing = connecting !== null;
		this.#place = this.reactor.add(this.#fd, this.#writing ? READING | EPOLLOUT : READING, this);
		if (this.#place >= 0) return 0;
		this.reactor.calls.close(this.#fd);
		this.#fd = -1;
		return this.#place;
	}

	ready(events: number): void {
		if (this.#connecting !== null && !this.#isConnected(this.#connecting, events)) return;
		if (events & (EPOLLOUT | GONE)) this.#writable();
		if (this.#fd < 0 || !(events & (EPOLLIN | OVER))) return;
		if (events & OVER) this.#over = true;
		this.#readable = true;
		if (!this.#flowing) return;
		// Large pieces come behind everybody's small ones.
		if (this.#mover === null) this.#read();
		else this.#queueUp();
	}

	#writable(): void {
		if (this.#queue !== null) this.#flush(this.#queue);
		const waiting = this.#waiting;
		this.#waiting = null;
		waiting?.writable();
	}

	#isConnected(connecting: Connecting, events: number): boolean {
		this.#connecting = null;
		const errno = events & GONE ? this.reactor.calls.getOption(this.#fd, SOL_SOCKET, SO_ERROR) : 0;
		if (errno !== 0) this.#close(null);
		connecting.decided(-errno);
		return this.#fd >= 0;
	}

	later(): void {
		this.#queued = false;
		if (this.#fd < 0) this.#tellClosed();
		else if (this.#flowing && this.#readable) this.#read();
	}

	#read(): void {
		const { calls } = this.reactor;
		for (let i = 0; i < READS; i++) {
			if (this.ended) return;
			if (this.#mover?.ready()) {
				if (this.#move(this.#mover)) continue;
				return;
			}
			const length = calls.recv(this.#fd, this.reactor.readBuffer, READ_BYTES);
			if (length < READ_BYTES && !(this.#over && length > 0)) this.#readable = false;
			if (length === 0) return this.#end();
			if (length < 0) return length === -EAGAIN ? undefined : this.#fail(length);
			this.#give(length);
			if (this.#fd < 0 || !this.#flowing || !this.#readable) return;
		}
		this.#queueUp();
	}

	/** False: there is nothing more for now. */
	#move(mover: Mover): boolean {
		const moved = mover.move();
		if (moved > 0) this.reactor.moved(moved);
		if (moved <= 0) this.#readable = false;
		if (moved === 0) this.#end();
		else if (moved < 0 && moved !== -EAGAIN) this.#fail(moved);
		return moved > 0 && this.#fd >= 0 && this.#flowing;
	}

	#give(length: number): void {
		try {
			if (this.#borrower === null) this.#sink.data(this.reactor.takeRead(length));
			else this.#borrower.lent(this.reactor.readBuffer, length);
		} catch (thrown) {
			this.#bug(thrown);
		}
	}

	#end(): void {
		this.ended = true;
		try {
			this.#sink.end();
		} catch (thrown) {
			this.#bug(thrown);
		}
		if (this.#fin === 'sent') this.#close(null);
	}

	get pendingBytes(): number {
		return this.#queue?.pendingBytes ?? 0;
	}

	#flush(queue: SendQueue): void {
		const left = queue.flush(this.reactor.calls, this.#fd);
		if (left < 0) return left === -EAGAIN ? undefined : this.#fail(left);
		this.#queue = null;
		if (this.#fin === 'wanted') return this.#sendFin();
		if (!queue.isFull) return;
		try {
			this.#sink.drain();
		} catch (thrown) {
			this.#bug(thrown);
		}
	}

	localIp(): Ip | null {
		if (this.#fd < 0) return null;
		const address = new Uint8Array(SOCKADDR_IN6_BYTES);
		return this.reactor.calls.localAddress(this.#fd, address) < 0 ? null : ipOfSockaddr(address);
	}

	attach(sink: Sink): void {
		this.#sink = sink;
		this.#borrower = null;
		this.resume();
	}

	/** As `attach`, of a sink that borrows. */
	attachBorrower(sink: Borrower): void {
		this.attach(sink);
		this.#borrower = sink;
	}

	pause(): void {
		this.#flowing = false;
	}

	resume(): void {
		this.#flowing = true;
		if (this.#readable && this.#fd >= 0) this.#queueUp();
	}

	write(bytes: Uint8Array): boolean {
		if (bytes.length === 0) return true;
		const sent = this.#send(bytes, bytes.length);
		return sent === bytes.length || this.#rest.add(bytes.subarray(sent));
	}

	/** As `write`, the first `length` bytes of a buffer that is somebody else's: what does not leave at once is copied. */
	writeFrom(buffer: Buffer, length: number): boolean {
		const sent = this.#send(buffer, length);
		return sent === length || this.#rest.addCopy(buffer, sent, length);
	}

	/** How many have left, or have nobody to go to; the others have to wait. */
	#send(bytes: Uint8Array, length: number): number {
		if (this.#fd < 0 || this.#fin !== 'none') return length;
		const sent = this.#queue === null ? this.reactor.calls.send(this.#fd, bytes, length) : 0;
		if (sent === length) return length;
		if (sent < 0 && sent !== -EAGAIN) this.#fail(sent);
		else this.#tellWritable();
		return this.#fd < 0 ? length : Math.max(0, sent);
	}

	get #rest(): SendQueue {
		this.#queue ??= new SendQueue();
		return this.#queue;
	}

	/** From now on `mover` takes what comes, with null the sink again, who hears of the end, and of everything else, anyway. */
	moveBy(mover: Mover | null): void {
		this.#mover = mover;
		// How much was there the last time says nothing about what a mover would find.
		this.#readable = true;
	}

	#tellWritable(): void {
		if (this.#writing) return;
		this.#writing = true;
		const changed = this.reactor.change(this.#place, this.#fd, READING | EPOLLOUT);
		if (changed < 0) this.#fail(changed);
	}

	/** Moves from here into a pipe. */
	spliceTo(pipe: number, length: number): Result {
		return this.reactor.calls.splice(this.#fd, pipe, length);
	}

	/** Moves from a pipe to the peer: how much, -EAGAIN, or 0 when the link is closed or just failed. Not beside `write`. */
	spliceFrom(pipe: number, length: number): Result {
		if (this.#fd < 0 || this.#fin !== 'none') return 0;
		const moved = this.reactor.calls.splice(pipe, this.#fd, length);
		if (moved >= 0 || moved === -EAGAIN) return moved;
		this.#fail(moved);
		return 0;
	}

	/** Tells `mover` once, when there is room behind an -EAGAIN. */
	whenWritable(mover: Mover): void {
		this.#waiting = mover;
		this.#tellWritable();
	}

	closeWrite(): void {
		if (this.#fd < 0 || this.#fin !== 'none') return;
		this.#fin = 'wanted';
		if (this.#queue === null) this.#sendFin();
	}

	/** Behind the peer's FIN a close says the same. A peer that has reset is found by the next read. */
	#sendFin(): void {
		this.#fin = 'sent';
		if (this.ended) this.#close(null);
		else this.reactor.calls.shutdown(this.#fd, SHUT_WR);
	}

	finish(lingerMs: number = LINGER_MS): void {
		if (this.#fd < 0) return;
		this.closeWrite();
		if (this.#fd < 0) return;
		const timer = setTimeout(() => this.#giveUp(), lingerMs);
		timer.unref();
		this.attach({ ...IDLE, closed: () => clearTimeout(timer) });
	}

	/** What the kernel has goes out behind a close; what it has not the peer must not take for all there was. */
	#giveUp(): void {
		if (this.pendingBytes > 0) this.reset();
		else this.destroy();
	}

	destroy(): void {
		this.#close(null);
	}

	reset(): void {
		if (this.#fd >= 0) this.reactor.calls.setOptionBytes(this.#fd, SOL_SOCKET, SO_LINGER, NO_LINGER);
		this.#close(null);
	}

	gone(): Promise<void> {
		if (this.closed) return Promise.resolve();
		return new Promise((resolve) => {
			this.#whenGone ??= [];
			this.#whenGone.push(resolve);
		});
	}

	#fail(failure: Result): void {
		const code = codeOfErrno(errnoName(failure));
		const known = code === 'proxy_internal_error' ? 'connection_terminated' : code;
		const isUsual = known === 'connection_terminated' && this.#phase === 'relay';
		const side = this.#side;
		this.#close(isUsual ? cutOff(side) : new GatewayError(known, { side, phase: this.#phase }));
	}

	/** A sink that throws has a bug; it costs this link, whose sink hears of it in `closed`, and not the process. */
	#bug(thrown: unknown): void {
		this.#close(asGatewayError(thrown, { side: 'gateway', phase: this.#phase }));
	}

	/** Forgets the descriptor and closes it; the sink hears of it when the events of this turn are through. */
	#close(error: GatewayError | null): void {
		const fd = this.#fd;
		if (fd < 0) return;
		this.#fd = -1;
		this.#error = error;
		this.#queue = null;
		this.reactor.remove(this.#place);
		this.reactor.calls.close(fd);
		this.#queueUp();
	}

	#queueUp(): void {
		if (this.#queued) return;
		this.#queued = true;
		if (this.#mover !== null && this.#fd >= 0) this.reactor.laterBulky(this);
		else this.reactor.later(this);
	}

	#tellClosed(): void {
		this.closed = true;
		const sink = this.#sink;
		this.#sink = IDLE;
		this.#borrower = null;
		try {
			sink.closed(this.#error);
		} finally {
			for (const tell of this.#whenGone ?? []) tell();
		}
	}
}
