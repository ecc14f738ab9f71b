// SOCKS 5: RFC 1928, user and password by RFC 1929, Tor's commands RESOLVE and RESOLVE_PTR (socks-extensions.txt); both
// sides. Sans-I/O. States follow the order of the RFC. GSSAPI, a MUST of RFC 1928 section 3, is not offered: next to nobody
// ships it.
//
//   greeting  | VER 05 | NMETHODS | METHODS .. |             answer  | VER 05 | METHOD |
//   1929      | VER 01 | ULEN | UNAME .. | PLEN | PASSWD .. | answer  | VER 01 | STATUS |
//   request   | VER 05 | CMD | RSV 00 | ATYP | DST.ADDR .. | DST.PORT 2 |
//   reply     | VER 05 | REP | RSV 00 | ATYP | BND.ADDR .. | BND.PORT 2 |
// oxlint-disable typescript/unbound-method -- a Machine calls its states with itself as `this`
import type { GatewayError } from '../core/error.ts';
import type { Credentials, Intent } from '../core/intent.ts';
import { ip4Within } from '../core/ip.ts';
import { type Target, targetOfHost, targetOfIp4, targetOfIp6 } from '../core/target.ts';
import { codeOfSocks5Reply, hopRefusal, isOnionReply, socks5ReplyOf } from './causes.ts';
import type { Answer, ServerOptions, Step } from './codec.ts';
import { type FailStep, Machine } from './machine.ts';

const VERSION = 5;
/** The sub-negotiation has a version of its own (RFC 1929 section 2). */
const PASSWORD_VERSION = 1;

const METHOD = { none: 0x00, password: 0x02, unacceptable: 0xff } as const;
const COMMAND = { connect: 1, bind: 2, associate: 3, resolve: 0xf0, resolveReverse: 0xf1 } as const;
const COMMANDS: ReadonlySet<number> = new Set(Object.values(COMMAND));
export const ATYP: { readonly ip4: 1; readonly name: 3; readonly ip6: 4 } = { ip4: 1, name: 3, ip6: 4 } as const;
const SUCCEEDED = 0;

/**
 * A user that begins so speaks to Tor's extensions. Then comes the format: after 0 nothing, and the password isolates; 1 is
 * about Tor's RPC, which is not here. Who says so knows the extended replies, too.
 */
const TOR_USER = '<torS0X>';
const TOR_FORMATS: ReadonlySet<string> = new Set([`${TOR_USER}0`]);

const STRING_BYTES = 255;
const GREETING_BYTES = 2 + STRING_BYTES;
const PASSWORD_BYTES = 2 + STRING_BYTES + 1 + STRING_BYTES;
/** A request and a reply have one shape; a name is the longest address. */
const REQUEST_BYTES = 4 + 1 + STRING_BYTES + 2;

/** What is said to nearly everybody is made once: nobody writes into it. */
const CHOSEN_NONE: Buffer = Buffer.of(VERSION, METHOD.none);
const CHOSEN_PASSWORD: Buffer = Buffer.of(VERSION, METHOD.password);
const CHOSEN_NOTHING: Buffer = Buffer.of(VERSION, METHOD.unacceptable);
const LET_IN: Buffer = Buffer.of(PASSWORD_VERSION, 0);
const OPENED: Buffer = replyBytes(SUCCEEDED);

/** Length of a request or reply by its ATYP, null for an ATYP that does not exist, 0 while more bytes are needed to say. */
function messageLength(bytes: Buffer): number | null {
	if (bytes.length < 4) return 0;
	if (bytes[3] === ATYP.ip4) return 4 + 4 + 2;
	if (bytes[3] === ATYP.ip6) return 4 + 16 + 2;
	if (bytes[3] !== ATYP.name) return null;
	return bytes.length < 5 ? 0 : 4 + 1 + (bytes[4] as number) + 2;
}

/**
 * The gateway's side. Users and passwords are asked about as latin1 text, each character one byte, exactly as sent, and
 * empty ones too: RFC 1929 wants 1 to 255 bytes, real clients send an empty password.
 */
export class Socks5Server extends Machine {
	readonly protocol = 'socks5';
	protected readonly peer = 'client';
	readonly #authRequired: boolean;
	readonly #asksName: boolean;
	#command: number = COMMAND.connect;
	#extended = false;

	constructor(options: ServerOptions) {
		super(GREETING_BYTES + PASSWORD_BYTES + REQUEST_BYTES);
		this.#authRequired = options.authRequired;
		this.#asksName = options.asksName ?? false;
		this.become(this.#greeting);
	}

	#greeting(): Step | null {
		const bytes = this.buffer;
		if (bytes.length > 0 && bytes[0] !== VERSION) return this.malformed('not SOCKS5');
		if (bytes.length < 2 || bytes.length < 2 + (bytes[1] as number)) return null;
		const method = this.#choose(this.take(2 + (bytes[1] as number)));
		if (method === METHOD.unacceptable) return this.#noMethod();
		const named = method === METHOD.password;
		this.become(named ? this.#password : this.#request);
		return { kind: 'send', bytes: named ? CHOSEN_PASSWORD : CHOSEN_NONE };
	}

	/** Only what the client listed may be chosen. Nothing is asked that is of no use; who offers a name has one to tell. */
	#choose(greeting: Buffer): number {
		const named = greeting.includes(METHOD.password, 2);
		if (!this.#authRequired && greeting.includes(METHOD.none, 2) && !(named && this.#asksName)) return METHOD.none;
		return named ? METHOD.password : METHOD.unacceptable;
	}

	#noMethod(): null {
		const failure = this.#authRequired
			? this.fail('authentication_required')
			: this.fail('handshake_malformed', { note: 'no method in common' });
		return this.refuse(CHOSEN_NOTHING, failure);
	}

	#password(): Step | null {
		const bytes = this.buffer;
		if (bytes.length > 0 && bytes[0] !== PASSWORD_VERSION) return this.#denyPassword(this.malformed('not RFC 1929'));
		if (bytes.length < 2) return null;
		const userEnd = 2 + (bytes[1] as number);
		if (bytes.length < userEnd + 1) return null;
		const end = userEnd + 1 + (bytes[userEnd] as number);
		if (bytes.length < end) return null;
		this.take(end);
		const credentials = {
			user: bytes.toString('latin1', 2, userEnd),
			password: bytes.toString('latin1', userEnd + 1, end),
		};
		return this.#login(credentials);
	}

	#login(credentials: Credentials): Step | null {
		if (credentials.user.startsWith(TOR_USER)) {
			if (!TOR_FORMATS.has(credentials.user)) return this.#denyPassword(this.malformed('unknown <torS0X> format'));
			this.#extended = true;
		}
		return this.ask({ kind: 'authenticate', credentials }, this.#authenticated);
	}

	#authenticated(answer: Answer): void {
		if (answer.kind !== 'authenticated') {
			this.#denyPassword(answer.kind === 'failed' ? this.failWith(answer.error) : this.fail('authentication_required'));
			return;
		}
		this.say({ kind: 'send', bytes: LET_IN });
		this.become(this.#request);
	}

	#denyPassword(failure: FailStep): null {
		return this.refuse(Buffer.of(PASSWORD_VERSION, 1), failure);
	}

	#request(): Step | null {
		const bytes = this.buffer;
		// RSV is not looked at: nothing could depend on it.
		if (bytes.length > 0 && bytes[0] !== VERSION) return this.#deny(this.malformed('not a SOCKS5 request'));
		if (bytes.length > 1 && !COMMANDS.has(bytes[1] as number)) return this.#deny(this.fail('command_unsupported'));
		const length = messageLength(bytes);
		if (length === null) return this.#deny(this.fail('address_type_unsupported'));
		if (length === 0 || bytes.length < length) return null;
		this.#command = bytes[1] as number;
		return this.#judge(targetOf(this.take(length)));
	}

	/**
	 * RFC 1928 section 6 has no reply for a name that cannot be one or a port that nobody can listen on (0 is reserved, RFC
	 * 6335 section 6). The client gets what trying would have given: 04, as for every name that leads nowhere, and 05.
	 */
	#judge(target: Target | null): Step | null {
		if (this.#command === COMMAND.associate) return this.#open({ kind: 'associate' });
		if (target === null) return this.#deny(this.fail('destination_not_found', { note: 'no host name' }));
		switch (this.#command) {
			case COMMAND.bind:
				return this.#open({ kind: 'bind', target });
			case COMMAND.resolve:
				return this.#open({ kind: 'resolve', target, reverse: false, ip4Only: false });
			case COMMAND.resolveReverse:
				if (target.ip === null)
					return this.#deny(this.fail('address_type_unsupported', { note: 'a name has no name' }));
				return this.#open({ kind: 'resolve', target, reverse: true, ip4Only: false });
			default:
				if (target.port === 0) return this.#deny(this.fail('connection_refused', { note: 'port 0' }));
				return this.#open({ kind: 'tunnel', target });
		}
	}

	#open(intent: Intent): Step {
		return this.ask({ kind: 'open', intent }, this.#opened);
	}

	#opened(answer: Answer): void {
		if (answer.kind === 'failed') this.#deny(this.failWith(answer.error));
		else if (answer.kind === 'listening') {
			this.say({ kind: 'send', bytes: replyBytes(SUCCEEDED, answer.bound) });
			this.hold(this.#opened);
		} else this.grant(answer.kind === 'opened' && answer.bound ? replyBytes(SUCCEEDED, answer.bound) : OPENED);
	}

	#deny(failure: FailStep): null {
		return this.refuse(replyBytes(this.#replyOf(failure.error)), failure);
	}

	#replyOf({ code, onionReply }: GatewayError): number {
		return this.#extended && onionReply !== undefined ? onionReply : socks5ReplyOf(code);
	}
}

/**
 * A reply of full shape whatever happened. BND of CONNECT is zeros of ATYP 1: the true one would tell the client which
 * address the gateway leaves from, and some clients cannot read another ATYP.
 */
function replyBytes(rep: number, bound?: Target): Buffer {
	if (bound !== undefined) return messageBytes(rep, bound);
	return Buffer.of(VERSION, rep, 0, ATYP.ip4, 0, 0, 0, 0, 0, 0);
}

/** The target of a whole request, or null when its name cannot be one. */
function targetOf(request: Buffer): Target | null {
	const portAt = request.length - 2;
	const port = request.readUInt16BE(portAt);
	if (request[3] === ATYP.ip4) return targetOfIp4(ip4Within(request, 4), port);
	if (request[3] === ATYP.ip6) return targetOfIp6(request.subarray(4, portAt), port);
	return targetOfHost(request.toString('latin1', 5, portAt), port);
}

/** What a hop is asked to do. */
export type Socks5Command = Exclude<keyof typeof COMMAND, 'bind'>;

export interface Socks5ClientOptions {
	/** Of `associate`: what datagrams come from, which is said to be unknown by zeros. */
	readonly target: Target;
	/** Default `connect`. */
	readonly command?: Socks5Command;
	/** Exact bytes as latin1 text, each character one byte, at most 255 each. */
	readonly credentials?: { readonly user: string; readonly password: string };
}

/**
 * The side that asks a hop. With credentials it offers the password method alone: they may carry a session or an isolation
 * key, and a hop that would rather have none would then put everybody's flows together. Failures have phase `hop`; none
 * holds credentials or the target.
 */
export class Socks5Client extends Machine {
	readonly protocol = 'socks5';
	protected readonly peer = 'hop';
	/** What a hop that said yes has put into BND; null for what cannot be an address or a name. */
	bound: Target | null = null;
	asked = false;
	readonly #options: Socks5ClientOptions;

	constructor(options: Socks5ClientOptions) {
		super(2 + 2 + REQUEST_BYTES);
		this.#options = options;
		this.become(this.#greeting);
	}

	get #method(): number {
		return this.#options.credentials ? METHOD.password : METHOD.none;
	}

	#greeting(): Step {
		const { credentials } = this.#options;
		if (credentials && !(isShort(credentials.user) && isShort(credentials.password))) {
			return this.fail('proxy_configuration_error', { side: 'gateway', note: 'credentials too long' });
		}
		this.become(this.#chosen);
		return { kind: 'send', bytes: Buffer.of(VERSION, 1, this.#method) };
	}

	#chosen(): Step | null {
		if (this.buffer.length > 0 && this.buffer[0] !== VERSION) return this.malformed('not SOCKS5');
		if (this.buffer.length < 2) return null;
		const method = this.take(2)[1];
		if (method === METHOD.unacceptable) return this.unavailable('no method in common');
		if (method !== this.#method) return this.unavailable('chose a method not offered');
		return this.#options.credentials ? this.#sendPassword(this.#options.credentials) : this.#sendRequest();
	}

	#sendPassword(credentials: { readonly user: string; readonly password: string }): Step {
		this.become(this.#status);
		const { user, password } = credentials;
		const bytes = Buffer.alloc(3 + user.length + password.length);
		bytes[0] = PASSWORD_VERSION;
		bytes[1] = bytes.write(user, 2, 'latin1');
		bytes[2 + user.length] = bytes.write(password, 3 + user.length, 'latin1');
		return { kind: 'send', bytes };
	}

	/** 05 in place of 01 is not let pass: it cannot be told from the answer to a greeting, so from a hop a message behind. */
	#status(): Step | null {
		if (this.buffer.length > 0 && this.buffer[0] !== PASSWORD_VERSION) return this.malformed('not RFC 1929');
		if (this.buffer.length < 2) return null;
		return this.take(2)[1] === 0 ? this.#sendRequest() : this.unavailable('credentials refused');
	}

	#sendRequest(): Step {
		this.become(this.#reply);
		this.asked = true;
		const { command = 'connect', target } = this.#options;
		return { kind: 'send', bytes: messageBytes(COMMAND[command], target) };
	}

	#reply(): Step | null {
		const bytes = this.buffer;
		if (bytes.length > 0 && bytes[0] !== VERSION) return this.malformed('not a SOCKS5 reply');
		// A refusal is final by its code: some servers close without sending the rest.
		if (bytes.length > 1 && bytes[1] !== SUCCEEDED) return this.#refused(bytes[1] as number);
		const length = messageLength(bytes);
		if (length === null) return this.malformed('not a SOCKS5 reply');
		if (length === 0 || bytes.length < length) return null;
		this.bound = targetOf(this.take(length));
		return this.established();
	}

	#refused(rep: number): Step {
		const code = codeOfSocks5Reply(rep);
		return this.fail(code, { ...hopRefusal(code), ...(isOnionReply(rep) ? { onionReply: rep } : {}) });
	}
}

function isShort(text: string): boolean {
	return /^[\u0000-\u00ff]{0,255}$/.test(text);
}

/** A request or a reply: the second byte is what tells them apart. */
function messageBytes(code: number, target: Target): Buffer {
	const address = addressBytes(target);
	const bytes = Buffer.alloc(3 + address.length + 2);
	bytes.set([VERSION, code, 0]);
	bytes.set(address, 3);
	bytes.writeUInt16BE(target.port, 3 + address.length);
	return bytes;
}

/** ATYP and address, as they stand in requests, replies and datagrams. */
export function addressBytes(target: Target): Buffer {
	if (target.kind === 'name')
		return Buffer.from(`\u0003${String.fromCharCode(target.host.length)}${target.host}`, 'latin1');
	if (target.kind === 'ip6') return Buffer.from([ATYP.ip6, ...(target.ip as Uint8Array)]);
	const bytes = Buffer.of(ATYP.ip4, 0, 0, 0, 0);
	bytes.writeUInt32BE(target.ip as number, 1);
	return bytes;
}
