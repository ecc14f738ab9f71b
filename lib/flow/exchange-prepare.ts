// What is decided about a request before anything of it is sent: where it goes, whether it may, by which way, what the
// origin gets to read, and whose links may carry it.
import type { Removal } from '../anonymity/removal.ts';
import { asksUpgrade, requestToOrigin } from '../anonymity/request-head.ts';
import type { Use } from '../core/dialer.ts';
import { asGatewayError, GatewayError } from '../core/error.ts';
import type { Flow } from '../core/flow.ts';
import type { Target } from '../core/target.ts';
import type { AskedRequest } from '../policy/request-condition.ts';
import type { Framing } from '../protocol/http1-body.ts';
import { type RequestHead, valuesOf } from '../protocol/http1-head.ts';
import { readRequestTarget } from '../protocol/http1-target.ts';
import type { ExchangeDeps } from './exchange-deps.ts';
import { ForwardedRequest } from './exchange-request.ts';
import { originKeyOf } from './origin-pool.ts';
import type { Way } from './tunnel.ts';

/** Where a request goes: to whom, by which way, and under which key its link is kept. */
export interface Destination {
	readonly target: Target;
	readonly way: Way;
	/** Null where the way out has no exits to choose from. */
	readonly use: Use | null;
	/** Whether a link may be one that was kept, and be kept again. */
	readonly keeps: boolean;
	/** What is taken off messages besides; null: nothing. */
	readonly removal: Removal | null;
	/** The key for the exit at hand. */
	key(): string;
}

/** A request that may go. */
export interface Prepared {
	readonly request: ForwardedRequest;
	readonly to: Destination;
}

export interface Surroundings {
	readonly flow: Flow;
	readonly deps: ExchangeDeps;
	/** The origin links of this flow are nobody else's. */
	readonly bound: boolean;
}

/** Judges, routes and rewrites one request; writes target and route into the flow. The error is what the client is told. */
export function prepare(head: RequestHead, framing: Framing, around: Surroundings): Prepared | GatewayError {
	const asked = readRequestTarget(head);
	if (asked instanceof GatewayError) return asked;
	if (asked.form !== 'absolute') return notForAProxy();
	const { target, path } = asked;
	const way = route(target, { method: head.method, path }, around);
	if (way instanceof GatewayError) return way;
	// One that sends a body with it is answered in HTTP: where its body ends and the other protocol begins is not ours to say.
	const upgrade = framing.kind === 'none' && asksUpgrade(head);
	const { level, clientIp } = around.deps;
	const to = new Towards(target, way, around);
	const bytes = requestToOrigin(head, asked, { level, clientIp, upgrade, removal: to.removal });
	const request = new ForwardedRequest(head, framing, bytes, { upgrade, keptBytes: keptBytesOf(head, to.use) });
	return { request, to };
}

/** How much of its body is kept for another exit. */
function keptBytesOf({ method }: RequestHead, use: Use | null): number {
	const retry = use?.retry;
	return retry?.methods.has(method) ? retry.bodyBytes : 0;
}

function route(target: Target, request: AskedRequest, { flow, deps }: Surroundings): Way | GatewayError {
	flow.target = target;
	try {
		const way = deps.route(target, request);
		flow.route = way.outbound.tag;
		flow.exit = null;
		return way;
	} catch (thrown) {
		return asGatewayError(thrown, { phase: 'policy' });
	}
}

class Towards implements Destination {
	readonly target: Target;
	readonly way: Way;
	readonly use: Use | null;
	readonly keeps: boolean;
	readonly removal: Removal | null;
	readonly #around: Surroundings;
	#exit = '';
	#key = '';

	constructor(target: Target, way: Way, around: Surroundings) {
		this.target = target;
		this.way = way;
		this.use = way.outbound.choose?.({ flow: around.flow, target }) ?? null;
		// What slides does so with each dial, and what is kept would not tell.
		this.keeps = !way.outbound.rotates?.(around.flow) && around.flow.session?.sliding !== true;
		this.removal = around.deps.removal(target);
		this.#around = around;
	}

	key(): string {
		const exit = this.use?.exit ?? this.way.outbound.tag;
		if (exit !== this.#exit) this.#key = this.#keyOf(exit);
		this.#exit = exit;
		return this.#key;
	}

	#keyOf(tag: string): string {
		const { flow, deps, bound } = this.#around;
		const { host, port } = this.target;
		// A group's members have no way out's name, but one may have the name of a member in another group.
		const exit = this.use === null ? tag : `${this.way.outbound.tag} ${tag}`;
		return originKeyOf({
			exit,
			host,
			port,
			clientKey: deps.clientKey,
			flow: bound ? flow.id : null,
			user: flow.user,
			session: flow.session?.key ?? null,
		});
	}
}

/** A request-target in origin-form or asterisk-form is meant for a server, and none is here. */
function notForAProxy(): GatewayError {
	return new GatewayError('http_request_error', { side: 'client', phase: 'exchange', note: 'request target form' });
}

/** NTLM and Negotiate (RFC 4559) authenticate a connection: all requests on it speak for that user. */
export function isConnectionBound(head: RequestHead): boolean {
	for (const value of valuesOf(head.fields, 'authorization')) if (/^(ntlm|negotiate)\b/i.test(value)) return true;
	return false;
}
