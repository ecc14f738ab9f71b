import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import test from 'ava';
import { BIN, bauta } from '../helpers/command.ts';
import { temporaryFolder } from '../helpers/gateway-process.ts';
import { handshakeOf, readReply } from '../helpers/handshakes.ts';
import { startMiniHop } from '../helpers/mini-hops.ts';
import { startProcess } from '../helpers/process.ts';
import { connectRaw } from '../helpers/raw-client.ts';
import { OPEN_CONFIG, startService } from '../helpers/service-process.ts';
import { echo, refusingPort, startTcpOrigin } from '../helpers/tcp-origins.ts';

test('status is tables to read, or JSON', async (t) => {
	const { admin, file, gateway } = await startService(t);
	const { code, stdout, stderr } = await bauta(t, ['status', '-c', file, '--admin', admin]);
	t.deepEqual([code, stderr], [0, '']);
	t.regex(stdout, /^bauta \S+ {2}serving, up \S+/);
	t.true(stdout.includes(`listening on 127.0.0.1:${gateway.port}\n`));
	t.regex(stdout, /\nway out +type +open +opened +failed +dial\ndirect \* +direct +0 +0 +0 +-\n/);
	const json = JSON.parse((await bauta(t, ['status', '--json', '--admin', admin])).stdout) as { state: string };
	t.is(json.state, 'serving');
});

test('status --watch tells again and ends with the gateway', async (t) => {
	const { admin } = await startService(t);
	const child = startProcess(t, process.execPath, [BIN, 'status', '--watch', '--json', '--admin', admin]);
	const lines = createInterface({ input: child.stdout! });
	const [first] = (await once(lines, 'line')) as [string];
	const [second] = (await once(lines, 'line')) as [string];
	for (const line of [first, second]) t.is((JSON.parse(line) as { state: string }).state, 'serving');
	const ended = once(child, 'exit');
	t.like(await bauta(t, ['drain', '--admin', admin, '--deadline', '1s']), {
		code: 0,
		stdout: 'draining, 0 connections open\n',
	});
	t.deepEqual(await ended, [0, null]);
});

test('exits and status answer what an operator wants to know', async (t) => {
	const { admin } = await startService(t, OPEN_CONFIG);
	const said = async (...args: string[]): Promise<string> => (await bauta(t, [...args, '--admin', admin])).stdout;
	t.is((JSON.parse(await said('exits', '--json')) as unknown[]).length, 2);
	t.true((await said('status')).includes('limits are kept local\nnobody was refused\n'));
});

test('exits of groups are told by name, with their state and why they failed, and never by address or password', async (t) => {
	const [good, dead, origin] = [await startMiniHop(t, 'socks5'), await refusingPort(), await startTcpOrigin(t, echo)];
	const members = ['alice:s3cret@', ''].map((login, i) => `"socks5://${login}127.0.0.1:${i === 0 ? dead : good.port}"`);
	const group = `[[group]]\ntag = "pool"\nstrategy = "failover"\nmembers = [${members.join()}]\neject = { after = 1, rest = "1h" }`;
	const { admin, gateway } = await startService(t, `${OPEN_CONFIG}\n${group}\n`);
	const client = await connectRaw(t, gateway.port);
	client.write(handshakeOf('socks5', '127.0.0.1', origin.port));
	t.true((await readReply(client, 'socks5')).granted);
	const said = async (...args: string[]): Promise<string> => (await bauta(t, [...args, '--admin', admin])).stdout;
	const all = await said('exits');
	t.regex(all, /\npool: 2 exits, 1 open, 1 ejected, 0 half-open\n/);
	t.regex(
		all,
		/\npool:1 +ejected, \d+m \d+s +0 +0 +0 % +- +1 +connection_refused 1\npool:2 +open +1 +1 +100 % +\d+ ms +0\n/,
	);
	t.true((await said('status')).includes('pool: 2 exits, 1 open, 1 ejected'));
	const each = JSON.parse(await said('exits', 'pool', '--json')) as object[];
	t.like(each[0], { name: 'pool:1', state: 'ejected', open: 0, opened: 0, failed: 1 });
	t.like(each[1], { name: 'pool:2', state: 'open', open: 1, opened: 1, failed: 0, failedBy: {} });
	for (const secret of ['alice', 's3cret', '127.0.0.1', String(dead)]) t.false(all.includes(secret), secret);
	const none = await bauta(t, ['exits', 'nowhere', '--admin', admin]);
	t.deepEqual([none.code, none.stderr], [69, 'bauta: refused: no such group\n']);
});

test('nobody there, a wrong token and no place to ask each have their words and code', async (t) => {
	const nobody = join(temporaryFolder(t), 'none.sock');
	const missing = await bauta(t, ['status', '--admin', nobody]);
	t.is(missing.code, 69);
	t.is(missing.stderr, `bauta: nobody answers at ${nobody} (ENOENT): does it run, and with an admin listener there?\n`);
	const off = await bauta(t, ['drain', '--admin', 'off']);
	t.deepEqual([off.code, /give --admin/.test(off.stderr)], [64, true]);
	const token = { BAUTA_ADMIN__TOKEN: 'a-token-of-this-spec' };
	const { gateway } = await startService(t, OPEN_CONFIG, { args: ['--admin', '127.0.0.1:0'], env: token });
	const at = String((await gateway.record(({ msg }) => msg === 'admin listening')).address);
	t.is((await bauta(t, ['status', '--admin', at], { env: token })).code, 0);
	const wrong = await bauta(t, ['status', '--admin', at], { env: { BAUTA_ADMIN__TOKEN: 'another-token-than-that' } });
	t.is(wrong.code, 77);
	t.is((await bauta(t, ['status', '--admin', at])).code, 78);
});

test('an admin listener that cannot be had starts nothing', async (t) => {
	const { admin } = await startService(t);
	const taken = await bauta(t, ['-L', '127.0.0.1:0', '--admin', admin]);
	t.deepEqual([taken.code, taken.stderr], [69, `bauta: cannot listen on ${admin}: EADDRINUSE\n`]);
	const nowhere = await bauta(t, ['-L', '127.0.0.1:0', '--admin', '/none/admin.sock']);
	t.deepEqual([nowhere.code, nowhere.stderr], [69, 'bauta: cannot listen on /none/admin.sock: ENOENT\n']);
	const open = await bauta(t, ['-L', '127.0.0.1:0', '--admin', '127.0.0.1:0']);
	t.deepEqual([open.code, /expected admin\.token/.test(open.stderr)], [78, true]);
});
