// Property: however a pipelined conversation is cut into segments, on either side, both ends get the same bytes.
import test from 'ava';
import fc from 'fast-check';
import { cutAt } from '../helpers/dialogue.ts';
import { answer, type Stage, startStage } from '../helpers/exchange-stage.ts';
import type { RawClient } from '../helpers/raw-client.ts';

interface Step {
	readonly request: string;
	/** What the origin sees of it; empty when it sees nothing. */
	readonly seen: string;
	readonly response: string;
	/** What the client gets. */
	readonly answer: string;
}

/** A conversation with everything in it that keeps a connection. */
function conversation(stage: Stage): readonly Step[] {
	const chunked = '6;x=y\r\nchunks\r\n2\r\n..\r\n0\r\n';
	const refused = '405 Method Not Allowed: http_request_denied\n';
	const allow = 'Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, CONNECT';
	const plain = (method: string, lines: string[], body: string, response: string): Step => ({
		request: stage.request(method, `/${method}`, 'Proxy-Connection: keep-alive', ...lines) + body,
		seen: stage.seen(method, `/${method}`, 'Connection: keep-alive', ...lines) + body,
		response,
		answer: response,
	});
	return [
		plain('GET', [], '', answer('hello')),
		plain('POST', ['Content-Length: 5'], 'a\r\n\r\n', `HTTP/1.1 103 Early Hints\r\n\r\n${answer('')}`),
		{
			...plain(
				'PUT',
				['Transfer-Encoding: chunked'],
				'',
				`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunked}`,
			),
			request: `${stage.request('PUT', '/', 'Transfer-Encoding: chunked')}${chunked}X-Real-IP: 1\r\nX-Sum: 2\r\n\r\n`,
			seen: `${stage.seen('PUT', '/', 'Transfer-Encoding: chunked')}${chunked}X-Sum: 2\r\n\r\n`,
			response: `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nKeep-Alive: timeout=9\r\n\r\n${chunked}Cookie: no\r\n\r\n`,
			answer: `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunked}\r\n`,
		},
		{
			request: stage.request('TRACE', '/'),
			seen: '',
			response: '',
			answer: `HTTP/1.1 405 Method Not Allowed\r\nProxy-Status: gateway; error=http_request_denied\r\n${allow}\r\nConnection: keep-alive\r\nContent-Type: text/plain\r\nContent-Length: ${refused.length}\r\n\r\n${refused}`,
		},
		plain('HEAD', [], '', 'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n'),
		plain('DELETE', [], '', 'HTTP/1.1 204 No Content\r\n\r\n'),
		plain('GET', ['Upgrade-Insecure-Requests: 1'], '', answer('x'.repeat(300))),
	];
}

async function writeCut(to: RawClient, text: string, places: readonly number[]): Promise<void> {
	for (const part of cutAt(Buffer.from(text), places)) {
		to.write(part);
		await new Promise((resolve) => setImmediate(resolve));
	}
}

/** Plays the origin's part; everything it was sent. */
async function serve(origin: RawClient, steps: readonly Step[], places: readonly number[]): Promise<string> {
	let seen = '';
	for (const step of steps) {
		if (step.seen === '') continue;
		seen += String(await origin.read(step.seen.length));
		await writeCut(origin, step.response, places);
	}
	return seen;
}

test('any cut of a pipelined conversation gives the same bytes at both ends', async (t) => {
	const stage = await startStage(t);
	const steps = conversation(stage);
	const text = (part: keyof Step) => steps.map((step) => step[part]).join('');
	const places = fc.array(fc.nat(100_000), { maxLength: 12 });
	let origin: RawClient | null = null;
	await fc.assert(
		fc.asyncProperty(places, places, async (up, down) => {
			const client = await stage.connect();
			const writing = writeCut(client, text('request'), up);
			origin ??= await stage.accept();
			const seen = await serve(origin, steps, down);
			await writing;
			client.end();
			const { bytes } = await client.readToEnd();
			return seen === text('seen') && String(bytes) === text('answer');
		}),
		{ numRuns: 150 },
	);
	t.is(stage.dials.length, 1);
});

test('a conversation of single bytes gives the same bytes at both ends', async (t) => {
	const stage = await startStage(t);
	const steps = conversation(stage);
	const client = await stage.connect();
	const writing = client.writeBytewise(Buffer.from(steps.map((step) => step.request).join('')));
	const origin = await stage.accept();
	const bytewise = Array.from({ length: 1_000 }, (_, i) => i);
	t.is(await serve(origin, steps, bytewise), steps.map((step) => step.seen).join(''));
	await writing;
	client.end();
	t.is(String((await client.readToEnd()).bytes), steps.map((step) => step.answer).join(''));
});
