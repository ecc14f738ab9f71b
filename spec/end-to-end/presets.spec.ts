// The configurations of conf/, each started as it is, on a port of its own and with a Redis of its own, and used.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { startGateway } from '../helpers/gateway-process.ts';
import { handshakeOf, readReply } from '../helpers/handshakes.ts';
import { needs } from '../helpers/programs.ts';
import { connectRaw } from '../helpers/raw-client.ts';
import { startRedis } from '../helpers/redis.ts';
import { echo, startTcpOrigin } from '../helpers/tcp-origins.ts';

const CONF = join(import.meta.dirname, '../../conf');

for (const name of readdirSync(CONF).filter((file) => file.endsWith('.toml'))) {
	needs(test, 'redis-server')(`conf/${name} serves, and its log says nothing of who was there`, async (t) => {
		const { url } = await startRedis(t);
		const origin = await startTcpOrigin(t, echo);
		const redis = name === 'bauta.toml' ? [] : ['--redis', url];
		const flags = ['-c', join(CONF, name), '--allow-private', '--allow-ports', 'all', ...redis];
		const gateway = await startGateway(t, flags);
		if (redis.length > 0) await gateway.record(({ msg }) => String(msg).includes('limits are shared'));
		const client = await connectRaw(t, gateway.port);
		client.write(Buffer.concat([handshakeOf('socks5', '127.0.0.1', origin.port), Buffer.from('hello')]));
		t.true((await readReply(client, 'socks5')).granted);
		t.is(String(await client.read(5)), 'hello');
		client.socket.end();
		const flow = await gateway.record(({ msg }) => msg === 'flow');
		t.is(flow.cause, 'closed');
		t.false(JSON.stringify(gateway.records).includes(`127.0.0.1:${origin.port}`));
		t.is(await gateway.stop(), 0);
	});
}
