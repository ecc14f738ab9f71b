// Where every package comes from and what it may do: the lock file is the list, and nothing that is not in it runs. What
// `npm audit signatures` does beside this needs the registry; SECURITY.md says when.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { temporaryFolder } from './helpers/gateway-process.ts';
import { run } from './helpers/process.ts';

const ROOT = join(import.meta.dirname, '..');

interface Locked {
	readonly version?: string;
	readonly resolved?: string;
	readonly integrity?: string;
	readonly license?: string;
	readonly dev?: boolean;
	readonly optional?: boolean;
	readonly link?: boolean;
	readonly hasInstallScript?: boolean;
	readonly os?: readonly string[];
	readonly cpu?: readonly string[];
	readonly libc?: readonly string[];
}

interface Manifest {
	readonly version: string;
	readonly scripts?: Readonly<Record<string, string>>;
	readonly dependencies: Readonly<Record<string, string>>;
	readonly devDependencies: Readonly<Record<string, string>>;
	readonly optionalDependencies: Readonly<Record<string, string>>;
	readonly overrides: Readonly<Record<string, string>>;
}

function json<T>(path: string): T {
	return JSON.parse(readFileSync(join(ROOT, path), 'utf8')) as T;
}

const manifest = json<Manifest>('package.json');
const packages: readonly (readonly [path: string, locked: Locked])[] = Object.entries(
	json<{ readonly packages: Readonly<Record<string, Locked>> }>('package-lock.json').packages,
).filter(([path]) => path !== '');

const namesOf = (isBad: (locked: Locked, path: string) => boolean): string[] =>
	packages.filter(([path, locked]) => isBad(locked, path)).map(([path]) => path);

test('every direct dependency is of one exact version, and the lock has that one', (t) => {
	const { dependencies, devDependencies, optionalDependencies, overrides } = manifest;
	const direct = { ...dependencies, ...devDependencies, ...optionalDependencies };
	t.true(Object.keys(direct).length > 10);
	for (const [name, version] of Object.entries({ ...direct, ...overrides }))
		t.regex(version, /^\d+\.\d+\.\d+(-[\w.]+)?$/, name);
	const locked = new Map(packages);
	for (const [name, version] of Object.entries(direct))
		t.is(locked.get(`node_modules/${name}`)?.version, version, name);
});

/** A tool of developers for another system than those that bauta ships to: npm installs it nowhere here. */
function isElsewhere({ dev, optional, os, cpu, libc }: Locked): boolean {
	const isHere = [os, ['linux']].every((list) => list?.includes('linux') ?? true);
	const isOurs =
		(cpu?.some((name) => name === 'x64' || name === 'arm64') ?? true) && !(libc && !libc.includes('glibc'));
	return dev === true && optional === true && !(isHere && isOurs);
}

test('every package that can be installed has a SHA-512 in the lock', (t) => {
	t.true(packages.length > 200);
	t.deepEqual(
		namesOf((locked) => !/^sha512-[A-Za-z0-9+/]{86}==$/.test(locked.integrity ?? '') && !isElsewhere(locked)),
		[],
	);
	t.deepEqual(
		namesOf(({ dev, integrity }) => !dev && integrity === undefined),
		[],
		'what is shipped',
	);
});

// npm then asks where it is told to, and takes nothing that has another hash.
test('no package names a place of its own, and none is an address of a repository', (t) => {
	t.deepEqual(
		namesOf(
			({ resolved, link, version }) => link === true || resolved !== undefined || !/^\d+\.\d+\.\d+/.test(version ?? ''),
		),
		[],
	);
});

test('no package runs anything when it is installed, and what is installed says the same', (t) => {
	t.deepEqual(
		namesOf(({ hasInstallScript }) => hasInstallScript === true),
		[],
	);
	const installed = packages.flatMap(([path]) => {
		try {
			return [[path, json<Manifest>(`${path}/package.json`)] as const];
		} catch {
			return []; // of another system
		}
	});
	t.true(installed.length > 100);
	for (const [path, { scripts = {} }] of installed)
		t.deepEqual(
			['preinstall', 'install', 'postinstall'].filter((name) => name in scripts),
			[],
			path,
		);
});

/** Licences that let bauta be given on under its own. */
const LICENCES = [
	'MIT',
	'ISC',
	'BSD-2-Clause',
	'BSD-3-Clause',
	'0BSD',
	'Apache-2.0',
	'BlueOak-1.0.0',
	'MIT OR Apache-2.0',
	'(MIT OR CC0-1.0)',
];

test('every licence is one of a list', (t) => {
	t.deepEqual(
		namesOf((locked) => !LICENCES.includes(locked.license ?? 'none') && !isElsewhere(locked)),
		[],
	);
});

interface Bill {
	readonly bomFormat: string;
	readonly specVersion: string;
	readonly version: number;
	readonly metadata: { readonly component: Component };
	readonly components: readonly Component[];
	readonly dependencies: readonly { readonly ref: string; readonly dependsOn?: readonly string[] }[];
}

interface Component {
	readonly 'bom-ref': string;
	readonly type: string;
	readonly name: string;
	readonly version: string;
	readonly purl: string;
	readonly hashes?: readonly { readonly alg: string; readonly content: string }[];
	readonly licenses: readonly { readonly license?: { readonly id?: string }; readonly expression?: string }[];
}

test('the bill of materials has what is shipped and nothing else, each with its hash and licence', async (t) => {
	const file = join(temporaryFolder(t), 'sbom.cdx.json');
	const { code, stderr } = await run(t, process.execPath, [join(ROOT, 'packaging/sbom.ts'), file]);
	t.is(code, 0, stderr);
	const text = readFileSync(file, 'utf8');
	const bill = JSON.parse(text) as Bill;
	t.like(bill, { bomFormat: 'CycloneDX', specVersion: '1.5', version: 1 });
	t.like(bill.metadata.component, { type: 'application', name: 'bauta', version: manifest.version });
	const shipped = packages.filter(([, { dev }]) => !dev);
	t.deepEqual(
		bill.components.map(({ name, version }) => `${name}@${version}`).toSorted(),
		[
			...new Set(shipped.map(([path, { version }]) => `${path.replace(/^.*node_modules\//, '')}@${version}`)),
		].toSorted(),
	);
	const refs = [bill.metadata.component, ...bill.components].map((component) => component['bom-ref']);
	t.is(new Set(refs).size, refs.length);
	for (const { name, type, purl, hashes = [], licenses } of bill.components) {
		t.is(type, 'library');
		t.regex(purl, /^pkg:npm\/(%40[\w.-]+\/)?[\w.-]+@\d/);
		t.true(
			hashes.some(({ alg, content }) => alg === 'SHA-512' && /^[0-9a-f]{128}$/.test(content)),
			name,
		);
		t.true(licenses.length > 0, name);
	}
	for (const { ref, dependsOn = [] } of bill.dependencies)
		for (const name of [ref, ...dependsOn]) t.true(refs.includes(name), name);
	t.notRegex(text, /"(timestamp|serialNumber)"/);
});
