// Tor's RESOLVE and RESOLVE_PTR: the way out is asked instead of dialled, and what it answers is judged as what it would be
// dialled at. The connection ends with the reply.
import type { DialContext, Outbound, Question } from '../core/dialer.ts';
import { unsupported } from '../core/dialer.ts';
import { GatewayError } from '../core/error.ts';
import type { Flow, Outcome } from '../core/flow.ts';
import type { Link } from '../core/link.ts';
import { type Target, targetOfIp } from '../core/target.ts';
import type { ServerHandshake } from '../io/handshake.ts';
import { opening } from './opening.ts';
import type { TunnelDeps } from './tunnel.ts';

/** Serves one question. Throws GatewayError when there is no answer; the client has been told by then. */
export async function resolve(
	flow: Flow,
	link: Link,
	handshake: ServerHandshake,
	question: Question,
	deps: Pick<TunnelDeps, 'route' | 'dialMs' | 'nowMs'>,
): Promise<Outcome> {
	const answer = await opening(handshake, deps.dialMs, async (signal) => {
		const { outbound, permits } = deps.route(question.target);
		flow.route = outbound.tag;
		return judged(await asked(outbound, question, { signal, flow, permits }), question, permits);
	});
	flow.openedMs = deps.nowMs();
	handshake.opened(answer);
	link.finish();
	return { cause: 'closed' };
}

function asked(outbound: Outbound, question: Question, context: DialContext): Promise<Target> {
	if (!outbound.resolve) throw unsupported('no names');
	return outbound.resolve(question, context);
}

/** A hop may say anything; what was answered here was judged before. */
function judged(answer: Target, { reverse, ip4Only }: Question, permits: DialContext['permits']): Target {
	const isKind = reverse ? answer.ip === null : answer.ip !== null && (!ip4Only || typeof answer.ip === 'number');
	if (!isKind)
		throw new GatewayError('hop_unavailable', { side: 'hop', phase: 'hop', retry: 'next', note: 'no answer' });
	if (answer.ip === null) return answer;
	const refusal = permits(answer.ip);
	if (refusal) throw refusal;
	return targetOfIp(answer.ip, 0);
}
