// Upgrade: RFC 9110 section 7.8, RFC 6455.
import test from 'ava';
import { answer, says, startStage } from '../helpers/exchange-stage.ts';

const ASK = ['Upgrade: websocket', 'Connection: keep-alive, Upgrade', 'Sec-WebSocket-Key: x'];
const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n';

test('behind a 101 both links carry what they like, early bytes included', async (t) => {
	const stage = await startStage(t);
	const released: unknown[] = [];
	stage.pool.release = (origin) => void released.push(origin);
	const client = await stage.connect();
	client.write(`${stage.get('/chat', ...ASK)}eager`);
	const origin = await stage.accept();
	await says(t, origin, stage.seen('GET', '/chat', ...ASK));
	origin.write(`${SWITCH}greeting`);
	await says(t, client, `${SWITCH}greeting`);
	await says(t, origin, 'eager');
	client.write('up');
	await says(t, origin, 'up');
	origin.end('down');
	const { bytes, ending } = await client.readToEnd();
	t.is(String(bytes), 'down');
	t.is(ending, 'fin');
	client.end();
	t.deepEqual(await stage.end(), { kind: 'ended', outcome: { cause: 'closed' } });
	t.is(stage.flows[0]?.upBytes, stage.get('/chat', ...ASK).length, 'early bytes are counted by who carries them');
	t.is(released.length, 1, 'the pool has forgotten the link');
});

test('an upgrade works byte by byte', async (t) => {
	const stage = await startStage(t);
	const client = await stage.connect();
	void client.writeBytewise(Buffer.from(stage.get('/chat', ...ASK)));
	const origin = await stage.accept();
	await says(t, origin, stage.seen('GET', '/chat', ...ASK));
	await origin.writeBytewise(Buffer.from(`${SWITCH}hi`));
	await says(t, client, `${SWITCH}hi`);
});

test('an upgrade works on a kept link and behind other requests', async (t) => {
	const stage = await startStage(t);
	const client = await stage.connect();
	client.write(stage.get('/1') + stage.get('/chat', ...ASK));
	const origin = await stage.accept();
	await says(t, origin, stage.seen('GET', '/1'));
	origin.write(answer('one'));
	await says(t, origin, stage.seen('GET', '/chat', ...ASK));
	origin.write(SWITCH);
	await says(t, client, answer('one') + SWITCH);
	client.write('frames');
	await says(t, origin, 'frames');
});

test('an upgrade that the origin does not want is an ordinary request', async (t) => {
	const stage = await startStage(t);
	const client = await stage.connect();
	client.write(stage.get('/chat', ...ASK) + stage.get('/next'));
	const origin = await stage.accept();
	await says(t, origin, stage.seen('GET', '/chat', ...ASK));
	origin.write(answer('no'));
	await says(t, client, answer('no'));
	await says(t, origin, stage.seen('GET', '/next'));
	origin.write(answer('next'));
	await says(t, client, answer('next'));
});

test('an upgrade with a body is not carried: its origin is asked in HTTP alone', async (t) => {
	const stage = await startStage(t);
	const client = await stage.connect();
	client.write(`${stage.request('POST', '/', 'Content-Length: 1', 'Upgrade: x', 'Connection: Upgrade')}b`);
	const origin = await stage.accept();
	await says(t, origin, `${stage.seen('POST', '/', 'Content-Length: 1')}b`);
	origin.write(SWITCH);
	t.regex(String(await client.readUntil('\r\n\r\n')), /^HTTP\/1\.1 502 .*error=http_upgrade_failed/s);
});

test('100 (Continue) and 101 may follow each other', async (t) => {
	const stage = await startStage(t);
	const client = await stage.connect();
	client.write(stage.get('/chat', ...ASK));
	const origin = await stage.accept();
	await says(t, origin, stage.seen('GET', '/chat', ...ASK));
	origin.write(`HTTP/1.1 102 Processing\r\n\r\n${SWITCH}`);
	await says(t, client, `HTTP/1.1 102 Processing\r\n\r\n${SWITCH}`);
	client.end('last');
	t.is(String((await origin.readToEnd()).bytes), 'last');
});
