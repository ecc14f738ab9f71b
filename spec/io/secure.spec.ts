// TLS beneath a hop's handshake: what a hop sees of it is in outbound/http.spec.ts.
import { readFileSync } from 'node:fs';
import test from 'ava';
import { GatewayError } from '../../lib/core/error.ts';
import { targetOfHost } from '../../lib/core/target.ts';
import { connectTcp } from '../../lib/io/connect.ts';
import { SecureClient } from '../../lib/io/secure.ts';
import { countListeners, failureOf } from '../helpers/dial.ts';
import { closed, linkPair } from '../helpers/link-pair.ts';
import { startMiniHop } from '../helpers/mini-hops.ts';
import { left, mute, startTcpOrigin } from '../helpers/tcp-origins.ts';
import { CERTIFICATE_FILE } from '../helpers/web-origins.ts';

const HOP = targetOfHost('localhost', 443)!;
const CLIENT = new SecureClient(HOP, { ca: [readFileSync(CERTIFICATE_FILE, 'utf8')] });

test('an abort before or during the handshake ends with its reason and closes what is beneath', async (t) => {
	const reason = new GatewayError('connection_timeout', { side: 'target' });
	const { link, peer } = await linkPair({ side: 'hop' });
	peer.resume().on('end', () => peer.end());
	t.is(await failureOf(CLIENT.secure(link, AbortSignal.abort(reason))), reason);
	await closed(peer);

	const silent = await startTcpOrigin(t, mute);
	const abort = new AbortController();
	const listeners = countListeners(abort.signal);
	const beneath = await connectTcp(0x7f000001, silent.port, { side: 'hop', signal: abort.signal });
	const securing = failureOf(CLIENT.secure(beneath, abort.signal));
	t.is(listeners(), 1);
	abort.abort(reason);
	t.is(await securing, reason);
	t.is(listeners(), 0);
	await left(await silent.take());
});

test('a link that was made has left nothing on the signal', async (t) => {
	const hop = await startMiniHop(t, 'http', { secure: true });
	const { signal } = new AbortController();
	const listeners = countListeners(signal);
	const link = await CLIENT.secure(await connectTcp(0x7f000001, hop.port, { side: 'hop', signal }), signal);
	t.is(listeners(), 0);
	link.destroy();
});
