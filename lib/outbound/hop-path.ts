// The way of datagrams through the UDP relay of a SOCKS5 hop: each is wrapped into a header that names its target, and goes
// to the relay by the way before. Ends with the connection to the hop on which the association was asked for.
import type { Aim, DatagramPath, PathSink } from '../core/datagram.ts';
import type { DialContext } from '../core/dialer.ts';
import { GatewayError } from '../core/error.ts';
import { type Ip, isSameIp } from '../core/ip.ts';
import type { Link, Sink } from '../core/link.ts';
import type { Target } from '../core/target.ts';
import { headerLength, headerOf, targetOfHeader } from '../protocol/socks5-udp.ts';

/** Hears of the way to the relay and tells what was inside; one hop's. */
export class HopPathSink implements PathSink {
	/** Where the relay is, once it is known: nobody else is heard. */
	relay: { readonly ip: Ip | null; readonly port: number } | null = null;
	readonly #sink: PathSink;

	constructor(sink: PathSink) {
		this.#sink = sink;
	}

	datagram(bytes: Buffer, start: number, end: number, ip: Ip, port: number): void {
		const { relay } = this;
		if (relay === null || port !== relay.port || (relay.ip !== null && !isSameIp(ip, relay.ip))) return;
		const length = headerLength(bytes, start, end);
		const from = length === 0 ? null : targetOfHeader(bytes, start, length);
		// A name is no answer to "who was that": RFC 1928 gives the address.
		if (from === null || from.ip === null) this.#sink.malformed();
		else this.#sink.datagram(bytes, start + length, end, from.ip, from.port);
	}

	unsent(): void {
		this.#sink.unsent();
	}

	malformed(): void {
		this.#sink.malformed();
	}

	lost(error: GatewayError): void {
		this.#sink.lost(error);
	}
}

/** Owns the connection to the hop and the way to its relay. */
export class HopPath implements DatagramPath, Sink {
	readonly #link: Link;
	readonly #inner: DatagramPath;
	readonly #toRelay: Aim;
	readonly #sink: PathSink;
	readonly #label: string;
	#closed = false;

	constructor(link: Link, inner: DatagramPath, toRelay: Aim, sink: PathSink, label: string) {
		this.#link = link;
		this.#inner = inner;
		this.#toRelay = toRelay;
		this.#sink = sink;
		this.#label = label;
		link.attach(this);
		if (link.ended || link.closed) this.#lost();
	}

	aim(target: Target, context: Pick<DialContext, 'permits'>): Aim {
		const refusal = target.ip === null ? null : context.permits(target.ip);
		if (refusal) throw refusal;
		const { head } = this.#toRelay;
		const own = headerOf(target);
		return { ...this.#toRelay, head: head === null ? own : Buffer.concat([head, own]), from: target.ip };
	}

	close(): void {
		if (this.#closed) return;
		this.#closed = true;
		this.#inner.close();
		this.#link.destroy();
	}

	/** Nothing is said on this connection any more. */
	data(): void {}

	drain(): void {}

	end(): void {
		this.#lost();
	}

	closed(): void {
		this.#lost();
	}

	#lost(): void {
		if (this.#closed) return;
		this.close();
		const details = {
			side: 'hop',
			phase: 'relay',
			retry: 'next',
			hop: this.#label,
			note: 'association ended',
		} as const;
		this.#sink.lost(new GatewayError('hop_unavailable', details));
	}
}
