import { chmodSync, existsSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { answerOf, post } from '../helpers/admin.ts';
import { bauta } from '../helpers/command.ts';
import { handshakeOf, readReply } from '../helpers/handshakes.ts';
import { freePort, until } from '../helpers/process.ts';
import { connectRaw, type RawClient } from '../helpers/raw-client.ts';
import { OPEN_CONFIG, startService } from '../helpers/service-process.ts';
import { startLoad } from '../helpers/steady-load.ts';
import { echo, startTcpOrigin } from '../helpers/tcp-origins.ts';

const DENY = `${OPEN_CONFIG}\n[[rule]]\naction = "deny"\n`;
const BROKEN = `${OPEN_CONFIG}\n[[rule]]\naction = "perhaps"\n`;

async function asked(t: ExecutionContext, port: number, target: number): Promise<{ client: RawClient; code: number }> {
	const client = await connectRaw(t, port);
	client.write(handshakeOf('connect', '127.0.0.1', target));
	return { client, code: (await readReply(client, 'connect')).code };
}

test('SIGHUP applies what the file says now, and a broken file changes nothing and says why', async (t) => {
	const origin = await startTcpOrigin(t, echo);
	const { gateway, write, status } = await startService(t);
	const { client } = await asked(t, gateway.port, origin.port);
	write(BROKEN);
	gateway.signal('SIGHUP');
	await gateway.record(({ msg }) => msg === 'reload refused');
	const { problem } = await gateway.record(({ msg, level }) => msg === 'configuration' && level === 'error');
	t.regex(String(problem), /bauta\.toml:\d+:\d+: rule\[0\]\.action: expected one of "allow", "deny", "report", found/);
	t.is((await asked(t, gateway.port, origin.port)).code, 200);
	t.is((await status()).reload?.ok, false);
	write(DENY);
	gateway.signal('SIGHUP');
	await gateway.record(({ msg }) => msg === 'reloaded');
	t.is((await asked(t, gateway.port, origin.port)).code, 403);
	t.is((await status()).reload?.ok, true);
	client.write('ping');
	t.is(String(await client.read(4)), 'ping');
});

test('bauta reload says where it listens now, or every problem and 78', async (t) => {
	const { admin, write, gateway } = await startService(t);
	const port = await freePort();
	write(OPEN_CONFIG.replace('"127.0.0.1:0"', `"127.0.0.1:0", "127.0.0.1:${port}"`));
	const good = await bauta(t, ['reload', '--admin', admin]);
	t.deepEqual(good, {
		code: 0,
		stdout: `in force, listening on 127.0.0.1:${gateway.port}, 127.0.0.1:${port}\n`,
		stderr: '',
	});
	write(BROKEN);
	const bad = await bauta(t, ['reload', '--admin', admin]);
	t.deepEqual([bad.code, bad.stdout], [78, '']);
	t.regex(bad.stderr, /^\S*bauta\.toml:\d+:\d+: .*\nbauta: nothing has changed\n$/);
	const taken = await startTcpOrigin(t);
	write(OPEN_CONFIG.replace('"127.0.0.1:0"', `"127.0.0.1:${taken.port}"`));
	const refused = await bauta(t, ['reload', '--admin', admin]);
	t.deepEqual([refused.code, /EADDRINUSE/.test(refused.stderr)], [78, true]);
});

test('a missing users file, an unreadable one and a missing credential refuse a reload by name', async (t) => {
	const { admin, write, folder } = await startService(t);
	const problemWith = async (file: string): Promise<string> => {
		write(`${OPEN_CONFIG}\n[users]\nfile = "${file}"\n`);
		const { status, json } = await post(admin, '/v1/reload');
		t.is(status, 422);
		return (json as { error: { problems: string[] } }).error.problems.join('\n');
	};
	t.regex(await problemWith('users'), /users\.file: expected a readable file, found ".*\/users" \(ENOENT\)$/);
	writeFileSync(join(folder, 'users'), 'no line of a users file\n');
	t.regex(await problemWith('users'), /users:1:1: expected "name:hash"/);
	t.regex(
		await problemWith('credential:users'),
		/expected a credential called "users" \(LoadCredential= in the unit\)/,
	);
});

test('with reload.watch a change of a file is enough, also in conf.d and of the users file', async (t) => {
	const { gateway, write, file, folder } = await startService(t, `${OPEN_CONFIG}\n[reload]\nwatch = true\n`);
	const reloads = (): number => gateway.records.filter(({ msg }) => msg === 'reloaded').length;
	// As editors do it: another file in the place of the old one.
	writeFileSync(join(folder, 'next'), `${OPEN_CONFIG}\n[users]\nfile = "users"\n[reload]\nwatch = true\n`);
	writeFileSync(join(folder, 'users'), '# nobody\n');
	renameSync(join(folder, 'next'), file);
	await until('the first reload', reloads, (count) => count === 1);
	writeFileSync(join(folder, 'users'), '# nobody at all\n');
	await until('the users file was read', reloads, (count) => count === 2);
	chmodSync(file, 0o600);
	write(`${OPEN_CONFIG}\n[reload]\nwatch = false\n`);
	await until('the last reload', reloads, (count) => count === 3);
	t.is(reloads(), 3);
});

test('what the log looks like changes with a reload', async (t) => {
	const { gateway, admin, write } = await startService(t);
	write(`${OPEN_CONFIG}\n[log]\nformat = "pretty"\n`);
	await post(admin, '/v1/reload');
	await until(
		'lines to read',
		() => gateway.output,
		(output) => /^\d\d:\d\d:\d\d\.\d{3} .*reloaded/m.test(output),
	);
	t.true(gateway.records.length > 0);
});

test('the admin listener moves with a reload, and stays where it is when that is refused', async (t) => {
	const at = (name: string, more = ''): string => `${OPEN_CONFIG}\n[admin]\nlisten = "FOLDER/${name}.sock"\n${more}`;
	const { admin, folder, write } = await startService(t, at('admin'), { adminFlag: false });
	write(at('b', '[[rule]]\naction = "deny"\nroute = "x"\n'));
	t.is((await post(admin, '/v1/reload')).status, 422);
	write(at('none/c'));
	t.regex(JSON.stringify((await post(admin, '/v1/reload')).json), /none\/c\.sock: ENOENT/);
	t.is((await answerOf(admin, '/v1/status')).status, 200);
	write(at('b'));
	t.is((await post(admin, '/v1/reload')).status, 200);
	const moved = join(folder, 'b.sock');
	const { pid } = (await answerOf(moved, '/v1/status')).json as { pid: number };
	t.false(existsSync(admin));
	process.kill(pid, 'SIGTERM');
});

test('ten reloads under load cost nobody anything', async (t) => {
	const { gateway, admin, write } = await startService(t);
	const load = await startLoad(t, gateway.port);
	await until(
		'load',
		() => load.done,
		(done) => done > 20,
	);
	for (let i = 0; i < 10; i++) {
		write(`${OPEN_CONFIG}\n[timeouts]\nhandshake = "${10 + i}s"\n`);
		const before = load.done;
		t.is((await post(admin, '/v1/reload')).status, 200);
		await until(
			'load goes on',
			() => load.done,
			(done) => done > before + 10,
		);
	}
	await load.stop();
	t.deepEqual(load.failures, []);
});
