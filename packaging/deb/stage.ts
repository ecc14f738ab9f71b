// The files of the package, where Debian 12 wants them, and dpkg's own in DEBIAN/.
import { createHash } from 'node:crypto';
import { chmodSync, cpSync, globSync, mkdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { copyModules, licenseIn, type Modules } from './modules.ts';
import { changelog, control, copyright } from './texts.ts';

export interface Contents {
	/** The checkout, built. */
	readonly root: string;
	/** Made here. */
	readonly folder: string;
	readonly modules: Modules;
	/** Debian's word. */
	readonly arch: string;
	readonly version: string;
	/** The time of every file, in seconds since 1970. */
	readonly epoch: number;
}

const HOME = 'usr/lib/bauta';
const DOC = 'usr/share/doc/bauta';

/** Not for everybody to read: who may log in, and where the ways out lead. */
const PRIVATE: Readonly<Record<string, number>> = {
	'etc/bauta': 0o750,
	'etc/bauta/conf.d': 0o750,
	'etc/bauta/bauta.toml': 0o640,
};

/** Becomes what it names, so that the main process of the service is Node. */
const COMMAND = `#!/bin/sh
exec /${HOME}/node /${HOME}/dist/bin/bauta.js "$@"
`;

/** Lays the tree out and returns its folder. */
export function stage(contents: Contents): string {
	program(contents);
	system(contents);
	documentation(contents);
	forDpkg(contents);
	settle(contents);
	return contents.folder;
}

function program({ root, folder, modules, version }: Contents): void {
	const home = join(folder, HOME);
	const dist = join(root, 'dist');
	for (const file of globSync('{bin,lib}/**/*.js', { cwd: dist })) cpSync(join(dist, file), join(home, 'dist', file));
	cpSync(join(root, 'dashboard'), join(home, 'dashboard'), { recursive: true });
	cpSync(join(modules.node, 'bin/node'), join(home, 'node'));
	copyModules(modules, join(home, 'node_modules'));
	for (const file of globSync('**/*.js', { cwd: home })) withoutInterpreter(join(home, file));
	const { name, description, license, type, exports } = JSON.parse(
		readFileSync(join(root, 'package.json'), 'utf8'),
	) as Record<string, unknown>;
	put(
		folder,
		`${HOME}/package.json`,
		`${JSON.stringify({ name, version, description, license, type, exports }, null, '\t')}\n`,
	);
	put(folder, 'usr/bin/bauta', COMMAND);
}

/** They are loaded, not run: a first line that names an interpreter would ask for Debian's. */
function withoutInterpreter(file: string): void {
	const text = readFileSync(file, 'utf8');
	if (text.startsWith('#!')) writeFileSync(file, text.replace(/^#!.*\n/, ''));
}

function system({ root, folder }: Contents): void {
	const unit = readFileSync(join(root, 'systemd/bauta.service'), 'utf8');
	put(folder, 'lib/systemd/system/bauta.service', unit.replaceAll('=bauta ', '=/usr/bin/bauta '));
	cpSync(join(root, 'systemd/bauta.socket'), join(folder, 'lib/systemd/system/bauta.socket'));
	cpSync(join(root, 'systemd/sysusers.conf'), join(folder, 'usr/lib/sysusers.d/bauta.conf'));
	cpSync(join(root, 'conf/bauta.toml'), join(folder, 'etc/bauta/bauta.toml'));
	mkdirSync(join(folder, 'etc/bauta/conf.d'));
	const completions = join(root, 'dist/share/completions');
	cpSync(join(completions, 'bauta.bash'), join(folder, 'usr/share/bash-completion/completions/bauta'));
	cpSync(join(completions, '_bauta'), join(folder, 'usr/share/zsh/vendor-completions/_bauta'));
	cpSync(join(completions, 'bauta.fish'), join(folder, 'usr/share/fish/vendor_completions.d/bauta.fish'));
}

function documentation({ root, folder, modules, version, epoch }: Contents): void {
	for (const section of [1, 5]) {
		const [file] = globSync(`*.${section}`, { cwd: join(root, 'dist/share/man') });
		const page = readFileSync(join(root, 'dist/share/man', file as string));
		put(folder, `usr/share/man/man${section}/${file}.gz`, compressed(page));
	}
	cpSync(join(root, 'README.md'), join(folder, DOC, 'README.md'));
	cpSync(join(root, 'docs'), join(folder, DOC, 'docs'), { recursive: true });
	for (const name of ['conf', 'systemd/bauta.service.d'])
		cpSync(join(root, name), join(folder, DOC, 'examples', name.replace('systemd/', '')), { recursive: true });
	const text = readFileSync(join(root, 'CHANGELOG.md'), 'utf8');
	put(folder, `${DOC}/changelog.gz`, compressed(changelog(text, version, epoch)));
	const node = { text: licenseIn(modules.node), version: nodeVersion(modules.node) };
	put(folder, `${DOC}/copyright`, copyright(readFileSync(join(root, 'LICENSE'), 'utf8'), node, modules.packages));
	put(
		folder,
		'usr/share/lintian/overrides/bauta',
		readFileSync(join(import.meta.dirname, 'debian/lintian-overrides'), 'utf8'),
	);
}

function nodeVersion(folder: string): string {
	return (JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { readonly version: string }).version;
}

/** Without the time of day, which gzip would write into it. */
function compressed(content: string | Uint8Array): Uint8Array {
	return gzipSync(content, { level: 9 });
}

function forDpkg({ folder, arch, version }: Contents): void {
	const files = globSync('**', { cwd: folder, withFileTypes: true }).filter((entry) => entry.isFile());
	const paths = files.map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1)).sort();
	const bytes = paths.reduce((sum, path) => sum + statSync(join(folder, path)).size, 0);
	const inEtc = paths.filter((path) => path.startsWith('etc/'));
	const sums = paths.filter((path) => !inEtc.includes(path)).map((path) => `${md5(join(folder, path))}  ${path}\n`);
	put(folder, 'DEBIAN/control', control(arch, version, Math.ceil(bytes / 1_024)));
	put(folder, 'DEBIAN/conffiles', inEtc.map((path) => `/${path}\n`).join(''));
	put(folder, 'DEBIAN/md5sums', sums.join(''));
	for (const name of ['postinst', 'prerm', 'postrm'])
		cpSync(join(import.meta.dirname, 'debian', name), join(folder, 'DEBIAN', name));
}

function md5(file: string): string {
	return createHash('md5').update(readFileSync(file)).digest('hex');
}

function put(folder: string, path: string, content: string | Uint8Array): void {
	mkdirSync(dirname(join(folder, path)), { recursive: true });
	writeFileSync(join(folder, path), content);
}

/** Modes and times that do not depend on who builds, and when. */
function settle({ folder, epoch }: Contents): void {
	const all = globSync('**', { cwd: folder, withFileTypes: true }).map((entry) => join(entry.parentPath, entry.name));
	for (const path of [...all, folder]) {
		chmodSync(path, modeOf(path.slice(folder.length + 1), path));
		utimesSync(path, epoch, epoch);
	}
}

function modeOf(path: string, file: string): number {
	const runs = path === `${HOME}/node` || statSync(file).isDirectory() || firstTwo(file) === '#!';
	return PRIVATE[path] ?? (runs ? 0o755 : 0o644);
}

function firstTwo(file: string): string {
	return readFileSync(file).toString('latin1', 0, 2);
}
