// UDP sockets as plain descriptors. One epoll set for all of them, which node's loop watches; what is there is read up to 32
// at a time (recvmmsg), and what that makes us send leaves in one call (sendmmsg) behind it, the payload from where it lies.
//
// Everything here happens within one turn of the loop, so one set
// of buffers does for all sockets. Pointers in the structures are to memory that this object holds and that never moves.

import type { DatagramSink, DatagramSocket } from '../core/datagram.ts';
import type { Ip } from '../core/ip.ts';
import { DatagramFrames, SLOTS } from './datagram-frames.ts';
import { EPOLL_DATA_OFFSET, EPOLL_EVENT_BYTES, errnoName, type Native, nativeCalls, type Watch } from './native.ts';
import { familyOf, portOfSockaddr, SOCKADDR_IN6_BYTES, sockaddrOf } from './sockaddr.ts';
import { prepareSource, type Source } from './source-socket.ts';

const EPOLLIN = 1;
const EPOLL_CTL_ADD = 1;
const EVENTS = 256;

/** Batches that one socket may have read in one turn before the others get theirs. */
const BATCHES = 4;

const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;

/** sendmmsg(2) gives what an earlier datagram met with (ICMP) to the next one, which is then not sent. */
const ECONNREFUSED = 111;

export class DatagramBatch {
	readonly calls: Native;
	readonly #frames: DatagramFrames;
	/** By descriptor. */
	readonly #sockets: Map<number, BatchSocket> = new Map();
	readonly #events: Uint8Array = new Uint8Array(EVENTS * EPOLL_EVENT_BYTES);
	readonly #eventWords: Int32Array = new Int32Array(this.#events.buffer);
	readonly #control: Uint8Array = new Uint8Array(EPOLL_EVENT_BYTES);
	readonly #controlWords: Int32Array = new Int32Array(this.#control.buffer);
	#epoll = -1;
	#watch: Watch | null = null;
	#generation = 0;
	/** A turn is arranged. */
	#due = false;
	/** A turn is under way: what is sent now waits for its end, or for a full batch. */
	#turning = false;
	/** Whose the waiting datagrams are. */
	#sender: BatchSocket | null = null;

	private constructor(calls: Native) {
		this.calls = calls;
		this.#frames = new DatagramFrames(calls);
	}

	/** Null where native calls are missing. */
	static create(): DatagramBatch | null {
		const calls = nativeCalls();
		return calls === null ? null : new DatagramBatch(calls);
	}

	/** A socket, or an errno name. The set lives for as long as it has one. */
	open(ip: Ip, port: number, sink: DatagramSink, source: Source | null): DatagramSocket | string {
		const fd = this.calls.datagramSocket(familyOf(ip));
		if (fd < 0) return errnoName(fd);
		const wrong = this.#prepare(fd, ip, port, source);
		if (wrong < 0) {
			this.calls.close(fd);
			this.#restIfEmpty();
			return errnoName(wrong);
		}
		const address = new Uint8Array(SOCKADDR_IN6_BYTES);
		this.calls.localAddress(fd, address);
		const socket = new BatchSocket(this, fd, this.#generation, { ip, port: portOfSockaddr(address) }, sink);
		this.#sockets.set(fd, socket);
		return socket;
	}

	#prepare(fd: number, ip: Ip, port: number, source: Source | null): number {
		if (typeof ip !== 'number') this.calls.setOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
		const prepared = source === null ? 0 : prepareSource(fd, source, this.calls);
		if (prepared < 0) return prepared;
		const bound = this.calls.bind(fd, sockaddrOf(ip, port));
		if (bound < 0) return bound;
		if (this.#epoll < 0) {
			this.#epoll = this.calls.epollCreate();
			if (this.#epoll < 0) return this.#epoll;
			this.#watch = this.calls.watch(this.#epoll, this.#arrange);
		}
		// The number of a descriptor comes again; a generation does not, as far as events of one call go.
		this.#generation = (this.#generation + 1) | 0;
		this.#controlWords[0] = EPOLLIN;
		this.#controlWords[EPOLL_DATA_OFFSET / 4] = fd;
		this.#controlWords[EPOLL_DATA_OFFSET / 4 + 1] = this.#generation;
		return this.calls.epollControl(this.#epoll, EPOLL_CTL_ADD, fd, this.#control);
	}

	/** A socket is about to close its descriptor, which takes it out of the set. */
	forget(socket: BatchSocket): void {
		if (this.#sender === socket) this.#frames.clear();
		this.#sockets.delete(socket.fd);
		this.calls.close(socket.fd);
		this.#restIfEmpty();
	}

	/** Without a socket nothing is held and the process may end. */
	#restIfEmpty(): void {
		if (this.#sockets.size > 0 || this.#epoll < 0 || this.#turning) return;
		this.#watch?.close();
		this.#watch = null;
		this.calls.close(this.#epoll);
		this.#epoll = -1;
	}

	/** As an immediate of node's: what a turn leads to may wait for promises, and they do not run behind this call. */
	readonly #arrange = (): void => {
		if (this.#due) return;
		this.#due = true;
		setImmediate(this.#turn);
	};

	readonly #turn = (): void => {
		this.#due = false;
		if (this.#epoll < 0) return;
		this.#turning = true;
		try {
			const count = this.calls.epollWait(this.#epoll, this.#events, EVENTS, 0);
			const step = EPOLL_EVENT_BYTES / 4;
			for (let i = 0; i < count; i++) {
				const at = i * step + EPOLL_DATA_OFFSET / 4;
				const socket = this.#sockets.get(this.#eventWords[at] as number);
				if (socket && socket.generation === this.#eventWords[at + 1]) this.#read(socket);
			}
		} finally {
			this.flush();
			this.#turning = false;
			this.#restIfEmpty();
		}
	};

	/** What waits lies in the buffers that are read into, so it leaves before they are used again. */
	#read(socket: BatchSocket): void {
		const frames = this.#frames;
		for (let batch = 0; batch < BATCHES && !socket.closed; batch++) {
			const count = this.calls.receiveMany(socket.fd, frames.received, SLOTS);
			for (let i = 0; i < count && !socket.closed; i++) frames.tell(i, socket.sink);
			this.flush();
			if (count < SLOTS) return;
		}
	}

	send(
		socket: BatchSocket,
		head: Buffer | null,
		bytes: Buffer,
		start: number,
		end: number,
		ip: Ip | null,
		port: number,
	): void {
		if (this.#sender !== socket) {
			this.flush();
			this.#sender = socket;
		}
		if (!this.#frames.put(head, bytes, start, end, ip, port)) {
			socket.late();
			return;
		}
		// Bytes that lie elsewhere are held by nobody but the caller.
		if (this.#frames.waiting === SLOTS || !this.#turning || !this.#frames.holds(bytes)) this.flush();
	}

	/** Sends what waits; what cannot be sent is left out and told. */
	flush(): void {
		const frames = this.#frames;
		const sender = this.#sender;
		let [done, again] = [0, false];
		while (done < frames.waiting && sender !== null) {
			const sent = this.calls.sendMany(sender.fd, frames.toSend(done), frames.waiting - done);
			if (sent > 0) [done, again] = [done + sent, false];
			else if (sent === -ECONNREFUSED && !again) again = true;
			else {
				[done, again] = [done + 1, false];
				sender.late();
			}
		}
		frames.clear();
		this.#sender = null;
	}
}

class BatchSocket implements DatagramSocket {
	readonly fd: number;
	readonly generation: number;
	readonly ip: Ip;
	readonly port: number;
	readonly sink: DatagramSink;
	closed = false;
	readonly #batch: DatagramBatch;

	constructor(
		batch: DatagramBatch,
		fd: number,
		generation: number,
		bound: { readonly ip: Ip; readonly port: number },
		sink: DatagramSink,
	) {
		this.#batch = batch;
		this.fd = fd;
		this.generation = generation;
		this.ip = bound.ip;
		this.port = bound.port;
		this.sink = sink;
	}

	connect(ip: Ip, port: number): void {
		if (!this.closed) this.#batch.calls.connect(this.fd, sockaddrOf(ip, port));
	}

	send(head: Buffer | null, bytes: Buffer, start: number, end: number, ip: Ip | null, port: number): void {
		if (!this.closed) this.#batch.send(this, head, bytes, start, end, ip, port);
	}

	/** Told later: nobody expects to be called while it sends. */
	late(): void {
		queueMicrotask(() => {
			if (!this.closed) this.sink.unsent();
		});
	}

	close(): void {
		if (this.closed) return;
		this.closed = true;
		this.#batch.forget(this);
	}
}
