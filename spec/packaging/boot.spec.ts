// The service under a systemd that was booted for it: a Debian of its own in which the package is installed, enabled, used,
// reloaded, upgraded, hung, stopped, given sockets and credentials, and purged. `npm run test:boot`.
import { writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import test from 'ava';
import { bootedSystem } from '../helpers/booted-system.ts';
import { buildDeb, ORIGIN } from '../helpers/deb.ts';
import { temporaryFolder } from '../helpers/gateway-process.ts';
import type { Inside } from '../helpers/inside.ts';
import { until } from '../helpers/process.ts';
import { needs } from '../helpers/programs.ts';
import { type Scope, scopeOfFile } from '../helpers/scope.ts';

const PROGRAMS = ['debootstrap', 'systemd-nspawn', 'unshare', 'nsenter', 'dpkg-deb', 'apt-get'] as const;
const OPEN = '[exit]\nports = "all"\nallow_private = true\n';
const DROP_INS = '/etc/systemd/system/bauta.service.d';
const EXAMPLES = '/usr/share/doc/bauta/examples/bauta.service.d';
const CURL = 'curl -sS --max-time 60 -x http://127.0.0.1:1080 http://127.0.0.1:8080';
const HELLO = 'hello from the origin';

const scope: Scope = scopeOfFile(test);
let system: Inside;
let debs: readonly string[];

/** One step after the other, in one system. */
const step = needs(test.serial, ...PROGRAMS);

step('a system boots, and installing the package opens nothing', async (t) => {
	const shared = temporaryFolder(scope);
	writeFileSync(join(shared, 'origin.cjs'), ORIGIN);
	const built = [await buildDeb(scope, shared, '--version', '1.0'), await buildDeb(scope, shared, '--version', '1.1')];
	debs = built.map((file) => `/mnt/${basename(file)}`);
	system = await bootedSystem(scope, shared);
	await system.output(`dpkg -i ${debs[0]}`);
	t.is(
		(await system.sh('systemctl is-enabled bauta bauta.socket; systemctl is-active bauta bauta.socket')).text,
		'disabled\ndisabled\ninactive\ninactive\n',
	);
	await system.output('systemd-run --quiet --unit origin /usr/lib/bauta/node /mnt/origin.cjs');
	await until(
		'the origin is open',
		() => system.sh('curl -s http://127.0.0.1:8080'),
		({ code }) => code === 0,
	);
});

step('enabled it serves, as a user of its own without a capability', async (t) => {
	await configure(OPEN);
	await system.output('systemctl enable --now bauta');
	t.is(await system.output(CURL), HELLO);
	const pid = await mainPid();
	const status = await system.output(`cat /proc/${pid}/status`);
	t.regex(status, /^CapBnd:\t0+$/m);
	t.regex(status, /^NoNewPrivs:\t1$/m);
	t.is(await system.output(`stat -c %U /proc/${pid} /run/bauta/admin.sock`), 'bauta\nbauta\n');
	t.regex(await show('StatusText'), /^serving: \d+ connections open, listening on 127\.0\.0\.1:1080$/);
});

step('a reload applies a file or says what is wrong with it, and the process stays', async (t) => {
	const pid = await mainPid();
	await configure(`${OPEN}[timeouts]\ndrain = "20s"\n`);
	await system.output('systemctl reload bauta');
	await configure('listen = 7\n');
	t.not((await system.sh('systemctl reload bauta')).code, 0);
	t.regex(
		await system.output('journalctl -u bauta -o cat'),
		/spec\.toml:1:10: listen: expected a list, found a number/,
	);
	await configure(OPEN);
	t.is(await system.output(CURL), HELLO);
	t.is(await mainPid(), pid);
	t.is(await show('ActiveState'), 'active');
});

step('an upgrade of the package hands over to the new version, and no tunnel is cut', async (t) => {
	const pid = await mainPid();
	const tunnel = await openTunnel();
	await system.output(`dpkg -i ${debs[1]}`);
	t.not(await mainPid(), pid, 'systemd knows the new main process');
	t.is(await show('ActiveState'), 'active');
	t.is(await show('NRestarts'), '0');
	t.regex(await system.output('bauta status'), /^bauta 1\.1 {2}serving/);
	t.is(await system.output(`${CURL}/go`), HELLO);
	t.is(await tunnel.ended, 'begun ended');
});

step('one that hangs is started again by the watchdog', async (t) => {
	await dropIn('watchdog', '[Service]\nWatchdogSec=2\n');
	await system.output('systemctl restart bauta');
	const pid = await mainPid();
	await system.output(`kill -STOP ${pid}`);
	await until('another main process', mainPid, (now) => now !== pid && now !== '0', 60_000);
	await until(
		'it serves',
		() => system.sh(CURL),
		({ text }) => text === HELLO,
	);
	t.is(await show('NRestarts'), '1');
	await system.output(`rm ${DROP_INS}/watchdog.conf; systemctl daemon-reload`);
});

step('a stop lets a tunnel end first', async (t) => {
	const tunnel = await openTunnel();
	const stopped = system.output('systemctl stop bauta');
	await until(
		'it drains',
		() => show('StatusText'),
		(text) => text.startsWith('draining'),
	);
	t.not((await system.sh(CURL)).code, 0);
	await system.output('curl -sS http://127.0.0.1:8080/go');
	t.is(await tunnel.ended, 'begun ended');
	await stopped;
	t.is(await show('Result'), 'success');
});

step('with bauta.socket the first client starts it, and a restart refuses nobody', async (t) => {
	await system.output(`cp ${EXAMPLES}/socket.conf ${DROP_INS}; systemctl daemon-reload; systemctl start bauta.socket`);
	t.is(await show('ActiveState'), 'inactive');
	t.is(await system.output(CURL), HELLO);
	t.is(await show('ActiveState'), 'active');
	const restarted = system.output('systemctl restart bauta');
	for (let i = 0; i < 20; i++) t.is(await system.output(CURL), HELLO);
	await restarted;
	await system.output('bauta upgrade');
	t.is(await system.output(CURL), HELLO);
	await system.output(`systemctl stop bauta bauta.socket; rm ${DROP_INS}/socket.conf`);
});

step('the drop-ins give it credentials, low ports, marks and bounds', async (t) => {
	const files = ['credentials', 'low-ports', 'network-admin', 'memory'].map((name) => `${EXAMPLES}/${name}.conf`);
	await system.output(`cp ${files.join(' ')} ${DROP_INS}; systemctl daemon-reload; cd /etc/bauta; umask 077
		echo s3same | bauta user hash alice > users; echo a-token > admin-token; echo a-password > redis-password`);
	await configure(`listen = ["127.0.0.1:1080", "127.0.0.1:80"]
users.file = "credential:users"
admin.token_file = "credential:admin-token"
source = [{ tag = "marked", from = ["127.0.0.1"], mark = 7 }]
rule = [{ action = "allow", port = "8080", address = ["127.0.0.1"], route = "marked" }]
`);
	await system.output('systemctl start bauta');
	t.is(await system.output('curl -sS -x http://alice:s3same@127.0.0.1:80 http://127.0.0.1:8080'), HELLO);
	t.is(await system.output(`${CURL} -o /dev/null -w '%{http_code}'`), '407');
	await system.output('systemctl reload bauta');
	const pid = await mainPid();
	await system.output(`dpkg -i ${debs[1]}`);
	t.not(await mainPid(), pid, 'an upgrade reads the credentials that the service has');
	t.is(await show('MemoryMax'), String(512 * 1_024 * 1_024));
});

step('without an admin socket a newer package is taken up, too', async (t) => {
	await system.output(`rm ${DROP_INS}/*; systemctl daemon-reload`);
	await configure(`${OPEN}[admin]\nlisten = "off"\n`);
	await system.output('systemctl restart bauta');
	const pid = await mainPid();
	await system.output(`dpkg -i ${debs[1]}`);
	await until('another main process', mainPid, (now) => now !== pid);
	t.is(await system.output(CURL), HELLO);
});

step('with workers the main process is the supervisor, which hands over as well', async (t) => {
	await configure(`workers = 2\n${OPEN}`);
	await system.output('systemctl restart bauta');
	t.is(await system.output(CURL), HELLO);
	t.is(await system.output(`pgrep -c -P ${await mainPid()}`), '2\n');
	const tunnel = await openTunnel();
	const pid = await mainPid();
	await system.output(`dpkg -i ${debs[1]}`);
	t.not(await mainPid(), pid);
	await system.output('systemctl reload bauta');
	t.is(await system.output(`${CURL}/go`), HELLO);
	t.is(await tunnel.ended, 'begun ended');
	await until(
		'the old one has ended',
		() => system.sh(`kill -0 ${pid}`),
		({ code }) => code !== 0,
	);
	t.is(await show('ActiveState'), 'active');
	t.is(await show('NRestarts'), '0');
});

step('purged it is gone, whatever it was doing', async (t) => {
	await dropIn('mine', '[Service]\nNice=1\n');
	await system.output('systemctl enable bauta; dpkg --purge bauta');
	const left = await system.output(`find / -xdev -name '*bauta*' -not -path '/mnt/*' -not -path '/proc/*'`);
	t.deepEqual(left.split('\n').filter(Boolean), [DROP_INS], 'what the operator made elsewhere stays');
	t.is((await system.sh('getent passwd bauta; getent group bauta; pgrep -f "[/]usr/lib/bauta/dist"')).text, '');
});

async function configure(toml: string): Promise<void> {
	await system.output(`cat > /etc/bauta/conf.d/spec.toml <<'END'\n${toml}END`);
}

async function dropIn(name: string, text: string): Promise<void> {
	await system.output(
		`mkdir -p ${DROP_INS}; cat > ${DROP_INS}/${name}.conf <<'END'\n${text}END\nsystemctl daemon-reload`,
	);
}

async function show(property: string): Promise<string> {
	return (await system.output(`systemctl show bauta --property ${property} --value`)).trim();
}

function mainPid(): Promise<string> {
	return show('MainPID');
}

/** Opens a tunnel through the gateway; `ended` is what has come out of it when it has ended. */
async function openTunnel(): Promise<{ readonly ended: Promise<string> }> {
	const ended = system.output(`${CURL}/hold --proxytunnel`);
	const open = async (): Promise<string> => system.output('bauta status');
	await until('a tunnel is open', open, (text) => /^connections +1 open/m.test(text));
	return { ended };
}
