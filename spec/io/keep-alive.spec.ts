// What the kernel says about the sockets of a gateway that has two peers who are silent.
import { readFileSync } from 'node:fs';
import test, { type ExecutionContext } from 'ava';
import { createGateway } from '../../lib/index.ts';
import { handshakeOf, readReply } from '../helpers/handshakes.ts';
import { connectRaw } from '../helpers/raw-client.ts';
import { mute, startTcpOrigin } from '../helpers/tcp-origins.ts';

/** `tr:tm->when` of /proc/net/tcp: which timer runs, and when it is due, in hundredths of a second. */
interface Timer {
	readonly isKeepAlive: boolean;
	readonly dueSeconds: number;
}

/** Of the socket of 127.0.0.1 between these ports; null when there is none. */
function timerOf(localPort: number, remotePort: number): Timer | null {
	const address = (port: number): string => `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`;
	for (const line of readFileSync('/proc/net/tcp', 'latin1').split('\n')) {
		const [, local, remote, , , timer] = line.trim().split(/\s+/);
		if (local !== address(localPort) || remote !== address(remotePort)) continue;
		const [which, when] = (timer as string).split(':') as [string, string];
		return { isKeepAlive: which === '02', dueSeconds: Number.parseInt(when, 16) / 100 };
	}
	return null;
}

async function timers(t: ExecutionContext, native: boolean, keepalive: string): Promise<(Timer | null)[]> {
	const origin = await startTcpOrigin(t, mute);
	const gateway = createGateway({
		listen: ['127.0.0.1:0'],
		exit: { allow_private: true, ports: 'all' },
		io: { native },
		timeouts: { keepalive },
	});
	await gateway.start();
	t.teardown(() => gateway.close());
	const port = Number(gateway.addresses[0]?.split(':').at(-1));
	const client = await connectRaw(t, port);
	client.write(handshakeOf('socks5', '127.0.0.1', origin.port));
	t.true((await readReply(client, 'socks5')).granted);
	const far = (await origin.take()).remotePort as number;
	return [timerOf(port, client.socket.localPort as number), timerOf(far, origin.port)];
}

for (const native of [true, false]) {
	const engine = native ? 'plain descriptors' : 'streams';
	test(`${engine}: either peer is asked after the silence that is configured, and never when that is off`, async (t) => {
		for (const timer of await timers(t, native, '3m')) {
			t.true(timer?.isKeepAlive);
			t.true(timer!.dueSeconds > 60 && timer!.dueSeconds <= 180, `${timer?.dueSeconds} s`);
		}
		for (const timer of await timers(t, native, 'off')) t.false(timer?.isKeepAlive);
	});
}
