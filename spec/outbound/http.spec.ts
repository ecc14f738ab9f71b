import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import test, { type ExecutionContext } from 'ava';
import { systemClock } from '../../lib/core/clock.ts';
import { Resolver } from '../../lib/io/resolve.ts';
import { chain } from '../../lib/outbound/chain.ts';
import { chainOf, dialThrough, hopOf, localResolver } from '../helpers/chains.ts';
import { failureOf, readLink } from '../helpers/dial.ts';
import { temporaryFolder } from '../helpers/gateway-process.ts';
import { startTinyproxy } from '../helpers/hops.ts';
import { startMiniHop } from '../helpers/mini-hops.ts';
import { needs } from '../helpers/programs.ts';
import { echo, left, refusingPort, startTcpOrigin } from '../helpers/tcp-origins.ts';
import { CERTIFICATE_FILE } from '../helpers/web-origins.ts';

const CA = [readFileSync(CERTIFICATE_FILE, 'utf8')];
const AT_FAULT = { side: 'hop', phase: 'hop', retry: 'next', hop: 'up' } as const;

/** A resolver that finds `name` at 127.0.0.1. */
function resolverOf(t: ExecutionContext, name: string): Resolver {
	const hostsFile = join(temporaryFolder(t), 'hosts');
	writeFileSync(hostsFile, `127.0.0.1 ${name}\n`);
	const resolver = new Resolver({ servers: ['127.0.0.1:1'], hostsFile }, { clock: systemClock });
	t.teardown(() => resolver.close());
	return resolver;
}

/** A TCP server before `port` that lets a spec cut what goes through. */
async function startFront(t: ExecutionContext, port: number) {
	return startTcpOrigin(t, (near) => {
		const far = connect(port, '127.0.0.1');
		t.teardown(() => void far.destroy());
		far.on('error', () => near.destroy());
		near.pipe(far).pipe(near);
	});
}

test('the name of the target goes to the hop', async (t) => {
	const origin = await startTcpOrigin(t, echo);
	const hop = await startMiniHop(t, 'http');
	await dialThrough(t, chainOf(t, [`http://127.0.0.1:${hop.port}`]), origin.port, {}, 'www.example');
	t.deepEqual(hop.asked, [`www.example:${origin.port}`]);
});

test('https: SNI says the name of the hop, and nothing when it has none', async (t) => {
	const origin = await startTcpOrigin(t, echo);
	const hop = await startMiniHop(t, 'http', { secure: true });
	await dialThrough(t, chainOf(t, [`https://127.0.0.1:${hop.port}`]), origin.port);
	await dialThrough(t, chainOf(t, [`https://localhost:${hop.port}`]), origin.port);
	t.deepEqual(hop.servernames, [false, 'localhost']);
});

test('https: a certificate of an authority that nobody here trusts is refused', async (t) => {
	const hop = await startMiniHop(t, 'http', { secure: true });
	const { tls: _, ...untrusted } = hopOf(`https://127.0.0.1:${hop.port}`);
	const outbound = chain({ tag: 'up', hops: [untrusted] }, { resolver: localResolver(t) });
	const error = await failureOf(dialThrough(t, outbound, 9));
	t.like(error, { ...AT_FAULT, code: 'tls_certificate_error', note: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
	t.deepEqual(hop.asked, [], 'not a word was said to it');
});

test('https: a certificate for another name is refused, and its texts get into no error', async (t) => {
	const hop = await startMiniHop(t, 'http', { secure: true });
	const hops = [{ ...hopOf(`https://hop.example:${hop.port}`), tls: { ca: CA } }];
	const outbound = chain({ tag: 'up', hops }, { resolver: resolverOf(t, 'hop.example') });
	const error = await failureOf(dialThrough(t, outbound, 9));
	t.like(error, { ...AT_FAULT, code: 'tls_certificate_error', note: 'ERR_TLS_CERT_ALTNAME_INVALID' });
	t.is(error.cause, undefined);
	t.is(error.message, 'tls_certificate_error');
	t.deepEqual(hop.asked, []);
});

test('https: a hop that speaks no TLS is told apart', async (t) => {
	const plain = await startTcpOrigin(t, (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
	const error = await failureOf(dialThrough(t, chainOf(t, [`https://127.0.0.1:${plain.port}`]), 9));
	t.like(error, { ...AT_FAULT, code: 'tls_protocol_error' });
	t.regex(error.note!, /^ERR_SSL_[A-Z_]+$/);
});

test('https: an alert of the hop is told apart', async (t) => {
	const server = createServer({
		key: readFileSync(CERTIFICATE_FILE.replace('cert.pem', 'key.pem')),
		cert: CA,
		ALPNProtocols: ['h2'],
	}).listen(0, '127.0.0.1');
	t.teardown(() => void server.close());
	server.on('tlsClientError', () => {});
	await once(server, 'listening');
	const { port } = server.address() as { port: number };
	const error = await failureOf(dialThrough(t, chainOf(t, [`https://127.0.0.1:${port}`]), 9));
	t.like(error, { ...AT_FAULT, code: 'tls_alert_received' });
});

test('https: a reset beneath TLS ends the link with an error', async (t) => {
	const origin = await startTcpOrigin(t, echo);
	const hop = await startMiniHop(t, 'http', { secure: true });
	const front = await startFront(t, hop.port);
	const link = await dialThrough(t, chainOf(t, [`https://127.0.0.1:${front.port}`]), origin.port);
	const reading = readLink(link);
	(await front.take()).resetAndDestroy();
	t.like(await failureOf(reading), { code: 'connection_terminated', side: 'hop' });
	t.true(link.closed);
});

test('https: a reset of the link is a reset beneath TLS', async (t) => {
	const origin = await startTcpOrigin(t, echo);
	const hop = await startMiniHop(t, 'http', { secure: true });
	const front = await startFront(t, hop.port);
	const link = await dialThrough(t, chainOf(t, [`https://127.0.0.1:${front.port}`]), origin.port);
	const near = (await front.take()) as Socket;
	const failed = new Promise<NodeJS.ErrnoException>((resolve) => near.on('error', resolve));
	link.reset();
	t.is((await failed).code, 'ECONNRESET');
});

test('https: a link that is destroyed takes TLS and what is beneath it along', async (t) => {
	const origin = await startTcpOrigin(t, echo);
	const hop = await startMiniHop(t, 'http', { secure: true });
	const front = await startFront(t, hop.port);
	const link = await dialThrough(t, chainOf(t, [`https://127.0.0.1:${front.port}`]), origin.port);
	link.destroy();
	await left(await front.take());
	t.pass();
});

test('https: a reader that stops stops the hop, and loses nothing', async (t) => {
	const bytes = Buffer.alloc(20_000_000, 'payload ');
	const origin = await startTcpOrigin(t, (socket) => socket.end(bytes));
	const hop = await startMiniHop(t, 'http', { secure: true });
	const link = await dialThrough(t, chainOf(t, [`https://127.0.0.1:${hop.port}`]), origin.port);
	const socket = await origin.take();
	let got = 0;
	await new Promise<void>((resolve) => {
		link.attach({
			data: (chunk) => {
				got += chunk.length;
				link.pause();
				if (socket.writableFinished) link.resume();
				else setImmediate(() => link.resume());
			},
			end: resolve,
			drain: () => {},
			closed: () => resolve(),
		});
	});
	t.is(got, bytes.length);
});

needs(test, 'tinyproxy')('tinyproxy carries bytes, and its word about a target that refuses comes back', async (t) => {
	const origin = await startTcpOrigin(t, echo);
	const { url } = await startTinyproxy(t);
	const outbound = chainOf(t, [url]);
	const link = await dialThrough(t, outbound, origin.port);
	link.write(Buffer.from('there'));
	const socket = await origin.take();
	const [chunk] = (await once(socket, 'data')) as [Buffer];
	t.is(chunk.toString(), 'there');
	socket.end();
	t.is((await readLink(link)).toString(), 'there');
	const error = await failureOf(dialThrough(t, outbound, await refusingPort()));
	t.like(error, { phase: 'hop', retry: 'next', hop: 'up' });
});
