// `npm run bench:protections`: what each protection adds to a connection, switched on alone upon a gateway that has nothing of
// the kind, and all of them as they come. CPU of the gateway; README.md says how to read it.
import { pathOf } from '../helpers/programs.ts';
import { startRedis } from '../helpers/redis.ts';
import type { Scope } from '../helpers/scope.ts';
import { type Kind, LoadGenerator, median } from './load.ts';
import { type Candidate, startBauta } from './proxies.ts';

const ROUNDS = 5;
const SECONDS = 2;
const AT_ONCE = 32;

const NO_LIMITS = `[limits]
connections_open = 0
connections_per_second = 0
handshakes = 0
total_connections = 0
total_handshakes = 0
[limits.failures]
authentications = 0
destinations = 0
`;
const LIMITS = '[limits]\n';
const SILENT = '[log]\nlevel = "off"\n';
const RULES = Array.from({ length: 20 }, (_, i) => `[[rule]]\naction = "deny"\ntarget = ["name-${i}.example"]\n`).join(
	'',
);

interface Case {
	readonly title: string;
	readonly config: string;
	readonly kind?: Kind;
}

async function cases(scope: Scope): Promise<Case[]> {
	const redis = pathOf('redis-server') === null ? null : await startRedis(scope);
	const shared: Case[] = redis
		? [{ title: 'limits in Redis', config: `${LIMITS}[redis]\nurl = ["${redis.url}"]\n${SILENT}` }]
		: [];
	return [
		{ title: 'none', config: NO_LIMITS + SILENT },
		{ title: 'twenty rules', config: NO_LIMITS + SILENT + RULES },
		{ title: 'limits', config: LIMITS + SILENT },
		...shared,
		{
			title: 'bytes counted',
			config: `${NO_LIMITS.replace('[limits]\n', '[limits]\nbytes_per_day = "1TB"\n')}${SILENT}`,
		},
		{ title: 'log', config: NO_LIMITS },
		{
			title: 'metrics',
			config: `${NO_LIMITS}${SILENT}[admin]\nlisten = "127.0.0.1:0"\ntoken = "benchbenchbenchbench"\n`,
		},
		{ title: 'users', config: `${NO_LIMITS}${SILENT}[users]\nlist = ["bench:bench"]\n`, kind: 'login' },
		{ title: 'as it comes', config: '' },
	];
}

const undos: (() => void | Promise<void>)[] = [];
const scope: Scope = { teardown: (undo) => void undos.push(undo) };
try {
	const load = await LoadGenerator.start(scope);
	const all: (readonly [Case, Candidate, number[]])[] = [];
	for (const one of await cases(scope)) all.push([one, await startBauta(scope, one.title, one.config), []]);
	for (let round = 0; round <= ROUNDS; round++) {
		for (const [{ kind = 'socks5', title }, proxy, seen] of all) {
			const { cpuSeconds, done, failures } = await load.run(proxy, {
				kind,
				mode: 'c',
				atOnce: AT_ONCE,
				seconds: SECONDS,
			});
			if (failures > 0) console.error(`${title}: ${failures} connections failed`);
			if (round > 0) seen.push((1e6 * cpuSeconds) / done);
		}
	}
	const bare = median(all[0]?.[2] ?? []);
	console.log(`\n| protection | µs a connection | more than none | least of ${ROUNDS} rounds |\n|---|---|---|---|`);
	for (const [{ title }, , seen] of all) {
		const cost = median(seen);
		console.log(`| ${title} | ${cost.toFixed(1)} | ${(cost - bare).toFixed(1)} | ${Math.min(...seen).toFixed(1)} |`);
	}
} finally {
	for (const undo of undos.reverse()) await undo();
}
