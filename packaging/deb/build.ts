// `npm run deb`: dist/bauta_VERSION_ARCH.deb, of what `npm run build` has left in dist and of the production dependencies, with
// a Node of its own. Needs npm and dpkg-deb, no root. The same sources and SOURCE_DATE_EPOCH (by default the time of the last
// commit) give the same bytes.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { manifest } from '../../bin/manifest.ts';
import { installModules } from './modules.ts';
import { stage } from './stage.ts';

const ROOT = join(import.meta.dirname, '../..');

/** Debian's name and Node's name of a processor. */
const PROCESSORS: Readonly<Record<string, string>> = { amd64: 'x64', arm64: 'arm64' };

const { values } = parseArgs({
	options: {
		arch: { type: 'string', default: process.arch === 'arm64' ? 'arm64' : 'amd64' },
		/** `gzip` makes a package half as large again in a fifth of the time, for trials. */
		compression: { type: 'string', default: 'xz' },
		version: { type: 'string', default: manifest().version },
		out: { type: 'string', default: join(ROOT, 'dist') },
	},
});

const cpu = PROCESSORS[values.arch];
if (cpu === undefined) throw new Error(`no Node for ${values.arch}: ${Object.keys(PROCESSORS).join(', ')}`);
const epoch = Number(process.env.SOURCE_DATE_EPOCH ?? lastCommit());
const work = mkdtempSync(join(tmpdir(), 'bauta-deb-'));
try {
	const modules = installModules(ROOT, join(work, 'modules'), cpu);
	const tree = stage({
		root: ROOT,
		folder: join(work, 'tree'),
		modules,
		arch: values.arch,
		version: values.version,
		epoch,
	});
	console.log(pack(tree));
} finally {
	rmSync(work, { recursive: true, force: true });
}

/** Seconds since 1970; that of package.json where there is no git. */
function lastCommit(): string {
	try {
		return execFileSync('git', ['log', '-1', '--format=%ct'], {
			cwd: ROOT,
			encoding: 'utf8',
			stdio: ['ignore', 'pipe', 'ignore'],
		});
	} catch {
		return String(Math.floor(statSync(join(ROOT, 'package.json')).mtimeMs / 1_000));
	}
}

function pack(tree: string): string {
	const file = join(values.out, `bauta_${values.version}_${values.arch}.deb`);
	const env = { ...process.env, SOURCE_DATE_EPOCH: String(epoch) };
	execFileSync('dpkg-deb', ['--root-owner-group', `-Z${values.compression}`, '--build', tree, file], {
		env,
		stdio: ['ignore', 'ignore', 'inherit'],
	});
	return file;
}
