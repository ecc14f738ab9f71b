// The two directions of a tunnel are two streams: each ends by itself, a reset stays a reset, and no byte is lost at the
// seams, whatever handshake came before and whatever hop lies between.
import { once } from 'node:events';
import type { Socket } from 'node:net';
import test, { type ExecutionContext } from 'ava';
import { type GatewayProcess, startGateway } from '../helpers/gateway-process.ts';
import { handshakeOf, readReply, type WireProtocol } from '../helpers/handshakes.ts';
import { connectRaw, type RawClient } from '../helpers/raw-client.ts';
import { type Scope, scopeOfFile } from '../helpers/scope.ts';
import { banner, echo, mute, startTcpOrigin } from '../helpers/tcp-origins.ts';

const TUNNELS: readonly WireProtocol[] = ['socks4', 'socks4a', 'socks5', 'socks5h', 'connect'];
const HOPS = ['socks4', 'socks4a', 'socks5', 'http'];
const OPEN = ['--allow-private', '--allow-ports', 'all'];

const scope: Scope = scopeOfFile(test);
const direct: Promise<GatewayProcess> = startGateway(scope, OPEN);

/** Straight, then through a second gateway by every kind of hop. */
const ROUTES: readonly (readonly [route: string, gateway: Promise<GatewayProcess>])[] = [
	['direct', direct],
	...HOPS.map((kind) => [`through a ${kind} hop`, through(kind)] as const),
];

async function through(kind: string): Promise<GatewayProcess> {
	return startGateway(scope, [...OPEN, '-F', `${kind}://${(await direct).address}`]);
}

interface Tunnel {
	readonly client: RawClient;
	readonly origin: Socket;
	/** What the origin got, as it comes. */
	readonly received: () => Promise<string>;
}

/** An open tunnel, the reply read; `greet` is the origin's manner. */
async function open(t: ExecutionContext, gateway: GatewayProcess, protocol: WireProtocol): Promise<Tunnel> {
	const target = await startTcpOrigin(t);
	const client = await connectRaw(t, gateway.port);
	client.write(handshakeOf(protocol, '127.0.0.1', target.port));
	t.true((await readReply(client, protocol)).granted);
	const origin = await target.take();
	return { client, origin, received: () => received(origin) };
}

/** Everything until the FIN. */
async function received(origin: Socket): Promise<string> {
	const chunks: Buffer[] = [];
	for await (const chunk of origin.iterator({ destroyOnReturn: false })) chunks.push(chunk as Buffer);
	return Buffer.concat(chunks).toString();
}

for (const [route, started] of ROUTES) {
	for (const protocol of TUNNELS) {
		test(`${protocol}, ${route}: the client's FIN goes on and the origin may still speak`, async (t) => {
			const { client, origin, received } = await open(t, await started, protocol);
			client.end('last words');
			t.is(await received(), 'last words');
			origin.end('the answer to them');
			t.deepEqual(await client.readToEnd(), { bytes: Buffer.from('the answer to them'), ending: 'fin' });
		});

		test(`${protocol}, ${route}: the origin's FIN goes on and the client may still speak`, async (t) => {
			const { client, origin, received } = await open(t, await started, protocol);
			origin.end('that was all');
			t.deepEqual(await client.readToEnd(), { bytes: Buffer.from('that was all'), ending: 'fin' });
			client.end('but I go on');
			t.is(await received(), 'but I go on');
		});

		test(`${protocol}, ${route}: the client's RST reaches the origin as RST`, async (t) => {
			const { client, origin } = await open(t, await started, protocol);
			client.reset();
			const [error] = (await once(origin.resume(), 'error')) as [NodeJS.ErrnoException];
			t.is(error.code, 'ECONNRESET');
		});

		test(`${protocol}, ${route}: the origin's RST reaches the client as RST`, async (t) => {
			const { client, origin } = await open(t, await started, protocol);
			origin.resetAndDestroy();
			t.is((await client.readToEnd()).ending, 'rst');
		});

		test(`${protocol}, ${route}: early data, banner and payload arrive in order however they are cut`, async (t) => {
			const target = await startTcpOrigin(t, banner('banner '));
			const bytes = Buffer.concat([handshakeOf(protocol, '127.0.0.1', target.port), Buffer.from('early payload')]);
			const sendings: ((client: RawClient) => unknown)[] = [
				(client) => client.end(bytes),
				(client) => client.writeBytewise(bytes).then(() => client.end()),
			];
			for (const send of sendings) {
				const client = await connectRaw(t, (await started).port);
				await send(client);
				t.true((await readReply(client, protocol)).granted);
				t.deepEqual(await client.readToEnd(), { bytes: Buffer.from('banner early payload'), ending: 'fin' });
			}
		});
	}
}

for (const protocol of TUNNELS) {
	test(`${protocol}: a client that leaves during the dial takes the dial with it`, async (t) => {
		const hop = await startTcpOrigin(t, mute);
		const gateway = await startGateway(t, [...OPEN, '-F', `socks5://127.0.0.1:${hop.port}`]);
		for (const leave of ['reset', 'end'] as const) {
			const client = await connectRaw(t, gateway.port);
			client.write(handshakeOf(protocol, '127.0.0.1', 9));
			const dial = await hop.take();
			const gone = once(dial, 'close');
			// The hop hangs up in turn when it sees the FIN.
			dial.on('end', () => dial.end());
			client[leave]();
			await gone;
			t.true(dial.destroyed);
		}
	});
}

test('a WebSocket-like upgrade of plain HTTP half-closes as a tunnel does', async (t) => {
	const target = await startTcpOrigin(t);
	const client = await connectRaw(t, (await direct).port);
	const head = `GET http://127.0.0.1:${target.port}/ HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n`;
	client.write(head);
	const origin = await target.take();
	await once(origin, 'data');
	origin.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
	echo(origin);
	t.is((await readReply(client, 'http')).code, 101);
	client.end('to and fro');
	t.deepEqual(await client.readToEnd(), { bytes: Buffer.from('to and fro'), ending: 'fin' });
});
