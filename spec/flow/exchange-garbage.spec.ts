// Property: whatever a client and an origin send each other, the exchange ends without a bug, and no connection is left over.
import test from 'ava';
import fc from 'fast-check';
import { answer, startStage, until } from '../helpers/exchange-stage.ts';

const CHUNKED = '3;a=b\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n';

/** Damage: at a place, so many bytes are replaced by others. */
const damage = fc.record({
	place: fc.nat(100_000),
	gone: fc.nat(6),
	instead: fc.oneof(
		fc.uint8Array({ maxLength: 4 }),
		fc.constantFrom('\r\n', '\r\n\r\n', '0', 'x: y\r\n').map((text) => Buffer.from(text)),
	),
});

function damaged(text: string, hits: readonly { place: number; gone: number; instead: Uint8Array }[]): Buffer {
	let bytes: Buffer = Buffer.from(text, 'latin1');
	for (const { place, gone, instead } of hits) {
		const at = place % (bytes.length + 1);
		bytes = Buffer.concat([bytes.subarray(0, at), instead, bytes.subarray(at + gone)]);
	}
	return bytes;
}

const hits = fc.array(damage, { maxLength: 3 });

test('noise on either side ends in an answer or a close, never in a bug, and leaves nothing open', async (t) => {
	const stage = await startStage(t, { stillMs: 60, headMs: 100, idleMs: 100 });
	const requests = [
		stage.get('/') + stage.get('/2'),
		`${stage.request('POST', '/', 'Content-Length: 5')}hello${stage.get('/2')}`,
		stage.request('PUT', '/', 'Transfer-Encoding: chunked', 'Expect: 100-continue') + CHUNKED + stage.get('/2'),
		`${stage.get('/', 'Upgrade: x', 'Connection: Upgrade')}frames`,
		stage.request('HEAD', '/').replace('1.1', '1.0'),
	];
	const responses = [
		answer('hello'),
		`HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${CHUNKED}`,
		'HTTP/1.0 200 OK\r\n\r\nuntil the end',
		'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nframes',
		'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n',
	];
	let response: { bytes: Buffer; ending: string } = { bytes: Buffer.alloc(0), ending: 'fin' };
	const serving = (async () => {
		for (;;) {
			const { socket } = await stage.accept();
			socket.on('data', () => {
				socket.write(response.bytes);
				if (response.ending === 'fin') socket.end();
				else if (response.ending === 'rst') socket.resetAndDestroy();
			});
		}
	})();
	serving.catch(() => {});
	const cases = fc.record({
		request: fc.tuple(fc.constantFrom(...requests), hits).map(([text, at]) => damaged(text, at)),
		response: fc.tuple(fc.constantFrom(...responses), hits).map(([text, at]) => damaged(text, at)),
		origin: fc.constantFrom('fin', 'rst', 'open'),
		client: fc.constantFrom('fin', 'rst', 'open'),
	});
	let index = 0;
	await fc.assert(
		fc.asyncProperty(cases, async (play) => {
			response = { bytes: play.response, ending: play.origin };
			const client = await stage.connect();
			client.write(play.request);
			if (play.client === 'fin') client.end();
			else if (play.client === 'rst') client.reset();
			await stage.end(index++);
			client.socket.destroy();
		}),
		{ numRuns: 300, endOnFailure: true },
	);
	stage.pool.close();
	await until(() => stage.links.every((link) => link.closed));
	await until(() => stage.originSockets.every((socket) => socket.closed || socket.readableEnded));
	t.is(stage.flows.length, index);
	t.true(stage.dials.length > 50, 'much of it reached the origin');
});
