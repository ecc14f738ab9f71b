// Writes dist/share/sbom.cdx.json, the bill of materials of what is shipped: CycloneDX, by `npm sbom`, of the lock file. Part of
// `npm run build`, so that the packages carry it; alone by `npm run sbom`. Left out is what is for developers, here and not by
// npm's `--omit=dev`, which leaves out what a tool of theirs needs, too. The time and the random number that npm puts in go as
// well: the same sources have the same file.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const ROOT = join(import.meta.dirname, '..');

/** Or wherever the first argument says. */
const FILE = process.argv[2] ?? join(ROOT, 'dist/share/sbom.cdx.json');

const WORDS = ['sbom', '--sbom-format=cyclonedx', '--sbom-type=application', '--package-lock-only'];

/** As much of it as is looked at here. */
interface Bill {
	readonly metadata: { readonly component: Component };
	readonly components: readonly Component[];
	readonly dependencies: readonly { readonly ref: string; readonly dependsOn?: readonly string[] }[];
}

interface Component {
	readonly 'bom-ref': string;
	readonly name: string;
	readonly version: string;
}

const { status, stdout, stderr, error } = spawnSync('npm', WORDS, { cwd: ROOT, encoding: 'utf8', maxBuffer: 2 ** 26 });
if (status !== 0) throw new Error(`npm sbom failed: ${error?.message ?? stderr}`);
mkdirSync(dirname(FILE), { recursive: true });
writeFileSync(FILE, `${JSON.stringify(shippedOf(JSON.parse(stdout) as Bill), null, '\t')}\n`);

function shippedOf(bill: Bill): object {
	const shipped = shippedPackages();
	const components = bill.components.filter(({ name, version }) => shipped.has(`${name}@${version}`));
	// npm calls the whole by the folder that it lies in.
	const component = { ...bill.metadata.component, name: 'bauta' };
	const refs = new Set([component, ...components].map((one) => one['bom-ref']));
	const dependencies = bill.dependencies
		.filter(({ ref }) => refs.has(ref))
		.map(({ ref, dependsOn = [] }) => ({ ref, dependsOn: dependsOn.filter((other) => refs.has(other)) }));
	const metadata = { ...bill.metadata, timestamp: undefined, component };
	return { ...bill, serialNumber: undefined, metadata, components, dependencies };
}

/** `name@version` of what the lock file does not keep for developers. */
function shippedPackages(): Set<string> {
	const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
		readonly packages: Readonly<Record<string, { readonly version: string; readonly dev?: boolean }>>;
	};
	const paths = Object.entries(lock.packages).filter(([path, { dev }]) => path !== '' && dev !== true);
	return new Set(paths.map(([path, { version }]) => `${path.replace(/^.*node_modules\//, '')}@${version}`));
}
