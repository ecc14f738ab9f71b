// Accepts TCP connections as plain descriptors: what node's server is to streams.
//
// Out of descriptors it does as libuv does: one is kept in reserve, given up to accept the next client, who is closed at
// once, until nobody waits. So clients see a close, nothing spins, and the listener goes on when there are descriptors.
import { closeSync, openSync } from 'node:fs';
import type { Ip } from '../core/ip.ts';
import type { Link } from '../core/link.ts';
import { keepAlive } from './keep-alive.ts';
import { RawLink } from './link-raw.ts';
import { AF_INET, AF_INET6, EAGAIN, errnoName, type Native, type Result, SOL_SOCKET } from './native.ts';
import { EPOLLIN, type Reactor, type Watched } from './reactor.ts';
import { familyOf, ipOfSockaddr, portOfSockaddr, SOCKADDR_IN6_BYTES, sockaddrOf } from './sockaddr.ts';

/** Clients accepted in one turn: those that have a link have a turn, too. */
const ACCEPTS = 64;

const SO_REUSEADDR = 2;
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;

const ENFILE = 23;
const EMFILE = 24;
const EAFNOSUPPORT = 97;
const ECONNABORTED = 103;

export interface Accepting {
	/** After so long of silence a client is asked whether it is still there; 0, and by default: never. */
	readonly keepAliveMs?: number;
	/** Takes a connection; it owns the link from here on. `remote` is the client, IPv4-mapped addresses unwrapped. */
	onLink(link: Link, remote: Ip, remotePort: number): void;
	/** accept(2) failed with this errno name; the listener goes on. */
	onError?(code: string): void;
}

/** An address to bind, or a socket that is bound. */
export type RawWhere = { readonly ip: Ip; readonly port: number } | { readonly fd: number };

/** Listens, or tells the negative errno why not; then a descriptor that was given is closed. */
export function listenRaw(
	where: RawWhere,
	backlog: number,
	accepting: Accepting,
	reactor: Reactor,
): RawListener | Result {
	const { calls } = reactor;
	const fd = 'fd' in where ? where.fd : calls.socket(familyOf(where.ip));
	if (fd < 0) return fd;
	const ready = 'fd' in where ? calls.setNonBlocking(fd) : bound(calls, fd, where);
	const listening = ready < 0 ? ready : calls.listen(fd, backlog);
	const listener = listening < 0 ? listening : RawListener.start(fd, accepting, reactor);
	if (typeof listener === 'number') calls.close(fd);
	return listener;
}

function bound(calls: Native, fd: number, { ip, port }: { readonly ip: Ip; readonly port: number }): Result {
	calls.setOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (typeof ip !== 'number') calls.setOption(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
	return calls.bind(fd, sockaddrOf(ip, port));
}

export class RawListener implements Watched {
	readonly ip: Ip;
	/** The one that the kernel picked, if it was to. */
	readonly port: number;
	readonly #accepting: Accepting;
	readonly #reactor: Reactor;
	readonly #place: number;
	/** Where accept(2) writes the client's address. */
	readonly #remote: Uint8Array;
	#fd: number;
	#reserve: number;

	/** `fd`, which listens, is the listener's when this succeeds. */
	static start(fd: number, accepting: Accepting, reactor: Reactor): RawListener | Result {
		const address = new Uint8Array(SOCKADDR_IN6_BYTES);
		const failure = reactor.calls.localAddress(fd, address);
		if (failure < 0) return failure;
		if (address[0] !== AF_INET && address[0] !== AF_INET6) return -EAFNOSUPPORT;
		const reserve = reserved();
		if (reserve < 0) return -EMFILE;
		// Whom it accepts inherits this.
		reactor.calls.setOption(fd, IPPROTO_TCP, TCP_NODELAY, 1);
		keepAlive(reactor.calls, fd, accepting.keepAliveMs ?? 0);
		const listener = new RawListener(fd, reserve, address, accepting, reactor);
		if (listener.#place >= 0) return listener;
		closeSync(reserve);
		return listener.#place;
	}

	private constructor(fd: number, reserve: number, address: Uint8Array, accepting: Accepting, reactor: Reactor) {
		this.#fd = fd;
		this.#reserve = reserve;
		this.#accepting = accepting;
		this.#reactor = reactor;
		this.#remote = address;
		this.ip = ipOfSockaddr(address);
		this.port = portOfSockaddr(address);
		this.#place = reactor.add(fd, EPOLLIN, this);
	}

	/** -1 when it has stopped. */
	get fd(): number {
		return this.#fd;
	}

	/** Closes the listening socket. Again does nothing. */
	stop(): void {
		const fd = this.#fd;
		if (fd < 0) return;
		this.#fd = -1;
		this.#reactor.removeShared(this.#place, fd);
		this.#reactor.calls.close(fd);
		if (this.#reserve >= 0) closeSync(this.#reserve);
	}

	ready(): void {
		for (let i = 0; i < ACCEPTS && this.#fd >= 0; i++) {
			const fd = this.#reactor.calls.accept(this.#fd, this.#remote);
			if (fd >= 0) this.#take(fd);
			else if (fd === -EAGAIN) return;
			else if (fd === -EMFILE || fd === -ENFILE) return this.#turnAway();
			// A client that has gone again is no failure.
			else if (fd !== -ECONNABORTED) return this.#accepting.onError?.(errnoName(fd));
		}
	}

	#take(fd: number): void {
		const link = new RawLink(this.#reactor, fd, 'client');
		const failure = link.open();
		if (failure < 0) this.#accepting.onError?.(errnoName(failure));
		else this.#accepting.onLink(link, ipOfSockaddr(this.#remote), portOfSockaddr(this.#remote));
	}

	/** Without a reserve, which somebody else was quicker to take, the queue waits until there is a descriptor again. */
	#turnAway(): void {
		const { calls } = this.#reactor;
		for (let i = 0; i < ACCEPTS; i++) {
			if (this.#reserve >= 0) closeSync(this.#reserve);
			const fd = calls.accept(this.#fd, this.#remote);
			if (fd >= 0) calls.close(fd);
			this.#reserve = reserved();
			if (fd < 0) return;
		}
	}
}

/** A descriptor to give up; -1 when there is none. */
function reserved(): number {
	try {
		return openSync('/dev/null', 'r');
	} catch {
		return -1;
	}
}
