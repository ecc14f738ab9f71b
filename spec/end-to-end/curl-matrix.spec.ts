// curl, as a person uses it: every way it can speak to a proxy, to an HTTP and an HTTPS origin, big bodies down and up,
// straight and through a chain of other people's proxies.
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { type GatewayProcess, startGateway, temporaryFolder } from '../helpers/gateway-process.ts';
import { startMicrosocks, startTinyproxy } from '../helpers/hops.ts';
import { run } from '../helpers/process.ts';
import { needs, program } from '../helpers/programs.ts';
import { type Scope, scopeOfFile } from '../helpers/scope.ts';
import { CERTIFICATE_FILE, pattern, startWebOrigin, sumOfPattern, type WebOrigin } from '../helpers/web-origins.ts';

const BODY_BYTES = 20_000_000;
const OPEN = ['--allow-private', '--allow-ports', 'all'];

/** curl's options for a proxy at `address`, and the host it is asked for: an address, or a name where the proxy resolves. */
const WAYS: readonly (readonly [way: string, options: (address: string) => string[], host: string])[] = [
	['--socks4', (address) => ['--socks4', address], '127.0.0.1'],
	['--socks4a', (address) => ['--socks4a', address], 'localhost'],
	['--socks5', (address) => ['--socks5', address], '127.0.0.1'],
	['--socks5-hostname', (address) => ['--socks5-hostname', address], 'localhost'],
	['-x http://', (address) => ['-x', `http://${address}`], 'localhost'],
	['-x http:// -p', (address) => ['-x', `http://${address}`, '-p'], 'localhost'],
];

interface Place {
	readonly gateway: GatewayProcess;
	readonly http: WebOrigin;
	readonly https: WebOrigin;
	/** BODY_BYTES of the pattern. */
	readonly file: string;
}

const scope: Scope = scopeOfFile(test);
const SUM: string = sumOfPattern(BODY_BYTES);
const routes: Readonly<Record<string, () => Promise<Place>>> = {
	direct: once(() => place([])),
	'socks5 and http hops': once(async () => {
		const [first, second] = [await startMicrosocks(scope), await startTinyproxy(scope)];
		return place(['-F', `${first.url},${second.url}`]);
	}),
};

function once<T>(make: () => Promise<T>): () => Promise<T> {
	let made: Promise<T> | null = null;
	return () => {
		made ??= make();
		return made;
	};
}

async function place(args: string[]): Promise<Place> {
	const file = join(temporaryFolder(scope), 'body');
	writeFileSync(file, Buffer.concat([...pattern(BODY_BYTES)]));
	const [http, https] = [await startWebOrigin(scope), await startWebOrigin(scope, { secure: true })];
	return { gateway: await startGateway(scope, [...OPEN, ...args]), http, https, file };
}

async function curl(args: string[]): Promise<Buffer> {
	const done = await run(scope, program('curl'), [
		'-sS',
		'--fail',
		'--cacert',
		CERTIFICATE_FILE,
		'--noproxy',
		'',
		...args,
	]);
	if (done.code !== 0) throw new Error(`curl ended with ${done.code}: ${done.stderr}`);
	return done.stdout;
}

for (const [route, start] of Object.entries(routes)) {
	const declare =
		route === 'direct' ? needs(test.serial, 'curl') : needs(test.serial, 'curl', 'microsocks', 'tinyproxy');
	for (const [way, options, host] of WAYS) {
		for (const scheme of ['http', 'https'] as const) {
			declare(`curl ${way} to ${scheme}, ${route}: bodies down and up arrive whole`, async (t) => {
				const { gateway, file, ...origins } = await start();
				const url = `${scheme}://${host}:${origins[scheme].port}`;
				const down = await curl([...options(gateway.address), `${url}/bytes/${BODY_BYTES}`]);
				t.is(createHash('sha256').update(down).digest('hex'), SUM);
				const up = await curl([...options(gateway.address), '-T', file, `${url}/up`]);
				t.is(up.toString(), SUM);
			});
		}
	}
}
