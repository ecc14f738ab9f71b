// SOCKS 4 by the memo of Ying-Da Lee (NEC) and its extension 4A, which carries a name; both sides. CONNECT, BIND and, on
// the gateway's side, Tor's RESOLVE (socks-extensions.txt). Sans-I/O. The protocol has no password: a user id may carry parameters, it never proves who somebody is.
//
//   request   | VN 04 | CD | DSTPORT 2 | DSTIP 4 | USERID .. | 00 |
//   4A adds   | HOST .. | 00 |                 where DSTIP is 0.0.0.x and x is not 0
//   reply     | VN 00 | CD | DSTPORT 2 | DSTIP 4 |
// oxlint-disable typescript/unbound-method -- a Machine calls its states with itself as `this`
import type { Protocol } from '../core/flow.ts';
import type { Intent } from '../core/intent.ts';
import { ip4Within } from '../core/ip.ts';
import { type Target, targetOfHost, targetOfIp4 } from '../core/target.ts';
import { codeOfSocks4Reply, socks4ReplyOf } from './causes.ts';
import type { Answer, ServerOptions, Step } from './codec.ts';
import { type FailStep, Machine } from './machine.ts';

const VERSION = 4;
const CONNECT = 1;
const BIND = 2;
const RESOLVE = 0xf0;
/** A reply has a version of its own: "VN is the version of the reply code and should be 0". */
const REPLY_VERSION = 0;
const GRANTED = 90;
const NO_IDENTD = 92;
const USERID_MISMATCH = 93;
const HEADER_BYTES = 8;
const REPLY_BYTES = 8;

/** Made once: nobody writes into it. */
const OPENED: Buffer = replyBytes(GRANTED);

/** The memo bounds neither string. No host name is longer than this, and no user id where a length is one byte. */
const STRING_BYTES = 255;

/** Header, user id and NUL, host and NUL. */
const REQUEST_BYTES = HEADER_BYTES + STRING_BYTES + 1 + STRING_BYTES + 1;

/** The address that 4A puts where there is none. */
const NAME_MARK = 1;

/** True for 0.0.0.x "with nonzero x" (4A memo): all three zeros count, and 0.0.0.0 itself is an address. */
function isNameMark(ip: number): boolean {
	return ip > 0 && ip < 256;
}

/**
 * The gateway's side. `protocol` becomes `socks4a` when the request carries a name. A user id that is not empty is asked
 * about as credentials without a password, its exact bytes as latin1 text; where authentication is required the answer
 * is 93 before anything else is looked at. The address in the reply to CONNECT is zeros, as in SOCKS5 and for its reasons.
 */
export class Socks4Server extends Machine {
	protocol: Protocol = 'socks4';
	protected readonly peer = 'client';
	readonly #authRequired: boolean;
	#command = CONNECT;
	#port = 0;
	#ip = 0;
	#user = '';
	#target: Target | null = null;

	constructor(options: ServerOptions) {
		super(REQUEST_BYTES);
		this.#authRequired = options.authRequired;
		this.become(this.#header);
	}

	#header(): Step | null {
		if (this.buffer.length > 0 && this.buffer[0] !== VERSION) return this.malformed('not SOCKS4');
		if (this.buffer.length < HEADER_BYTES) return null;
		const header = this.take(HEADER_BYTES);
		this.#port = header.readUInt16BE(2);
		this.#ip = ip4Within(header, 4);
		if (isNameMark(this.#ip)) this.protocol = 'socks4a';
		if (this.#authRequired) return this.#deny(this.fail('authentication_required'));
		this.#command = header[1] as number;
		if (![CONNECT, BIND, RESOLVE].includes(this.#command)) return this.#deny(this.fail('command_unsupported'));
		return this.become(this.#userid);
	}

	#userid(): Step | null {
		const length = this.#stringLength();
		if (length < 0) return this.#wantString();
		this.#user = this.#takeString(length);
		return isNameMark(this.#ip) ? this.become(this.#host) : this.#judge(targetOfIp4(this.#ip, this.#port));
	}

	#host(): Step | null {
		const length = this.#stringLength();
		// A literal given as a name comes out of targetOfHost as the address it is.
		return length < 0 ? this.#wantString() : this.#judge(targetOfHost(this.#takeString(length), this.#port));
	}

	/** Length of the string that the buffer begins with, or -1 while its NUL is not there. */
	#stringLength(): number {
		return this.buffer.subarray(0, STRING_BYTES + 1).indexOf(0);
	}

	#takeString(length: number): string {
		return this.take(length + 1).toString('latin1', 0, length);
	}

	#wantString(): Step | null {
		return this.buffer.length > STRING_BYTES ? this.#deny(this.malformed('string too long')) : null;
	}

	#judge(target: Target | null): Step | null {
		if (target === null) return this.#deny(this.fail('destination_not_found', { note: 'no host name' }));
		if (target.port === 0 && this.#command === CONNECT)
			return this.#deny(this.fail('connection_refused', { note: 'port 0' }));
		this.#target = target;
		if (this.#user === '') return this.#open();
		return this.ask({ kind: 'authenticate', credentials: { user: this.#user, password: null } }, this.#authenticated);
	}

	#authenticated(answer: Answer): void {
		if (answer.kind === 'authenticated') this.say(this.#open());
		else this.#deny(answer.kind === 'failed' ? this.failWith(answer.error) : this.fail('authentication_required'));
	}

	#open(): Step {
		return this.ask({ kind: 'open', intent: this.#intent(this.#target as Target) }, this.#opened);
	}

	#intent(target: Target): Intent {
		if (this.#command === BIND) return { kind: 'bind', target };
		if (this.#command === RESOLVE) return { kind: 'resolve', target, reverse: false, ip4Only: true };
		return { kind: 'tunnel', target };
	}

	#opened(answer: Answer): void {
		if (answer.kind === 'failed') this.#deny(this.failWith(answer.error));
		else if (answer.kind === 'listening') {
			this.say({ kind: 'send', bytes: replyBytes(GRANTED, answer.bound) });
			this.hold(this.#opened);
		} else this.grant(answer.kind === 'opened' && answer.bound ? replyBytes(GRANTED, answer.bound) : OPENED);
	}

	#deny(failure: FailStep): null {
		return this.refuse(replyBytes(socks4ReplyOf(failure.error.code)), failure);
	}
}

/** What is no IPv4 address is zeros: there is no room for another, and a client takes zeros for the server's own. */
function replyBytes(cd: number, bound?: Target): Buffer {
	const reply = Buffer.alloc(REPLY_BYTES);
	reply[0] = REPLY_VERSION;
	reply[1] = cd;
	if (bound === undefined) return reply;
	reply.writeUInt16BE(bound.port, 2);
	if (typeof bound.ip === 'number') reply.writeUInt32BE(bound.ip, 4);
	return reply;
}

export interface Socks4ClientOptions {
	readonly target: Target;
	/** The user id, each character one byte (latin1), without NUL, at most 255. */
	readonly user?: string;
	/** `socks4` carries IPv4 addresses alone; `socks4a` hands everything else to the hop as a name. */
	readonly variant: 'socks4' | 'socks4a';
}

/**
 * The side that asks a hop. A target that the variant cannot carry ends in `address_type_unsupported` before a byte is
 * sent: for `socks4` a name must have been resolved. An IPv6 address goes by `socks4a` as the text of a name, which
 * servers that read literals understand. Failures have phase `hop`; none holds the user id or the target.
 */
export class Socks4Client extends Machine {
	readonly protocol: Protocol;
	protected readonly peer = 'hop';
	readonly #options: Socks4ClientOptions;

	constructor(options: Socks4ClientOptions) {
		super(REPLY_BYTES);
		this.protocol = options.variant;
		this.#options = options;
		this.become(this.#request);
	}

	#request(): Step {
		const { target, user = '', variant } = this.#options;
		if (!hasAddress(target) && variant === 'socks4') {
			return this.fail('address_type_unsupported', { retry: 'next', note: 'SOCKS4 carries IPv4 alone' });
		}
		if (!/^[\u0001-\u00ff]{0,255}$/.test(user))
			return this.fail('proxy_configuration_error', { side: 'gateway', note: 'user id' });
		this.become(this.#reply);
		return { kind: 'send', bytes: requestBytes(target, user) };
	}

	#reply(): Step | null {
		// 04 has been seen here; whoever sends it has not read the memo, and curl will not take it either.
		if (this.buffer.length > 0 && this.buffer[0] !== REPLY_VERSION) return this.malformed('not a SOCKS4 reply');
		if (this.buffer.length < 2) return null;
		const cd = this.buffer[1] as number;
		if (cd !== GRANTED) return this.#refused(cd);
		if (this.buffer.length < REPLY_BYTES) return null;
		this.take(REPLY_BYTES);
		return this.established();
	}

	/** A refusal is final by its code: some servers close without sending the rest. */
	#refused(cd: number): Step {
		const code = codeOfSocks4Reply(cd);
		// 91 says no and not why; it may be this hop's own rule, so another hop is worth a try.
		if (code !== 'hop_unavailable') return this.fail(code, { retry: 'next', unclear: true });
		return this.unavailable(cd === NO_IDENTD || cd === USERID_MISMATCH ? 'credentials refused' : 'not a SOCKS4 reply');
	}
}

/** True when DSTIP can hold the target; an address that reads as the mark of a name cannot be there. */
function hasAddress(target: Target): boolean {
	return target.kind === 'ip4' && !isNameMark(target.ip as number);
}

function requestBytes(target: Target, user: string): Buffer {
	const name = hasAddress(target) ? '' : `${target.host}\0`;
	const bytes = Buffer.alloc(HEADER_BYTES + user.length + 1 + name.length);
	bytes[0] = VERSION;
	bytes[1] = CONNECT;
	bytes.writeUInt16BE(target.port, 2);
	bytes.writeUInt32BE(name === '' ? (target.ip as number) : NAME_MARK, 4);
	bytes.write(`${user}\0${name}`, HEADER_BYTES, 'latin1');
	return bytes;
}
