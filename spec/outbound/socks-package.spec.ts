// Why the data path has SOCKS codecs of its own: what npm's `socks`, a good client otherwise, does not do that a hop needs.
// Each spec states a shortfall that it has today; one that fails is news, and reason to think again.
import { setTimeout as delay, setImmediate as tick } from 'node:timers/promises';
import { inspect } from 'node:util';
import test from 'ava';
import { SocksClient, type SocksClientOptions } from 'socks';
import { chainOf, dialThrough } from '../helpers/chains.ts';
import { failureOf, readLink } from '../helpers/dial.ts';
import { startMiniHop } from '../helpers/mini-hops.ts';
import { echo, left, mute, refusingPort, startTcpOrigin } from '../helpers/tcp-origins.ts';

function optionsOf(hopPort: number, port: number): SocksClientOptions & { command: 'connect' } {
	return {
		proxy: { host: '127.0.0.1', port: hopPort, type: 5, userId: 'joe', password: 'secret-word' },
		command: 'connect',
		destination: { host: '127.0.0.1', port },
	};
}

/** What the package fails with. */
async function failureOfPackage(promise: Promise<unknown>): Promise<Error & { code?: unknown; options?: unknown }> {
	try {
		await promise;
	} catch (error) {
		return error as Error;
	}
	throw new Error('it did not fail');
}

test('it serves as a client: bytes go both ways', async (t) => {
	const origin = await startTcpOrigin(t, echo);
	const hop = await startMiniHop(t, 'socks5');
	const { socket } = await SocksClient.createConnection(optionsOf(hop.port, origin.port));
	t.teardown(() => void socket.destroy());
	socket.end('there and back');
	t.is((await socket.setEncoding('utf8').toArray()).join(''), 'there and back');
	t.deepEqual(hop.logins, ['joe:secret-word']);
});

test('bytes that come with the reply are lost to a reader that is not there in the same tick; ours are kept', async (t) => {
	const origin = await startTcpOrigin(t, echo);
	const hop = await startMiniHop(t, 'socks5', { early: '220 ready, ' });
	const { socket } = await SocksClient.createConnection(optionsOf(hop.port, origin.port));
	t.teardown(() => void socket.destroy());
	await tick();
	socket.end('quit');
	t.is((await socket.setEncoding('utf8').toArray()).join(''), 'quit');

	const link = await dialThrough(t, chainOf(t, [`socks5://joe:secret-word@127.0.0.1:${hop.port}`]), origin.port);
	await tick();
	link.write(Buffer.from('quit'));
	link.closeWrite();
	t.is((await readLink(link)).toString(), '220 ready, quit');
});

test('a refusal has no code, only text; ours has one', async (t) => {
	const port = await refusingPort();
	const hop = await startMiniHop(t, 'socks5');
	const error = await failureOfPackage(SocksClient.createConnection(optionsOf(hop.port, port)));
	t.is(error.code, undefined);
	t.regex(error.message, /ConnectionRefused/);
	const ours = await failureOf(dialThrough(t, chainOf(t, [`socks5://127.0.0.1:${hop.port}`]), port));
	t.is(ours.code, 'connection_refused');
});

test('its errors carry the password; ours do not', async (t) => {
	const port = await refusingPort();
	const hop = await startMiniHop(t, 'socks5');
	const error = await failureOfPackage(SocksClient.createConnection(optionsOf(hop.port, port)));
	t.regex(inspect(error, { depth: 9 }), /secret-word/);
	const ours = await failureOf(dialThrough(t, chainOf(t, [`socks5://joe:secret-word@127.0.0.1:${hop.port}`]), port));
	t.notRegex(inspect(ours, { depth: 9 }), /secret-word/);
});

test('its chain knows no deadline; ours ends with its signal', async (t) => {
	const silent = await startTcpOrigin(t, mute);
	const first = await startMiniHop(t, 'socks5');
	const hops = [first.port, silent.port].map((port) => ({ host: '127.0.0.1', port, type: 5 as const }));
	const connecting = failureOfPackage(
		SocksClient.createConnectionChain({
			proxies: hops,
			command: 'connect',
			destination: { host: '127.0.0.1', port: 9 },
			timeout: 20,
		}),
	);
	const socket = await silent.take();
	t.is(await Promise.race([connecting.then(() => 'ended'), delay(400, 'pending')]), 'pending');
	socket.destroy();
	await connecting;

	const abort = new AbortController();
	const urls = hops.map(({ port }) => `socks5://127.0.0.1:${port}`);
	const dialling = failureOf(dialThrough(t, chainOf(t, urls), 9, { signal: abort.signal }));
	const other = await silent.take();
	abort.abort();
	t.is((await dialling).code, 'connection_terminated');
	await left(other);
});
