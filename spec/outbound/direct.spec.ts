import test from 'ava';
import { GatewayError } from '../../lib/core/error.ts';
import { Direct } from '../../lib/outbound/direct.ts';
import { dialThrough, localResolver } from '../helpers/chains.ts';
import { failureOf, readLink } from '../helpers/dial.ts';
import { banner, refusingPort, startTcpOrigin } from '../helpers/tcp-origins.ts';

test('reaches an address and a name, each judged', async (t) => {
	const origin = await startTcpOrigin(t, banner('hello'));
	const direct = new Direct({}, { resolver: localResolver(t) });
	for (const host of ['127.0.0.1', 'localhost']) {
		const link = await dialThrough(t, direct, origin.port, {}, host);
		link.closeWrite();
		t.is((await readLink(link)).toString(), 'hello');
		const refusal = new GatewayError('destination_ip_prohibited', { phase: 'policy' });
		t.is(await failureOf(dialThrough(t, direct, origin.port, { permits: () => refusal }, host)), refusal);
	}
	t.is(origin.sockets.length, 2);
});

test('a failure is one of the target', async (t) => {
	const direct = new Direct({ tag: 'home' }, { resolver: localResolver(t) });
	t.like(direct, { type: 'direct', tag: 'home', namesTravel: false });
	const error = await failureOf(dialThrough(t, direct, await refusingPort()));
	t.like(error, { code: 'connection_refused', side: 'target', phase: 'connect', hop: undefined });
});
