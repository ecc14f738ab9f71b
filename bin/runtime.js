// Runs at the end of `npm ci` in a checkout, under whatever Node runs npm: makes sure that the Node which came along starts
// on this machine. From 25 on Node's builds need libatomic.so.1 (nodejs/node#60790), which a Debian without a compiler
// does not have: root on a system with apt-get gets it installed, everybody else is told. Silent when all is well.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const NODE = fileURLToPath(new URL('../node_modules/.bin/node', import.meta.url));
const PACKAGE = 'libatomic1';

/** Why the Node that came along does not start; null when it does, or when none came for this machine. */
function trouble() {
	if (!existsSync(NODE)) return null;
	const { status, stderr, error } = spawnSync(NODE, ['--version'], { encoding: 'utf8' });
	return status === 0 ? null : (error?.message ?? stderr.trim());
}

function install() {
	console.log(`bauta: installing ${PACKAGE}, which Node needs, with apt-get ...`);
	const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
	const aptGet = (...args) => spawnSync('apt-get', ['-qq', ...args], { env, stdio: ['ignore', 'ignore', 'inherit'] });
	aptGet('update');
	aptGet('install', '--yes', '--no-install-recommends', PACKAGE);
}

if (trouble()?.includes('libatomic') && process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')) install();

const left = trouble();
if (left !== null) {
	const remedy = left.includes('libatomic') ? `; on Debian and Ubuntu: apt-get install ${PACKAGE}` : '';
	console.error(`bauta: the Node that it brings does not start here: ${left}${remedy}`);
	process.exitCode = 1;
}
