// Plain HTTP by a group of exits: which exit each request takes, whose links are kept for whom, and which answers are
// another exit's to better. The exits are two ways to the same origin, told apart by the order of their connections.
import test, { type ExecutionContext } from 'ava';
import type { RetryRule } from '../../lib/core/dialer.ts';
import type { Rotation } from '../../lib/outbound/group.ts';
import type { StrategyName } from '../../lib/registry.ts';
import { answer, dialPlainly, type Stage, says, startStage } from '../helpers/exchange-stage.ts';
import { type FakeMember, hopError, type Stand, standOf } from '../helpers/groups.ts';

interface Options {
	readonly count?: number;
	readonly rotate?: Rotation;
	readonly strategy?: StrategyName;
	readonly retry?: Partial<RetryRule> | null;
}

const RETRY: RetryRule = { statuses: new Set([403, 429]), methods: new Set(['GET', 'PUT']), tries: 2, bodyBytes: 10 };

async function start(t: ExecutionContext, options: Options = {}): Promise<Stage & { readonly stand: Stand }> {
	const { count = 3, rotate = 'request', strategy = 'round-robin', retry = null } = options;
	const stand = standOf(count, strategy, { rotate, retry: retry && { ...RETRY, ...retry } });
	for (const member of stand.members) member.dial = dialOf(member);
	const stage = await startStage(t, { outbound: stand.group });
	return Object.assign(stage, { stand });
}

function dialOf(member: FakeMember): FakeMember['dial'] {
	return (target, context) => {
		member.dials.push(target);
		return member.end === 'open' ? dialPlainly(target, context) : Promise.reject(member.end);
	};
}

const dials = ({ stand }: { stand: Stand }): string => stand.members.map((member) => member.dials.length).join();

const FORBIDDEN = 'HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno';

test('each request of one kept-alive client leaves by the next exit, and comes back to a kept link', async (t) => {
	const stage = await start(t);
	const client = await stage.connect();
	const origins = [];
	for (const exit of ['a', 'b', 'c']) {
		client.write(stage.get(`/${exit}`));
		const origin = await stage.accept();
		await says(t, origin, stage.seen('GET', `/${exit}`));
		origin.write(answer(exit));
		await says(t, client, answer(exit));
		t.is(stage.flows[0]?.exit, exit);
		origins.push(origin);
	}
	for (const [i, exit] of ['a', 'b', 'c'].entries()) {
		client.write(stage.get('/again'));
		await says(t, origins[i]!, stage.seen('GET', '/again'));
		origins[i]!.write(answer(exit));
		await says(t, client, answer(exit));
	}
	t.is(dials(stage), '1,1,1');
});

test('with a rotation by connection all requests of one client connection leave by one exit', async (t) => {
	const stage = await start(t, { rotate: 'connection' });
	for (const exit of ['a', 'b']) {
		const client = await stage.connect();
		client.write(stage.get('/1'));
		const origin = await stage.accept();
		for (const path of ['/1', '/2']) {
			if (path === '/2') client.write(stage.get(path));
			await says(t, origin, stage.seen('GET', path));
			origin.write(answer(exit));
			await says(t, client, answer(exit));
		}
	}
	t.is(dials(stage), '1,1,0');
});

test('a dial that failed over keeps its link for the exit that it came to', async (t) => {
	const stage = await start(t, { strategy: 'failover', count: 2 });
	stage.stand.members[0]!.end = hopError();
	const client = await stage.connect();
	client.write(stage.get('/1'));
	const origin = await stage.accept();
	await says(t, origin, stage.seen('GET', '/1'));
	origin.write(answer('one'));
	await says(t, client, answer('one'));
	t.is(stage.flows[0]?.exit, 'b');
	stage.stand.members[0]!.end = 'open';
	client.write(stage.get('/2'));
	const other = await stage.accept();
	await says(t, other, stage.seen('GET', '/2'));
	other.write(answer('two'));
	await says(t, client, answer('two'));
	t.is(stage.flows[0]?.exit, 'a');
	t.is(dials(stage), '2,1');
});

test('a listed status is asked for again by the next exit, and the client hears the better answer alone', async (t) => {
	const stage = await start(t, { retry: {} });
	const client = await stage.connect();
	client.write(stage.get('/page'));
	const first = await stage.accept();
	await says(t, first, stage.seen('GET', '/page'));
	first.write(FORBIDDEN);
	const second = await stage.accept();
	await says(t, second, stage.seen('GET', '/page'));
	second.write(answer('yes'));
	await says(t, client, answer('yes'));
	await first.readToEnd();
	t.is(stage.flows[0]?.requests, 1);
});

test('an exit that the site refused is not asked again for that site', async (t) => {
	const stage = await start(t, { retry: {}, strategy: 'failover', count: 2 });
	const client = await stage.connect();
	client.write(stage.get('/1'));
	(await stage.accept()).write(FORBIDDEN);
	const second = await stage.accept();
	second.write(answer('yes'));
	await says(t, client, answer('yes'));
	await says(t, second, stage.seen('GET', '/1'));
	client.write(stage.get('/2'));
	await says(t, second, stage.seen('GET', '/2'));
	second.write(answer('yes'));
	await says(t, client, answer('yes'));
	t.is(dials(stage), '1,1');
});

test('after so many exits, or when there is no other, the answer is the answer', async (t) => {
	for (const [retry, count, asked] of [
		[{ tries: 1 }, 3, 2],
		[{ tries: 9 }, 2, 2],
		[{ tries: 0 }, 3, 1],
	] as const) {
		const stage = await start(t, { retry, count });
		const client = await stage.connect();
		client.write(stage.get('/'));
		for (let i = 0; i < asked; i++) (await stage.accept()).write(FORBIDDEN);
		await says(t, client, FORBIDDEN);
		t.is(stage.originSockets.length, asked);
	}
});

test('other statuses and other methods pass as they are', async (t) => {
	for (const [request, reply] of [
		['GET', 'HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n'],
		['DELETE', FORBIDDEN],
	] as const) {
		const stage = await start(t, { retry: {} });
		const client = await stage.connect();
		client.write(stage.request(request, '/'));
		(await stage.accept()).write(reply);
		await says(t, client, reply);
		t.is(stage.originSockets.length, 1);
	}
});

test('a body within the bound is sent again whole, chunks and all', async (t) => {
	for (const [line, body] of [
		['Content-Length: 10', '0123456789'],
		['Transfer-Encoding: chunked', '1\r\na\r\n0\r\n\r\n'],
	] as const) {
		const stage = await start(t, { retry: { bodyBytes: 11 } });
		const client = await stage.connect();
		client.write(stage.request('PUT', '/', line) + body);
		const whole = stage.seen('PUT', '/', line) + body;
		const first = await stage.accept();
		await says(t, first, whole);
		first.write(FORBIDDEN);
		const second = await stage.accept();
		await says(t, second, whole);
		second.write(answer('yes'));
		await says(t, client, answer('yes'));
	}
});

test('a body that comes in pieces behind the head is sent again, too', async (t) => {
	const stage = await start(t, { retry: {} });
	const client = await stage.connect();
	client.write(stage.request('PUT', '/', 'Content-Length: 4'));
	const first = await stage.accept();
	for (const piece of ['ab', 'cd']) {
		client.write(piece);
		await first.readUntil(piece);
	}
	first.write(FORBIDDEN);
	const second = await stage.accept();
	await says(t, second, `${stage.seen('PUT', '/', 'Content-Length: 4')}abcd`);
	second.write(answer('yes'));
	await says(t, client, answer('yes'));
});

test('a longer body, and one that is not all here, is not sent again', async (t) => {
	for (const body of ['0123456789a', '01234']) {
		const stage = await start(t, { retry: {} });
		const client = await stage.connect();
		client.write(stage.request('PUT', '/', 'Content-Length: 11') + body);
		const origin = await stage.accept();
		await origin.readUntil(body);
		origin.write(FORBIDDEN);
		await client.readUntil('403 Forbidden');
		t.is(stage.originSockets.length, 1);
	}
});

test('an exit that says yes and then nothing fails its request once, is marked, and nothing is repeated', async (t) => {
	const stage = await start(t, { strategy: 'failover', count: 2, retry: {} });
	const client = await stage.connect();
	client.write(stage.get('/'));
	const origin = await stage.accept();
	await says(t, origin, stage.seen('GET', '/'));
	origin.end();
	await client.readUntil('502 Bad Gateway');
	t.is(dials(stage), '1,0');
	t.is(stage.stand.group.roster.members[0]?.doubts?.size, 1);
});

test('a kept link that was dying says nothing about its exit', async (t) => {
	const stage = await start(t, { strategy: 'failover', count: 2 });
	const client = await stage.connect();
	client.write(stage.get('/1'));
	const origin = await stage.accept();
	await says(t, origin, stage.seen('GET', '/1'));
	origin.write(answer('one'));
	await says(t, client, answer('one'));
	client.write(stage.get('/2'));
	await says(t, origin, stage.seen('GET', '/2'));
	origin.end();
	const fresh = await stage.accept();
	await says(t, fresh, stage.seen('GET', '/2'));
	fresh.write(answer('two'));
	await says(t, client, answer('two'));
	t.is(stage.stand.group.roster.members[0]?.doubts, null);
});
