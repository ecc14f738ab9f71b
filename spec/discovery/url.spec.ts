import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { UrlDiscovery, type UrlDiscoveryOptions } from '../../lib/discovery/url.ts';
import { parseHttpUrl } from '../../lib/io/fetch.ts';
import { Direct } from '../../lib/outbound/direct.ts';
import { chainOf, localResolver } from '../helpers/chains.ts';
import { temporaryFolder } from '../helpers/gateway-process.ts';
import { startMiniHop } from '../helpers/mini-hops.ts';
import { refusingPort } from '../helpers/tcp-origins.ts';
import { type Handler, startWebOrigin } from '../helpers/web-origins.ts';

interface Fetching {
	readonly heard: string[];
	/** The next thing it tells or notes. */
	next(): Promise<string>;
	start(): Promise<void>;
}

/** A text that begins with `m` is a list. */
function fetching(
	t: ExecutionContext,
	port: number,
	options: Partial<UrlDiscoveryOptions> = {},
	through = new Direct({}, { resolver: localResolver(t) }) as ConstructorParameters<typeof UrlDiscovery>[1]['through'],
): Fetching {
	const heard: string[] = [];
	const waiting: ((text: string) => void)[] = [];
	const hear = (text: string): void => {
		heard.push(text);
		for (const tell of waiting.splice(0)) tell(text);
	};
	const url = parseHttpUrl(`http://127.0.0.1:${port}/list?key=secret`)!;
	const discovery = new UrlDiscovery(
		{ url, refreshMs: 20, keep: null, ...options },
		{ through, note: (_level, event, facts) => hear(`${event}: ${String(facts?.why)}`) },
	);
	t.teardown(() => discovery.close());
	return {
		heard,
		next: () => new Promise((resolve) => waiting.push(resolve)),
		start: () =>
			discovery.start((bytes) => {
				hear(bytes.toString());
				return bytes.toString().startsWith('m');
			}),
	};
}

/** Answers one after the other; the last one from then on. */
function answers(...handlers: Handler[]): Handler {
	return (request, response) => (handlers.length > 1 ? handlers.shift()! : handlers[0]!)(request, response);
}

const says =
	(text: string, status = 200): Handler =>
	(_request, response) => {
		response.writeHead(status, { ETag: `"${text}"` });
		response.end(text);
	};

test('a list is fetched at once and again, by the way out that it names', async (t) => {
	const origin = await startWebOrigin(t, { handler: answers(says('m1'), says('m2')) });
	const hop = await startMiniHop(t, 'socks5');
	const list = fetching(t, origin.port, {}, chainOf(t, [`socks5://127.0.0.1:${hop.port}`]));
	const first = list.next();
	await list.start();
	t.is(await first, 'm1');
	t.is(await list.next(), 'm2');
	t.is(hop.asked[0], `127.0.0.1:${origin.port}`);
	t.is(origin.requests[0]?.url, '/list?key=secret');
	t.false(origin.requests[0]?.rawHeaders.includes('User-Agent'));
});

test('what has not changed is not sent again: the entity tag is shown', async (t) => {
	let asked: (() => void) | null = null;
	const second = new Promise<void>((resolve) => {
		asked = resolve;
	});
	const unchanged: Handler = (_request, response) => {
		response.writeHead(304).end();
		asked?.();
	};
	const origin = await startWebOrigin(t, { handler: answers(says('m1'), unchanged) });
	const list = fetching(t, origin.port);
	await list.start();
	await second;
	t.deepEqual(list.heard, ['m1']);
	const { rawHeaders } = origin.requests[1]!;
	t.is(rawHeaders[rawHeaders.indexOf('If-None-Match') + 1], '"m1"');
});

test('a broken answer is noted, and nothing is told or kept of it', async (t) => {
	const cut: Handler = (_request, response) => {
		response.writeHead(200, { 'Content-Length': 100 });
		response.write('m');
		setImmediate(() => response.destroy());
	};
	const keep = join(temporaryFolder(t), 'kept');
	for (const [handler, heard] of [
		[says('gone', 404), ['list not fetched: status 404']],
		[says('moved', 302), ['list not fetched: status 302']],
		[cut, ['list not fetched: answer cut off']],
		[says('<html>'), ['<html>', 'list not fetched: no list']],
	] as const) {
		const origin = await startWebOrigin(t, { handler });
		const list = fetching(t, origin.port, { keep, refreshMs: 3_600_000 });
		let said = list.next();
		await list.start();
		for (let i = 1; i < heard.length; i++) {
			await said;
			said = list.next();
		}
		await said;
		t.deepEqual(list.heard, heard);
		t.false(existsSync(keep));
	}
});

test('a server that cannot be reached is noted by its errno', async (t) => {
	const list = fetching(t, await refusingPort());
	const said = list.next();
	await list.start();
	t.is(await said, 'list not fetched: ECONNREFUSED');
});

test('the last good list is kept, for its owner alone, and is there for a start without the web', async (t) => {
	const keep = join(temporaryFolder(t), 'kept');
	const asked = Promise.withResolvers<void>();
	const second: Handler = (_request, response) => {
		response.writeHead(304).end();
		asked.resolve();
	};
	const origin = await startWebOrigin(t, { handler: answers(says('m1'), second) });
	await fetching(t, origin.port, { keep }).start();
	await asked.promise;
	t.is(readFileSync(keep, 'utf8'), 'm1');
	t.is(statSync(keep).mode & 0o777, 0o600);
	t.deepEqual(readdirSync(join(keep, '..')), ['kept']);
	const later = fetching(t, await refusingPort(), { keep });
	await later.start();
	t.deepEqual(later.heard, ['m1'], 'told before start has resolved');
});

test('where it cannot be kept that is noted, and the list is good', async (t) => {
	const folder = temporaryFolder(t);
	writeFileSync(join(folder, 'file'), '');
	const origin = await startWebOrigin(t, { handler: says('m1') });
	const list = fetching(t, origin.port, { keep: join(folder, 'file', 'kept'), refreshMs: 3_600_000 });
	await list.start();
	while (list.heard.length < 3) await list.next();
	t.deepEqual(list.heard, ['kept list not read: ENOTDIR', 'm1', 'list not kept: ENOTDIR']);
});
