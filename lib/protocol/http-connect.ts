// HTTP as a handshake, both sides. Sans-I/O. CONNECT is RFC 9110 section 9.3.6; any other request only shows its
// credentials here and stays unread: the exchange reads it again, with all that follows on its connection.
//
//   request   CONNECT host:port HTTP/1.1 CRLF  field lines  CRLF     then the tunnel's bytes
//   reply     HTTP/1.1 200 Connection established CRLF  CRLF         likewise; a refusal: see http-refusal.ts
// oxlint-disable typescript/unbound-method -- a Machine calls its states with itself as `this`
import { type Code, GatewayError } from '../core/error.ts';
import type { Protocol } from '../core/flow.ts';
import type { Intent } from '../core/intent.ts';
import { authorityOf, type Target } from '../core/target.ts';
import { codeOfHttpStatus, hopRefusal } from './causes.ts';
import type { Answer, ServerOptions, Step } from './codec.ts';
import { basicOf, readProxyCredentials } from './http-credentials.ts';
import { proxyErrorOf, refusal } from './http-refusal.ts';
import { framingOfRequest } from './http1-body.ts';
import {
	firstValue,
	headBytes,
	keepsAlive,
	type RequestHead,
	RequestHeadReader,
	type ResponseHead,
	ResponseHeadReader,
} from './http1-head.ts';
import { type RequestTarget, readRequestTarget } from './http1-target.ts';
import { Machine } from './machine.ts';
import { pacReply } from './pac.ts';

/** The head reader's own bound, so that it is the one that bites: it has a status to say it with. */
const REQUEST_BYTES = 65_536;

/** How many requests a connection may show us without getting in: one without credentials, and two to get them right. */
const MAX_TRIES = 3;

/** The phrase is what old clients look for. Neither Content-Length nor Transfer-Encoding may stand here. */
const ESTABLISHED: Buffer = headBytes('HTTP/1.1 200 Connection established', []);

const EXCHANGE: Intent = { kind: 'exchange' };
const PAGE: Intent = { kind: 'page' };

/**
 * The gateway's side. `authenticate` is asked when users are configured or the client shows credentials; what cannot be
 * read is wrong without asking. A request without a body that is sent 407 may be followed by another on its connection.
 * A refused CONNECT ends its connection, 407 too: what a client sent behind it in good hope must not be read as a request
 * (RFC 9931).
 *
 * A CONNECT that announces content is refused: it has none by definition (RFC 9110 section 9.3.6), and what follows would
 * be payload to us and a body to the next reader. Content-Length: 0 announces nothing; old Windows clients send it.
 */
export class HttpServer extends Machine {
	protocol: Protocol = 'http';
	protected readonly peer = 'client';
	readonly #authRequired: boolean;
	readonly #pacHosts: readonly string[] | null;
	readonly #reader: RequestHeadReader = new RequestHeadReader({ maxBytes: REQUEST_BYTES });
	#head: RequestHead | null = null;
	#intent: Intent = EXCHANGE;
	/** What is sent when the client has what it asked for. */
	#yes: Buffer = ESTABLISHED;
	/** All of the request is its head, so the next head is right behind it. */
	#bodiless = false;
	#tries = 0;

	constructor(options: ServerOptions) {
		super(REQUEST_BYTES);
		this.#authRequired = options.authRequired;
		this.#pacHosts = options.pacHosts ?? null;
		this.become(this.#request);
	}

	/** 408 for a head that was begun; a client that never spoke may not speak HTTP. */
	lateReply(): Uint8Array | null {
		return this.heldBytes === 0 ? null : refusal(new GatewayError('handshake_timeout'), { method: null });
	}

	#request(): Step | null {
		const head = this.#reader.read(this.buffer);
		if (head === null) return null;
		this.#head = head instanceof GatewayError ? null : head;
		if (head instanceof GatewayError) return this.#refuse(head);
		this.protocol = head.method === 'CONNECT' ? 'connect' : 'http';
		const asked = readRequestTarget(head);
		const wrong = asked instanceof GatewayError ? asked : this.#judge(head, asked);
		if (wrong) return this.#refuse(wrong);
		// A browser that asks how to get here has no credentials yet.
		return this.#intent === PAGE ? this.#open() : this.#identify(head);
	}

	/** Says what is wrong with the request, or null and notes what it is for. */
	#judge(head: RequestHead, asked: RequestTarget): GatewayError | null {
		const framing = framingOfRequest(head);
		if (framing instanceof GatewayError) return framing;
		this.#bodiless = framing.kind === 'none' || (framing.kind === 'length' && framing.bytes === 0);
		if (asked.form === 'absolute') {
			this.#intent = EXCHANGE;
			return null;
		}
		if (asked.form === 'origin' && this.#pacHosts !== null) {
			const page = pacReply(head, this.#pacHosts);
			if (page !== null) return this.#show(head, page);
		}
		if (asked.form !== 'authority') return new GatewayError('http_request_error', { note: 'not for a proxy' });
		if (!this.#bodiless) return new GatewayError('http_request_error', { note: 'content in CONNECT' });
		this.#intent = { kind: 'tunnel', target: asked.target };
		this.take(head.length);
		return null;
	}

	#show(head: RequestHead, page: Buffer): null {
		this.take(head.length);
		this.#intent = PAGE;
		this.#yes = page;
		return null;
	}

	#identify(head: RequestHead): Step | null {
		const credentials = readProxyCredentials(head.fields);
		if (credentials === 'unreadable') return this.#challenge(head);
		if (credentials === null && !this.#authRequired) return this.#open();
		return this.ask({ kind: 'authenticate', credentials }, this.#identified);
	}

	#identified(answer: Answer): void {
		if (answer.kind === 'authenticated') this.become(this.#open);
		else if (answer.kind === 'failed') this.#deny(answer.error);
		else this.#challenge(this.#head as RequestHead);
	}

	#challenge(head: RequestHead): null {
		const again = this.#bodiless && head.method !== 'CONNECT' && keepsAlive(head) && ++this.#tries < MAX_TRIES;
		if (!again) return this.#refuse(new GatewayError('authentication_required'));
		this.take(head.length);
		const error = new GatewayError('authentication_required', { side: 'client' });
		this.say({ kind: 'send', bytes: refusal(error, { method: head.method, keepAlive: true }) });
		return this.become(this.#request);
	}

	#open(): Step {
		return this.ask({ kind: 'open', intent: this.#intent }, this.#opened);
	}

	#opened(answer: Answer): void {
		if (answer.kind === 'failed') this.#deny(answer.error);
		else if (this.#intent === EXCHANGE) this.become(this.established);
		else this.grant(this.#yes);
	}

	/** Ends over something that the client did, before anything was opened. */
	#refuse(error: GatewayError): null {
		return this.#deny(this.fail(error.code, error.note === undefined ? {} : { note: error.note }).error);
	}

	#deny(error: GatewayError): null {
		return this.refuse(refusal(error, { method: this.#head?.method ?? null }), this.failWith(error));
	}
}

/** A hop's reply has a dozen fields; curl and Go stop far earlier. */
const REPLY_BYTES = 16_384;

/** 100 Continue and the like; nobody sends even one. */
const MAX_INTERIM = 4;

/** Stands for no status: the code is then the one that Proxy-Status gives, or `hop_unavailable`. */
const NO_STATUS = 0;

const OF_HOP: ReadonlySet<Code> = new Set<Code>([
	'http_request_error',
	'proxy_internal_error',
	'proxy_configuration_error',
]);

export interface HttpConnectOptions {
	readonly target: Target;
	/** Exact bytes as latin1 text, each character one byte; a user name without a colon (RFC 7617 section 2). */
	readonly credentials?: { readonly user: string; readonly password: string };
}

/**
 * The side that asks a hop. It says nothing of itself: no User-Agent, no Proxy-Connection. A 2xx has no body whatever its
 * fields say (RFC 9110 section 9.3.6), so what is behind its head is the tunnel's. Failures have phase `hop`.
 */
export class HttpConnectClient extends Machine {
	readonly protocol = 'connect';
	protected readonly peer = 'hop';
	readonly #options: HttpConnectOptions;
	readonly #reader: ResponseHeadReader = new ResponseHeadReader({ maxBytes: REPLY_BYTES });
	#interim = 0;

	constructor(options: HttpConnectOptions) {
		super(REPLY_BYTES);
		this.#options = options;
		this.become(this.#request);
	}

	#request(): Step {
		const { target, credentials } = this.#options;
		const authority = authorityOf(target);
		const lines = [`Host: ${authority}`];
		if (credentials) {
			const basic = basicOf(credentials.user, credentials.password);
			if (basic === null) return this.fail('proxy_configuration_error', { side: 'gateway', note: 'credentials' });
			lines.push(`Proxy-Authorization: ${basic}`);
		}
		this.become(this.#reply);
		return { kind: 'send', bytes: headBytes(`CONNECT ${authority} HTTP/1.1`, lines) };
	}

	#reply(): Step | null {
		for (;;) {
			const head = this.#reader.read(this.buffer);
			if (head === null) return null;
			if (head instanceof GatewayError) return this.malformed(head.note ?? 'head');
			this.take(head.length);
			if (head.status >= 200) return head.status < 300 ? this.established() : this.#refused(head);
			if (head.status === 101 || ++this.#interim > MAX_INTERIM) return this.unavailable('interim reply');
		}
	}

	/**
	 * A word of RFC 9209 about the way on is believed; one about this hop or about us is not, least of all our own codes,
	 * by which a hop could have us ask the client for credentials. A bare status is a guess: another hop may tell better.
	 */
	#refused(head: ResponseHead): Step {
		if (head.status === 407) return this.unavailable('credentials refused');
		const proxyStatus = firstValue(head.fields, 'proxy-status');
		const said = proxyStatus === null ? null : codeOfHttpStatus(NO_STATUS, proxyStatus);
		if (said !== null && proxyErrorOf(said) === said && !OF_HOP.has(said)) return this.fail(said, hopRefusal(said));
		const guess = codeOfHttpStatus(head.status, null);
		return this.fail(guess, { ...hopRefusal(guess), retry: 'next' });
	}
}
