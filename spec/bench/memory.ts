// `npm run bench:memory`: resident memory of a gateway with ten thousand idle tunnels, when they have gone, and over a million
// connections that come and go. README.md says how to read it.
import { setTimeout as delay } from 'node:timers/promises';
import { descriptors, residentBytes } from '../helpers/process.ts';
import type { Scope } from '../helpers/scope.ts';
import { LoadGenerator, tunnelsUpTo } from './load.ts';
import { startBauta } from './proxies.ts';

const TUNNELS: number = tunnelsUpTo(10_000);
const CONNECTIONS = Number(process.argv[2] ?? 1_000_000);
const AT_ONCE = 64;
/** A part of the churn: behind each of them memory is read. */
const PART_SECONDS = 10;

const undos: (() => void | Promise<void>)[] = [];
const scope: Scope = { teardown: (undo) => void undos.push(undo) };
try {
	const load = await LoadGenerator.start(scope);
	const proxy = await startBauta(scope);
	const row = (what: string): void => {
		console.log(`| ${what} | ${(residentBytes(proxy.pid) / 1e6).toFixed(0)} | ${descriptors(proxy.pid)} |`);
	};
	console.log('\n| | RSS, MB | descriptors |\n|---|---|---|');
	await delay(2_000);
	row('at the start');
	for (const kind of ['socks5', 'http', 'socks5'] as const) {
		const idle = load.run(proxy, { kind, mode: 'i', atOnce: TUNNELS, seconds: 15 });
		await delay(12_000);
		row(`${TUNNELS} idle tunnels (${kind})`);
		const { open, failures } = await idle;
		if (open < TUNNELS || failures > 0) console.error(`${open} of ${TUNNELS} opened, ${failures} failures`);
		await delay(4_000);
		row('behind them');
	}
	for (let done = 0, next = 0; done < CONNECTIONS; ) {
		done += (await load.run(proxy, { kind: 'socks5', mode: 'c', atOnce: AT_ONCE, seconds: PART_SECONDS })).done;
		if (done < next && done < CONNECTIONS) continue;
		next = done + CONNECTIONS / 8;
		row(`${done} connections`);
	}
	await delay(4_000);
	row('at rest');
} finally {
	for (const undo of undos.reverse()) await undo();
}
