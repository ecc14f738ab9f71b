// The Debian package: built, looked at by lintian, and installed into a copy of this system, where it serves, is upgraded with
// a tunnel open, and is purged without a trace. `npm run test:deb`; the same under a booted systemd is boot.spec.ts.
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import test from 'ava';
import { buildDeb, ORIGIN } from '../helpers/deb.ts';
import { temporaryFolder } from '../helpers/gateway-process.ts';
import { run, until } from '../helpers/process.ts';
import { needs, program } from '../helpers/programs.ts';
import { type Scope, scopeOfFile } from '../helpers/scope.ts';
import { copyOfSystem } from '../helpers/system-copy.ts';

const ROOT = join(import.meta.dirname, '../..');
const scope: Scope = scopeOfFile(test);
const shared: string = temporaryFolder(scope);

const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { readonly version: string };
const first: Promise<string> = buildDeb(scope, shared);
const second: Promise<string> = first.then(() => buildDeb(scope, shared, '--version', `${version}+next`));

needs(
	test,
	'dpkg-deb',
	'lintian',
)('lintian finds nothing that is not overridden with a reason', async (t) => {
	const allowed = 'uses-no-compression-for-control-tarball,uses-no-compression-for-data-tarball';
	const flags = ['--fail-on', 'error,warning', '--suppress-tags', allowed, '--allow-root'];
	const { code, stdout } = await run(t, program('lintian'), [...flags, await first]);
	t.deepEqual([stdout.toString(), code], ['', 0]);
});

needs(test, 'dpkg-deb')('the same sources give the same bytes', async (t) => {
	await second;
	const again = await buildDeb(scope, temporaryFolder(scope));
	t.is((await run(t, 'cmp', [await first, again])).stdout.toString(), '');
});

const OPEN = `[exit]
ports = "all"
allow_private = true
[admin]
listen = "/run/bauta/admin.sock"
[timeouts]
drain = "1m"
`;

const LEFTOVERS = `cd /mnt/changed && find . \\( -path ./mnt -o -path ./dev -o -path ./proc -o -path ./run -o -path ./tmp \\) -prune -o -not -type d -print`;
/** dpkg's own records, and those of useradd. */
const RECORDS =
	/^\.\/(var\/lib\/dpkg|var\/log|var\/cache|etc\/(passwd|group|shadow|gshadow|\.pwd\.lock|subuid|subgid)|var\/lib\/man-db)/;

const root = needs(test.serial, 'dpkg-deb', 'unshare', 'nsenter', 'setpriv', 'curl', 'ip');

root('installed it serves, upgraded it keeps its tunnels, purged it is gone', async (t) => {
	const copy = await copyOfSystem(t, shared);
	const sh = (command: string): Promise<string> => copy.output(command);
	const as = (user: string): string => `setpriv --reuid ${user} --regid ${user} --clear-groups`;
	const curl = 'curl -sS --max-time 60 -x http://127.0.0.1:1080 http://127.0.0.1:8080';

	await sh(`dpkg -i /mnt/shared/${basename(await first)}`);
	t.is(await sh('stat -c "%a %U %G" /etc/bauta /etc/bauta/bauta.toml'), '750 root bauta\n640 root bauta\n');
	t.not((await copy.sh('setpriv --reuid 65534 --regid 65534 --clear-groups cat /etc/bauta/bauta.toml')).code, 0);
	t.is(await sh('bauta --version; ls /etc/systemd/system/*.wants/bauta.* 2>/dev/null || true'), `${version}\n`);
	t.is(await sh(`${as('bauta')} bauta check -c /etc/bauta/bauta.toml`), 'the configuration is valid\n');

	writeFileSync(join(shared, 'open.toml'), OPEN);
	writeFileSync(join(shared, 'origin.cjs'), ORIGIN);
	await sh('cp /mnt/shared/open.toml /etc/bauta/conf.d; install -d -o bauta /run/bauta');
	copy.start('exec /usr/lib/bauta/node /mnt/shared/origin.cjs');
	copy.start(`exec ${as('bauta')} bauta serve -c /etc/bauta/bauta.toml`);
	const status = async (): Promise<string> => (await copy.sh('bauta status --json')).text;
	await until('it serves', status, (text) => text.includes(`"version":"${version}"`));
	t.is(await sh(curl), 'hello from the origin');

	const tunnel = copy.sh(`${curl}/hold -p`);
	await until('a tunnel is open', status, (text) => text.includes('"open":1'));
	await sh(`dpkg -i /mnt/shared/${basename(await second)}; bauta upgrade -c /etc/bauta/bauta.toml`);
	await until('the next one serves', status, (text) => text.includes(`"version":"${version}+next"`));
	t.is(await sh(`${curl}/go`), 'hello from the origin');
	t.like(await tunnel, { code: 0, text: 'begun ended', stderr: '' });

	await sh('bauta drain --deadline 1s');
	await until(
		'it has ended',
		async () => (await copy.sh('pgrep -u bauta')).text,
		(text) => text === '',
	);
	await sh('dpkg --purge bauta');
	const left = (await sh(LEFTOVERS)).split('\n').filter((path) => path !== '' && !RECORDS.test(path));
	t.deepEqual(left, []);
	t.is(
		(await copy.sh('getent passwd bauta || getent group bauta || ls -d /etc/bauta /usr/lib/bauta /var/lib/bauta')).text,
		'',
	);
});
