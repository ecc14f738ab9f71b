import test from 'ava';
import { answerOf, post } from '../helpers/admin.ts';
import { bauta } from '../helpers/command.ts';
import { handshakeOf, readReply } from '../helpers/handshakes.ts';
import { until } from '../helpers/process.ts';
import { connectRaw } from '../helpers/raw-client.ts';
import { OPEN_CONFIG, startService } from '../helpers/service-process.ts';
import { startLoad } from '../helpers/steady-load.ts';
import { echo, startTcpOrigin } from '../helpers/tcp-origins.ts';

test('upgrades under load cost nobody anything, and live tunnels stay with the process they began in', async (t) => {
	const origin = await startTcpOrigin(t, echo);
	const { gateway, admin, status } = await startService(t);
	const tunnel = await connectRaw(t, gateway.port);
	tunnel.write(handshakeOf('socks5', '127.0.0.1', origin.port));
	await readReply(tunnel, 'socks5');
	const load = await startLoad(t, gateway.port);
	await until(
		'load',
		() => load.done,
		(done) => done > 20,
	);
	let { pid } = await status();
	for (const way of ['signal', 'command'] as const) {
		if (way === 'signal') process.kill(pid, 'SIGUSR2');
		else t.like(await bauta(t, ['upgrade', '--admin', admin]), { code: 0, stderr: '' });
		const next = await until('another process', status, (now) => now.pid !== pid && now.state === 'serving');
		t.deepEqual(next.listening, [`127.0.0.1:${gateway.port}`]);
		pid = next.pid;
		const before = load.done;
		await until(
			'load goes on',
			() => load.done,
			(done) => done > before + 50,
		);
		tunnel.write('ping');
		t.is(String(await tunnel.read(4)), 'ping');
	}
	await load.stop();
	t.deepEqual(load.failures, []);
	t.true((await status()).flows.ended > 0);
	tunnel.end();
	t.is((await tunnel.readToEnd()).ending, 'fin');
	await post(admin, '/v1/drain');
	t.is(await gateway.exit(), 0);
});

test('an upgrade that cannot be started leaves the old process serving, and says why', async (t) => {
	const { gateway, admin, write, status } = await startService(t);
	const { pid } = await status();
	write('listen = 7\n');
	const failed = await bauta(t, ['upgrade', '--admin', admin]);
	t.deepEqual([failed.code, failed.stderr], [69, 'it ended with code 78\nbauta: this process serves on\n']);
	await gateway.record(({ msg }) => msg === 'upgrade failed');
	t.is((await status()).pid, pid);
	t.is((await status()).state, 'serving');
	await connectRaw(t, gateway.port);
	write(OPEN_CONFIG);
	t.is((await post(admin, '/v1/upgrade')).status, 200);
	await until('another process', status, (now) => now.pid !== pid);
});

test('an admin listener on TCP is handed over, too', async (t) => {
	const token = 'a-token-of-this-spec';
	const config = `${OPEN_CONFIG}\n[admin]\nlisten = "127.0.0.1:0"\ntoken = "${token}"\n`;
	const headers = { Authorization: `Bearer ${token}` };
	const { gateway } = await startService(t, config, { args: ['--admin', '127.0.0.1:0'] });
	const at = String((await gateway.record(({ msg }) => msg === 'admin listening')).address);
	const pidOf = async (): Promise<number> =>
		((await answerOf(at, '/v1/status', { headers })).json as { pid: number }).pid;
	const first = await pidOf();
	t.is((await post(at, '/v1/upgrade', {}, headers)).status, 200);
	const second = await until('another process', pidOf, (pid) => pid !== first);
	t.teardown(() => void process.kill(second, 'SIGKILL'));
	t.like(await gateway.record(({ msg }) => msg === 'draining'), { cause: 'upgrade' });
});
