// The Dockerfile without an engine: its instructions are run one after the other in a copy of this system, where an image of
// Node is this Node; then what it starts is started, on a file system that is read-only.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import test from 'ava';
import { ORIGIN } from '../helpers/deb.ts';
import { temporaryFolder } from '../helpers/gateway-process.ts';
import type { Inside } from '../helpers/inside.ts';
import { until } from '../helpers/process.ts';
import { needs } from '../helpers/programs.ts';
import { copyOfSystem } from '../helpers/system-copy.ts';

const ROOT = join(import.meta.dirname, '../..');
const DOCKERFILE = readFileSync(join(ROOT, 'Dockerfile'), 'utf8');

interface Instruction {
	readonly word: string;
	readonly rest: string;
}

const INSTRUCTIONS: readonly Instruction[] = DOCKERFILE.replaceAll('\\\n', ' ')
	.split('\n')
	.filter((line) => /^[A-Z]/.test(line))
	.map((line) => ({ word: line.split(' ', 1)[0]!, rest: line.slice(line.indexOf(' ') + 1) }));

/** What the last instruction of this name says. */
function last(word: string): string {
	return INSTRUCTIONS.findLast((one) => one.word === word)!.rest;
}

/** The words of the JSON form. */
function words(rest: string): string[] {
	return JSON.parse(rest.slice(rest.indexOf('['))) as string[];
}

/** What the stages do to files; the two stages share one system, and are told apart by their folders. */
async function build(system: Inside): Promise<void> {
	let folder = '/';
	for (const { word, rest } of INSTRUCTIONS) {
		if (word === 'WORKDIR') folder = rest;
		const command = commandOf(word, rest);
		if (command !== null) await system.output(`mkdir -p ${folder} && cd ${folder} && ${PATH} && ${command}`);
	}
	await system.output('rm -rf /src');
}

/** npm has everything in its cache, and no network here. */
const PATH = `export npm_config_offline=true PATH=${dirname(process.execPath)}:$PATH`;

function commandOf(word: string, rest: string): string | null {
	if (word === 'RUN') return rest;
	if (word !== 'COPY') return null;
	const from = rest.startsWith('--from=');
	const paths = rest.split(' ').slice(from ? 1 : 0);
	const to = paths.pop();
	const sources = from ? paths : paths.map((path) => `/mnt/shared/${path}${path === '.' ? '/.' : ''}`);
	return `cp -r ${sources.join(' ')} ${to}`;
}

const root = needs(test, 'unshare', 'nsenter', 'setpriv', 'curl', 'ip', 'git');

root(
	'the Dockerfile makes what serves as nobody on a read-only file system, and says that it is healthy',
	async (t) => {
		const context = temporaryFolder(t);
		execFileSync('git', ['checkout-index', '--all', `--prefix=${context}/`], { cwd: ROOT });
		const system = await copyOfSystem(t, context);
		await build(system);
		for (const volume of words(last('VOLUME')))
			await system.output(`mount -t tmpfs -o uid=1000,gid=1000,mode=$(stat -c %a ${volume}) volume ${volume}`);
		await system.output('mount -o remount,ro /');
		t.not((await system.sh('touch /app/file')).code, 0);

		const [user, group] = last('USER').split(':');
		const as = `${PATH}; cd ${last('WORKDIR')}; export ${last('ENV')}; exec setpriv --reuid ${user} --regid ${group} --clear-groups`;
		const healthy = `${as} ${words(last('HEALTHCHECK')).join(' ')}`;
		t.is((await system.sh(healthy)).code, 69);
		const flags = '--allow-private --allow-ports all';
		const gateway = system.start(`${as} ${[...words(last('ENTRYPOINT')), ...words(last('CMD'))].join(' ')} ${flags}`);
		await until(
			'it is healthy',
			() => system.sh(healthy),
			({ code }) => code === 0,
		);
		system.start(`${PATH}; exec node -e "${ORIGIN.replaceAll('\n', ' ')}"`);
		const curl = `curl -sS --retry 9 --retry-connrefused -x http://127.0.0.1:${last('EXPOSE')} http://127.0.0.1:8080`;
		await until(
			'the origin is open',
			() => system.sh(curl),
			({ text }) => text === 'hello from the origin',
		);
		const { pid } = JSON.parse((await system.sh(healthy)).text) as { readonly pid: number };
		await system.output(`kill -${last('STOPSIGNAL').replace('SIG', '')} ${pid}`);
		await until(
			'it ends',
			async () => gateway.exitCode,
			(code) => code === 0,
		);
	},
);

test('the build is given no folder that it would have to throw away', (t) => {
	const ignored = readFileSync(join(ROOT, '.dockerignore'), 'utf8').split('\n');
	for (const path of ['.git', 'dist', 'node_modules']) t.true(ignored.includes(path), path);
	const copied = INSTRUCTIONS.filter(({ word, rest }) => word === 'COPY' && !rest.startsWith('--from'));
	for (const path of copied.flatMap(({ rest }) => rest.split(' ').slice(0, -1))) t.false(ignored.includes(path), path);
	for (const path of ['bin', 'lib', 'packaging', 'dashboard']) t.false(ignored.includes(path), path);
});
