// The production dependencies for another machine, or this one, as npm installs them from the lock file, and what of them a
// running program needs.
import { execFileSync } from 'node:child_process';
import { cpSync, globSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';

export interface Modules {
	/** The folder node_modules. */
	readonly folder: string;
	/** The package of the Node that comes along. */
	readonly node: string;
	/** Every package in it but that Node. */
	readonly packages: readonly Package[];
}

export interface Package {
	readonly name: string;
	readonly version: string;
	/** An SPDX expression. */
	readonly license: string;
	/** What its licence says, whole. */
	readonly text: string;
}

/** What a program loads; the rest is for compilers and readers. */
const LOADED: ReadonlySet<string> = new Set(['.js', '.cjs', '.mjs', '.json', '.node']);

const UNUSED: ReadonlySet<string> = new Set(['test', 'tests', 'benchmarks', 'examples', 'docs']);

/** Installs into `folder`, for Linux with glibc on `cpu` (Node's word). Scripts of packages do not run. */
export function installModules(root: string, folder: string, cpu: string): Modules {
	mkdirSync(folder, { recursive: true });
	for (const name of ['package.json', 'package-lock.json', '.npmrc']) cpSync(join(root, name), join(folder, name));
	const flags = ['--omit=dev', '--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'];
	execFileSync('npm', ['ci', ...flags, '--os=linux', `--cpu=${cpu}`, '--libc=glibc'], {
		cwd: folder,
		stdio: ['ignore', 'ignore', 'inherit'],
	});
	const modules = join(folder, 'node_modules');
	const name = `node-linux-${cpu}`;
	return {
		folder: modules,
		node: join(modules, name),
		packages: packagesIn(modules).filter((one) => one.name !== name),
	};
}

function packagesIn(modules: string): Package[] {
	const manifests = globSync(['*/package.json', '@*/*/package.json', '**/node_modules/*/package.json'], {
		cwd: modules,
	});
	return manifests.sort().map((file) => packageOf(join(modules, dirname(file))));
}

function packageOf(folder: string): Package {
	const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Package;
	return { name, version, license, text: licenseIn(folder) };
}

/** The text of a licence in a package; empty where it only names one. */
export function licenseIn(folder: string): string {
	const file = readdirSync(folder)
		.sort()
		.find((name) => /^(licen[cs]e|copying)/i.test(name));
	return file === undefined ? '' : readFileSync(join(folder, file), 'utf8');
}

/** Copies what a program loads of them to `to`, without the Node. */
export function copyModules({ folder, node }: Modules, to: string): void {
	cpSync(folder, to, { recursive: true, filter: (path) => path === folder || (path !== node && isLoaded(path)) });
	// A build for another C library than Debian's.
	for (const other of globSync('@koromix/*/musl_*', { cwd: to })) rmSync(join(to, other), { recursive: true });
	removeEmpty(to);
}

function isLoaded(path: string): boolean {
	const name = basename(path);
	if (name.startsWith('.')) return false;
	return statSync(path).isDirectory() ? !UNUSED.has(name) : LOADED.has(extname(name));
}

function removeEmpty(folder: string): void {
	for (const entry of readdirSync(folder, { withFileTypes: true })) {
		if (entry.isDirectory()) removeEmpty(join(folder, entry.name));
	}
	if (readdirSync(folder).length === 0) rmSync(folder, { recursive: true });
}
