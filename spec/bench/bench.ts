// `npm run bench -- [MODES]`: what the gateway costs, in CPU and memory of its own, beside the proxies of Debian that are installed
// here, one table a mode of load.c. README.md says how to read them.
import type { Scope } from '../helpers/scope.ts';
import { type Kind, LoadGenerator, type Measured, type Mode, median } from './load.ts';
import { type Candidate, startBauta, startPeers } from './proxies.ts';

const ROUNDS = 3;
const SECONDS = 2;
/** Memory is read when all tunnels have stood still for a while. */
const IDLE_SECONDS = 5;

interface Unit {
	readonly title: string;
	readonly atOnce: number;
	readonly cost: (measured: Measured) => number;
}

const perUnitUs = ({ cpuSeconds, done }: Measured): number => (1e6 * cpuSeconds) / done;
const perGigabyte = ({ cpuSeconds, bytes }: Measured): number => (1e9 * cpuSeconds) / bytes;
const perTunnelKb = ({ beforeKb, afterKb, open }: Measured): number => (afterKb - beforeKb) / open;

/** Memory comes first: it is honest only the first time that it grows. */
const UNITS: Readonly<Record<Mode, Unit>> = {
	i: { title: 'KB an idle tunnel', atOnce: 2_000, cost: perTunnelKb },
	c: { title: 'µs a connection', atOnce: 32, cost: perUnitUs },
	r: { title: 'µs a round trip', atOnce: 16, cost: perUnitUs },
	d: { title: 's a GB down', atOnce: 4, cost: perGigabyte },
	u: { title: 's a GB up', atOnce: 4, cost: perGigabyte },
	h: { title: 'µs a plain HTTP request', atOnce: 16, cost: perUnitUs },
};

/** One way that a load takes through one proxy. */
interface Lane {
	readonly name: string;
	readonly proxy: Candidate;
	readonly kind: Kind;
}

function lanesOf(all: readonly Candidate[], mode: Mode): Lane[] {
	return all.flatMap((proxy) =>
		proxy.kinds
			// tinyproxy serves one request a connection.
			.filter((kind) => (mode === 'h' ? kind === 'http' && proxy.name !== 'tinyproxy' : true))
			.map((kind) => ({ name: proxy.kinds.length > 1 ? `${proxy.name}, ${kind}` : proxy.name, proxy, kind })),
	);
}

/** The proxies in turn, round by round, so that a noisy minute falls on all of them; the first round warms up. */
async function measure(load: LoadGenerator, mode: Mode, lanes: readonly Lane[]): Promise<void> {
	const { atOnce, title, cost } = UNITS[mode];
	const rounds = mode === 'i' ? [0] : Array.from({ length: ROUNDS + 1 }, (_, i) => i);
	const seconds = mode === 'i' ? IDLE_SECONDS : SECONDS;
	const seen = new Map(lanes.map((lane) => [lane, [] as number[]]));
	const failures = new Map(lanes.map((lane) => [lane, 0]));
	for (const round of rounds) {
		for (const lane of lanes) {
			const measured = await load.run(lane.proxy, { kind: lane.kind, mode, atOnce, seconds });
			failures.set(lane, (failures.get(lane) ?? 0) + measured.failures);
			if (round > 0 || mode === 'i') seen.get(lane)?.push(cost(measured));
		}
	}
	const costs = lanes.map((lane) => median(seen.get(lane) ?? []));
	// Who failed at some of it, or whose processes came and went, has spent less than it takes.
	const isHonest = (lane: Lane, cost: number): boolean => cost > 0 && failures.get(lane) === 0;
	const best = Math.min(...costs.filter((cost, i) => !lanes[i]!.name.startsWith('bauta') && isHonest(lanes[i]!, cost)));
	console.log(`\n| proxy | ${title} | to the best peer | failures |\n|---|---|---|---|`);
	for (const [i, lane] of lanes.entries()) {
		const own = costs[i] as number;
		console.log(
			`| ${lane.name} | ${own.toFixed(own < 10 ? 2 : 1)} | ${(own / best).toFixed(2)} | ${failures.get(lane)} |`,
		);
	}
}

const asked = process.argv[2]?.split(',') ?? Object.keys(UNITS);
const undos: (() => void | Promise<void>)[] = [];
const scope: Scope = { teardown: (undo) => void undos.push(undo) };
try {
	const load = await LoadGenerator.start(scope);
	const all = [await startBauta(scope), ...(await startPeers(scope))];
	for (const mode of Object.keys(UNITS) as Mode[])
		if (asked.includes(mode)) await measure(load, mode, lanesOf(all, mode));
} finally {
	for (const undo of undos.reverse()) await undo();
}
