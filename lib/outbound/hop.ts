// An upstream proxy: a dialer to it and a client codec. Reaching it and its word about the target are told apart here, for
// the one is this hop's failure and the other is the cause that goes back to the client, whatever hops are in between.
import type { DatagramPath, PathSink } from '../core/datagram.ts';
import { type DialContext, type Dialer, type Outbound, type Question, unsupported } from '../core/dialer.ts';
import { asGatewayError, type Code, type ErrorDetails, GatewayError } from '../core/error.ts';
import type { Halt } from '../core/halt.ts';
import { isUnspecified } from '../core/ip.ts';
import type { Link } from '../core/link.ts';
import type { Target } from '../core/target.ts';
import { runClientHandshake } from '../io/handshake.ts';
import type { SecureClient } from '../io/secure.ts';
import type { Codec } from '../protocol/codec.ts';
import { HopPath, HopPathSink } from './hop-path.ts';

/** What every kind of hop is told. */
export interface HopOptions {
	/** The tag of the way out that this is, or is a part of. */
	readonly tag: string;
	/** What errors call it: the tag, or `tag#2` for the second of a chain. */
	readonly label: string;
	readonly address: Target;
}

export interface HopDeps {
	/** Reaches the hop: the one before it, or a dialer of this machine. */
	readonly via: Dialer;
}

/** A codec that learns an address from the hop's reply. */
export interface BoundCodec extends Codec {
	readonly bound: Target | null;
}

export interface HopProtocol {
	readonly type: string;
	readonly namesTravel: boolean;
	readonly secure: SecureClient | null;
	/** It takes payload behind a request that it has not answered yet. */
	readonly optimistic?: boolean;
	/** A codec that asks for `target`. Throws GatewayError before anything was opened. */
	codecOf(target: Target, context: DialContext): Codec | Promise<Codec>;
	/** Codecs for what is more than a stream; without them the hop is not asked for it. */
	readonly more?: {
		associate?(): BoundCodec;
		resolve(question: Question, context: DialContext): BoundCodec | Promise<BoundCodec>;
	};
}

/**
 * The outbound of one hop. On top of the dialer's contract: `hop` of every error is the label of the hop at fault, or of
 * the one that told. A hop that cannot be reached or used is `hop_unavailable` or `tls_*`, retry `next`.
 */
export class Hop implements Outbound {
	readonly type: string;
	readonly tag: string;
	readonly namesTravel: boolean;
	readonly carriesOnion: boolean;
	readonly #protocol: HopProtocol;
	readonly #label: string;
	readonly #address: Target;
	readonly #via: Dialer;

	constructor(protocol: HopProtocol, options: HopOptions, deps: HopDeps) {
		this.type = protocol.type;
		this.tag = options.tag;
		this.namesTravel = protocol.namesTravel;
		this.carriesOnion = protocol.type === 'tor';
		this.#protocol = protocol;
		this.#label = options.label;
		this.#address = options.address;
		this.#via = deps.via;
	}

	async dial(target: Target, context: DialContext): Promise<Link> {
		const use = this.#via.choose?.({ flow: context.flow, target: this.#address }) ?? null;
		// What has gone cannot be asked for again, so not where silence would have another entry tried.
		const behind = (use === null && this.#protocol.optimistic && context.optimistic) || null;
		for (let left = use === null ? 1 : ENTRIES; ; left--) {
			const codec = await this.#protocol.codecOf(target, context);
			const link = await this.#reach(use ?? this.#via, context);
			try {
				await runClientHandshake(link, codec, context.signal, behind);
				use?.answered(null);
				return link;
			} catch (thrown) {
				const error = this.#told(asGatewayError(thrown, { phase: 'hop' }), context.signal);
				if (use === null || !isSilence(error, context.signal)) throw error;
				// The way to this hop was said to be open, and then nothing of it came.
				use.silent();
				if (left <= 1 || !use.again()) throw error;
			}
		}
	}

	/** Through the relay of the hop, whose datagrams take the way that leads to the hop itself. */
	async associate(sink: PathSink, context: DialContext): Promise<DatagramPath> {
		const codec = this.#protocol.more?.associate?.();
		const hopSink = new HopPathSink(sink);
		const inner = codec === undefined ? undefined : await this.#via.associate?.(hopSink, { ...context, permits });
		if (codec === undefined || inner === undefined) throw this.#labelled(unsupported('no datagrams'));
		let link: Link | null = null;
		try {
			link = await this.#ask(codec, context);
			const relay = this.#relayOf(codec);
			const aim = await inner.aim(relay, { signal: context.signal, permits });
			hopSink.relay = { ip: aim.from, port: relay.port };
			return new HopPath(link, inner, aim, sink, this.#label);
		} catch (thrown) {
			inner.close();
			link?.destroy();
			throw thrown;
		}
	}

	/** "Here" is what a relay on every address says of itself. */
	#relayOf({ bound }: BoundCodec): Target {
		if (bound === null || bound.port === 0) throw this.#labelled(useless('no relay'));
		return bound.ip !== null && isUnspecified(bound.ip) ? { ...this.#address, port: bound.port } : bound;
	}

	async resolve(question: Question, context: DialContext): Promise<Target> {
		const codec = await this.#protocol.more?.resolve(question, context);
		if (codec === undefined) throw this.#labelled(unsupported('no names'));
		(await this.#ask(codec, context)).destroy();
		if (codec.bound === null) throw this.#labelled(useless('no answer'));
		return codec.bound;
	}

	/** A link on which the hop has said yes. */
	async #ask(codec: Codec, context: DialContext): Promise<Link> {
		const link = await this.#reach(this.#via, context);
		try {
			await runClientHandshake(link, codec, context.signal);
			return link;
		} catch (thrown) {
			throw this.#told(asGatewayError(thrown, { phase: 'hop' }), context.signal);
		}
	}

	reach(context: DialContext): Promise<Link> {
		return this.#reach(this.#via, context);
	}

	close(): void {}

	async #reach(via: Dialer, { signal, flow }: DialContext): Promise<Link> {
		try {
			const link = await via.dial(this.#address, { signal, flow, permits });
			return this.#protocol.secure ? await this.#protocol.secure.secure(link, signal) : link;
		} catch (thrown) {
			throw this.#unreached(asGatewayError(thrown, { phase: 'hop' }), signal);
		}
	}

	/** What a hop before this one says of its target is about this one; what it says of itself is not. */
	#unreached(error: GatewayError, signal: Halt): GatewayError {
		if (isOfClient(error, signal)) return error;
		if (isOfHop(error.code)) return error.hop === undefined ? this.#labelled(error) : error;
		const details: ErrorDetails = { side: 'hop', phase: 'hop', retry: 'next', hop: this.#label };
		return new GatewayError('hop_unavailable', { ...details, cause: error, note: error.code });
	}

	/** The deadline may have passed because of the hop or of what is behind it: nobody here can tell. */
	#told(error: GatewayError, signal: Halt): GatewayError {
		return isOfClient(error, signal) ? error : this.#labelled(error);
	}

	#labelled(error: GatewayError): GatewayError {
		const { code, side, retry, cause, note, unclear, onionReply } = error;
		const details = { side, phase: 'hop', retry, cause, unclear, hop: this.#label } as const;
		return new GatewayError(code, {
			...details,
			...(note === undefined ? {} : { note }),
			...(onionReply === undefined ? {} : { onionReply }),
		});
	}
}

/** A hop that said yes and not to what. */
function useless(note: string): GatewayError {
	return new GatewayError('hop_unavailable', { side: 'hop', phase: 'hop', retry: 'next', note });
}

/** Exits of a group before this hop that are tried, when the hop is silent behind them. */
const ENTRIES = 3;

/** The exit policy is about targets: what the operator configured is not judged by it. */
const permits = (): null => null;

/** The dial was called off by the client's end or by the gateway: no hop has anything to do with it. */
function isOfClient(error: GatewayError, signal: Halt): boolean {
	return signal.aborted && error.code !== 'connection_timeout';
}

/** The hop said nothing of use, which may be the fault of the way to it. */
function isSilence({ code, unclear }: GatewayError, signal: Halt): boolean {
	return code === 'hop_unavailable' && unclear && !signal.aborted;
}

/** Codes for a hop that failed by itself. */
function isOfHop(code: Code): boolean {
	return code === 'hop_unavailable' || code.startsWith('tls_');
}
