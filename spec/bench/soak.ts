// `npm run soak -- [MINUTES]`: ten minutes of hostile mixed traffic through a gateway of its own, every stream checked. What must
// hold is printed beside what was seen, and is the exit code: no byte of another's, no stream cut short that nobody cut, no
// life that does not end, no descriptor kept, memory flat. README.md says how to read it.
import { setTimeout as delay } from 'node:timers/promises';
import { startGateway } from '../helpers/gateway-process.ts';
import { descriptors, residentBytes, until } from '../helpers/process.ts';
import type { Scope } from '../helpers/scope.ts';
import { median } from './load.ts';
import { anyLife, LIVES, type Stage } from './soak-client.ts';
import { startSoakOrigin } from './soak-origin.ts';

const minutes = Number(process.argv[2] ?? 10);
const LANES = 96;
/** Twice what any life may take: an idle tunnel is ended after 8 seconds, or a little later. */
const STUCK_MS = 60_000;
/** Pipes that are kept, two descriptors each, and what node opens once. */
const SPARE_DESCRIPTORS = 40;

const CONFIG = `
[limits]
connections_per_second = 100000
connections_open = 5000
[[limits.exception]]
client = ["127.0.2.0/24"]
up_rate = "20MB"
down_rate = "20MB"
[[limits.exception]]
client = ["127.0.1.0/24"]
bytes_per_day = "3MB"
[timeouts]
handshake = "5s"
idle = "8s"
`;

const undos: (() => void | Promise<void>)[] = [];
const scope: Scope = { teardown: (undo) => void undos.push(undo) };
const findings = { bytes: 0, streams: 0, wrong: 0, short: 0 };
const lives = new Map<string, number>(Object.keys(LIVES).map((name) => [name, 0]));
let [stuck, failed] = [0, 0];

async function oneLife(stage: Stage): Promise<void> {
	const name = anyLife();
	const late = Promise.withResolvers<void>();
	const timer = setTimeout(() => {
		stuck++;
		console.error(`stuck: ${name}`);
		late.resolve();
	}, STUCK_MS);
	try {
		await Promise.race([LIVES[name]?.live(stage), late.promise]);
	} catch (error) {
		failed++;
		if (failed <= 20) console.error(`${name}: ${String(error).slice(0, 200)}`);
	}
	clearTimeout(timer);
	lives.set(name, (lives.get(name) ?? 0) + 1);
}

async function lane(stage: Stage, untilMs: number): Promise<void> {
	while (performance.now() < untilMs) await oneLife(stage);
}

interface Look {
	readonly atMs: number;
	readonly rssMb: number;
	readonly descriptors: number;
}

function look(pid: number): Look {
	return { atMs: performance.now(), rssMb: residentBytes(pid) / 1e6, descriptors: descriptors(pid) };
}

/** Looks four times a minute. */
async function watch(pid: number, untilMs: number, looks: Look[]): Promise<void> {
	while (performance.now() < untilMs) {
		await delay(15_000);
		looks.push(look(pid));
	}
}

/** What lay between two collections of garbage says nothing, so neither the highest nor the last one counts. */
function usualMb(looks: readonly Look[]): number {
	return median(looks.map(({ rssMb }) => rssMb));
}

try {
	const origin = await startSoakOrigin(findings);
	scope.teardown(() => origin.close());
	const gateway = await startGateway(scope, ['--allow-private', '--allow-ports', 'all'], {
		config: CONFIG,
	});
	const before = look(gateway.pid);
	const stage: Stage = { gateway: gateway.port, origin: origin.port, findings, refused: 0, keys: 0 };
	const untilMs = performance.now() + minutes * 60_000;
	const looks: Look[] = [];
	const watching = watch(gateway.pid, untilMs, looks);
	await Promise.all(Array.from({ length: LANES }, () => lane(stage, untilMs)));
	await watching;
	const after = await until(
		'descriptors are back',
		() => look(gateway.pid),
		(seen) => seen.descriptors <= before.descriptors + SPARE_DESCRIPTORS,
		30_000,
	).catch(() => look(gateway.pid));
	const half = looks.length >> 1;
	const [early, late] = [usualMb(looks.slice(Math.min(2, half - 1), half)), usualMb(looks.slice(half))];
	const bugs = gateway.records.filter(({ level }) => level === 'error' || level === 'fatal').length;

	console.log(
		`${minutes} minutes, ${LANES} lives at a time: ${[...lives].map(([name, n]) => `${name} ${n}`).join(', ')}`,
	);
	const rows: readonly (readonly [string, number | string, boolean])[] = [
		['streams checked', findings.streams, findings.streams > 1_000],
		['bytes checked', `${(findings.bytes / 1e9).toFixed(2)} GB`, findings.bytes > 0],
		['streams with a byte of another', findings.wrong, findings.wrong === 0],
		['streams cut short that nobody cut', findings.short, findings.short === 0],
		['refused without a reason', stage.refused, stage.refused === 0],
		['lives that failed', failed, failed === 0],
		['lives that did not end within a minute', stuck, stuck === 0],
		['errors in the log', bugs, bugs === 0],
		[
			'descriptors before, after',
			`${before.descriptors}, ${after.descriptors}`,
			after.descriptors <= before.descriptors + SPARE_DESCRIPTORS,
		],
		[
			'RSS in the first half, in the second (medians)',
			`${early.toFixed(0)}, ${late.toFixed(0)} MB`,
			late < early * 1.15,
		],
		['RSS before, after', `${before.rssMb.toFixed(0)}, ${after.rssMb.toFixed(0)} MB`, true],
	];
	console.log('\n| | seen | |\n|---|---|---|');
	for (const [what, seen, holds] of rows) console.log(`| ${what} | ${seen} | ${holds ? 'holds' : 'DOES NOT HOLD'} |`);
	process.exitCode = rows.every(([, , holds]) => holds) ? 0 : 1;
} finally {
	for (const undo of undos.reverse()) await undo();
}
