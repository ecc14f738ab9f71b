// What a reload changes and what it leaves alone, seen from outside.
import { once } from 'node:events';
import net from 'node:net';
import test, { type ExecutionContext } from 'ava';
import {
	ConfigError,
	type ConfigInput,
	createGateway,
	type Flow,
	type Gateway,
	type GatewayOptions,
	ListenError,
} from '../lib/index.ts';
import { handshakeOf, readReply } from './helpers/handshakes.ts';
import { freePort } from './helpers/process.ts';
import { connectRaw, type RawClient } from './helpers/raw-client.ts';
import { echo, startTcpOrigin } from './helpers/tcp-origins.ts';
import { startWebOrigin } from './helpers/web-origins.ts';

const OPEN: ConfigInput = { listen: ['127.0.0.1:0'], exit: { allow_private: true, ports: 'all' } };
const DENY_ALL: ConfigInput['rule'] = [{ name: 'nobody', action: 'deny' }];

async function started(t: ExecutionContext, input: ConfigInput = {}, options: GatewayOptions = {}): Promise<Gateway> {
	const gateway = createGateway({ ...OPEN, ...input }, options);
	await gateway.start();
	t.teardown(() => gateway.close());
	return gateway;
}

function portOf(address: string | undefined): number {
	return Number(address?.split(':').at(-1));
}

async function asks(t: ExecutionContext, port: number, target: number): Promise<{ client: RawClient; code: number }> {
	const client = await connectRaw(t, port);
	client.write(handshakeOf('connect', '127.0.0.1', target));
	return { client, code: (await readReply(client, 'connect')).code };
}

async function echoes(client: RawClient): Promise<boolean> {
	client.write('ping');
	return String(await client.read(4)) === 'ping';
}

test('a live tunnel keeps the rules it started with, the next connection meets the new ones', async (t) => {
	const origin = await startTcpOrigin(t, echo);
	const gateway = await started(t);
	const port = portOf(gateway.addresses[0]);
	const { client } = await asks(t, port, origin.port);
	await gateway.reload({ ...OPEN, rule: DENY_ALL });
	t.is(portOf(gateway.addresses[0]), port);
	t.true(await echoes(client));
	t.is((await asks(t, port, origin.port)).code, 403);
	await gateway.reload(OPEN);
	t.is((await asks(t, port, origin.port)).code, 200);
	t.true(await echoes(client));
});

test('flows are numbered through, and each is reported once whatever was reloaded meanwhile', async (t) => {
	const origin = await startTcpOrigin(t, echo);
	const ended: Flow[] = [];
	const gateway = await started(t, {}, { observer: { flowEnded: (flow) => ended.push(flow) } });
	const port = portOf(gateway.addresses[0]);
	const first = await asks(t, port, origin.port);
	await gateway.reload(OPEN);
	const second = await asks(t, port, origin.port);
	t.is(gateway.liveFlows, 2);
	for (const { client } of [first, second]) {
		client.end();
		await client.readToEnd();
	}
	await gateway.close();
	t.deepEqual(
		ended.map(({ id }) => id).sort((a, b) => a - b),
		[1, 2],
	);
	t.is(gateway.liveFlows, 0);
});

test('a kept-alive HTTP connection ends behind its current request, announced', async (t) => {
	const origin = await startWebOrigin(t);
	const gateway = await started(t);
	const client = await connectRaw(t, portOf(gateway.addresses[0]));
	const ask = `GET http://127.0.0.1:${origin.port}/ HTTP/1.1\r\nHost: 127.0.0.1:${origin.port}\r\n\r\n`;
	client.write(ask);
	t.false(/^connection: close/im.test(String(await client.readUntil('\r\n\r\n'))));
	await gateway.reload({ ...OPEN, rule: DENY_ALL });
	client.write(ask);
	const { bytes, ending } = await client.readToEnd();
	t.regex(String(bytes), /HTTP\/1\.1 200.*connection: close/is);
	t.is(ending, 'fin');
});

test('listeners are kept, added and closed by difference', async (t) => {
	const origin = await startTcpOrigin(t, echo);
	const gateway = await started(t, { listen: ['127.0.0.1:0', '127.0.0.2:0'] });
	const [first, second] = gateway.addresses.map(portOf) as [number, number];
	await gateway.reload({ ...OPEN, listen: ['127.0.0.3:0', '127.0.0.1:0'] });
	t.is(portOf(gateway.addresses[1]), first);
	t.is((await asks(t, first, origin.port)).code, 200);
	const gone = net.connect(second, '127.0.0.2');
	const [error] = (await once(gone, 'error')) as [NodeJS.ErrnoException];
	t.is(error.code, 'ECONNREFUSED');
	const added = await connectRaw(t, portOf(gateway.addresses[0]), { host: '127.0.0.3' });
	added.write(handshakeOf('connect', '127.0.0.1', origin.port));
	t.is((await readReply(added, 'connect')).code, 200);
});

test('a kept listener goes by its new place in the list', async (t) => {
	const origin = await startTcpOrigin(t, echo);
	const inbounds: string[] = [];
	const hooks = { accept: (inbound: string) => inbounds.push(inbound) > 0 };
	const gateway = await started(t, {}, { hooks });
	const port = portOf(gateway.addresses[0]);
	await asks(t, port, origin.port);
	await gateway.reload({ ...OPEN, listen: ['127.0.0.2:0', '127.0.0.1:0'] });
	await asks(t, port, origin.port);
	t.deepEqual(inbounds, ['listen-1', 'listen-2']);
});

test('a port moves from one address to every address, and back', async (t) => {
	const origin = await startTcpOrigin(t, echo);
	const port = await freePort();
	const gateway = await started(t, { listen: [`127.0.0.1:${port}`] });
	for (const listen of [`0.0.0.0:${port}`, `127.0.0.1:${port}`]) {
		await gateway.reload({ ...OPEN, listen: [listen] });
		t.deepEqual(gateway.addresses, [listen]);
		t.is((await asks(t, port, origin.port)).code, 200);
	}
});

test('a configuration that is no good changes nothing', async (t) => {
	const origin = await startTcpOrigin(t, echo);
	const gateway = await started(t);
	const before = gateway.config;
	const bad = { ...OPEN, rule: DENY_ALL, timeouts: { dial: 'soon' } };
	await t.throwsAsync(gateway.reload(bad), { instanceOf: ConfigError });
	t.is(gateway.config, before);
	t.is((await asks(t, portOf(gateway.addresses[0]), origin.port)).code, 200);
});

test('a listener that cannot start leaves all as it was', async (t) => {
	const origin = await startTcpOrigin(t, echo);
	const port = await freePort();
	const gateway = await started(t, { listen: [`127.0.0.1:${port}`] });
	const bad = ['127.0.0.2:0', `0.0.0.0:${port}`, '192.0.2.77:0'];
	const error = await t.throwsAsync(gateway.reload({ ...OPEN, listen: bad, rule: DENY_ALL }), {
		instanceOf: ListenError,
	});
	t.is(error?.code, 'EADDRNOTAVAIL');
	t.deepEqual(gateway.addresses, [`127.0.0.1:${port}`]);
	t.is((await asks(t, port, origin.port)).code, 200);
});

test('what a client has open counts on, under the new limits', async (t) => {
	const origin = await startTcpOrigin(t, echo);
	const limits = { connections_open: 2, connections_per_second: 0 };
	const gateway = await started(t, { limits });
	const port = portOf(gateway.addresses[0]);
	const held = [await asks(t, port, origin.port), await asks(t, port, origin.port)];
	await gateway.reload({ ...OPEN, limits: { ...limits, connections_open: 3 } });
	t.deepEqual([(await asks(t, port, origin.port)).code, (await asks(t, port, origin.port)).code], [200, 429]);
	await gateway.reload({ ...OPEN, limits: { ...limits, connections_open: 1 } });
	t.is((await asks(t, port, origin.port)).code, 429);
	for (const { client } of held) t.true(await echoes(client));
});

test('drain and close end what came in before a reload, too', async (t) => {
	const origin = await startTcpOrigin(t, echo);
	const causes: (string | undefined)[] = [];
	const observer = { flowEnded: ({ outcome }: Flow) => causes.push(outcome?.cause) };
	const gateway = await started(t, {}, { observer });
	const port = portOf(gateway.addresses[0]);
	const old = await asks(t, port, origin.port);
	await gateway.reload(OPEN);
	const young = await asks(t, port, origin.port);
	const drained = gateway.drain(60_000);
	t.true((await echoes(old.client)) && (await echoes(young.client)));
	old.client.end();
	await old.client.readToEnd();
	await gateway.close();
	await drained;
	t.deepEqual(causes, ['closed', 'drained']);
	await t.throwsAsync(gateway.reload(OPEN), { message: /draining/ });
});

test('reloads that are asked for at once happen one after the other', async (t) => {
	const origin = await startTcpOrigin(t, echo);
	const gateway = await started(t);
	const port = portOf(gateway.addresses[0]);
	await Promise.all([
		gateway.reload({ ...OPEN, listen: ['127.0.0.1:0', '127.0.0.2:0'] }),
		t.throwsAsync(gateway.reload({ ...OPEN, listen: ['192.0.2.77:0'] })),
		gateway.reload({ ...OPEN, rule: DENY_ALL }),
	]);
	t.deepEqual(gateway.addresses.map(portOf), [port]);
	t.is((await asks(t, port, origin.port)).code, 403);
});

test('no client gets to a listener that is protected', async (t) => {
	const secret = await startTcpOrigin(t, echo);
	const gateway = await started(t);
	const port = portOf(gateway.addresses[0]);
	gateway.protect(`127.0.0.1:${secret.port}`);
	await gateway.reload(OPEN);
	t.not((await asks(t, port, secret.port)).code, 200);
	gateway.protect(null);
	t.is((await asks(t, port, secret.port)).code, 200);
});
