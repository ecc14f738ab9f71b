// `bauta limits show|reset|ban|unban ADDRESS|USER`: acts on what the gateways of a fleet share. Whoever knows an address or a
// name can ask about it; from Redis alone nobody can tell whose counters these are.
import { CommanderError } from 'commander';
import { loadConfig } from '../../lib/config/load.ts';
import { parseDuration } from '../../lib/config/values.ts';
import { systemClock } from '../../lib/core/clock.ts';
import { parseIp } from '../../lib/core/ip.ts';
import { type ClientPrefixes, clientOf } from '../../lib/limits/client-key.ts';
import type { Counted } from '../../lib/limits/redis-counted.ts';
import type { RedisShared } from '../../lib/limits/redis-shared.ts';
import type { Subject } from '../../lib/limits/shared.ts';
import { EXIT } from '../exit-codes.ts';
import { type FlagValues, layerOf } from '../flags.ts';

/** A command between two operators is no handshake: it may wait for a Redis far away. */
const WAIT_MS = 2_000;

export type LimitsValues = FlagValues & { readonly json?: boolean; readonly for?: string };

/** Prints what is counted. Throws CommanderError when there is no Redis, or none that answers. */
export async function show(who: string, values: LimitsValues): Promise<void> {
	await withShared(values, async (shared, prefixes) => {
		for (const subject of subjectsOf(who, prefixes)) {
			const counted = answered(await shared.show(subject));
			const line = values.json ? JSON.stringify({ ...subject, ...counted }) : told(subject, counted);
			process.stdout.write(`${line}\n`);
		}
	});
}

/** Forgets what is counted, but what is open. */
export async function reset(who: string, values: LimitsValues): Promise<void> {
	await withShared(values, async (shared, prefixes) => {
		for (const subject of subjectsOf(who, prefixes)) answered(await shared.reset(subject));
	});
}

/** Bans a client or a user, not the network around it. */
export async function ban(who: string, values: LimitsValues): Promise<void> {
	const duration = parseDuration(values.for ?? '10m');
	if ('wrong' in duration) throw failed(EXIT.usage, `${duration.wrong}, found ${JSON.stringify(values.for)}`);
	await withShared(values, async (shared, prefixes) => {
		const banMs = answered(await shared.ban(subjectsOf(who, prefixes)[0] as Subject, duration.value));
		process.stdout.write(`banned for ${Math.round(banMs / 1_000)}s\n`);
	});
}

/** Ends a ban, and forgets the failures that led to it. */
export async function unban(who: string, values: LimitsValues): Promise<void> {
	await withShared(values, async (shared, prefixes) => {
		for (const subject of subjectsOf(who, prefixes)) answered(await shared.unban(subject));
	});
}

async function withShared(
	values: LimitsValues,
	act: (shared: RedisShared, prefixes: ClientPrefixes) => Promise<void>,
): Promise<void> {
	const { config } = await loadConfig({ file: values.config, env: process.env, flags: layerOf(values) });
	if (config.redis === null)
		throw failed(EXIT.config, 'limits are in the memory of each gateway: see redis.url to share them');
	const { RedisShared } = await import('../../lib/limits/redis-shared.ts');
	let cause = '';
	const modeChanged = (_up: boolean, why: string): void => {
		cause = why;
	};
	const deps = { clock: systemClock, note: () => {}, modeChanged, isGateway: false };
	const shared = new RedisShared({ ...config.redis, waitMs: WAIT_MS }, deps);
	try {
		await shared.start();
		if (!shared.up) throw failed(EXIT.unavailable, `Redis does not answer: ${cause}`);
		await act(shared, config.limits.prefixes);
	} finally {
		await shared.close();
	}
}

/** An address is a client, and with IPv6 a network too; everything else is a user. */
function subjectsOf(who: string, prefixes: ClientPrefixes): Subject[] {
	const ip = parseIp(who);
	if (ip === null) return [{ kind: 'user', name: who }];
	const { key, network } = clientOf(ip, prefixes);
	const client: Subject = { kind: 'client', name: key };
	return network === null ? [client] : [client, { kind: 'network', name: network }];
}

function told({ kind, name }: Subject, counted: Counted): string {
	const { open, gateways, connections, connectionsBurst, requests, requestsBurst } = counted;
	const { dayBytes, monthBytes, authentication, destination, banMs } = counted;
	return [
		`${kind} ${name}`,
		`  open connections     ${open} at ${gateways} gateway${gateways === 1 ? '' : 's'}`,
		`  new this second      ${connections}, above the rate ${connectionsBurst} in ten`,
		`  requests this second ${requests}, above the rate ${requestsBurst} in ten`,
		`  bytes                ${dayBytes} today, ${monthBytes} this month`,
		`  failures             ${authentication} to log in, ${destination} destinations`,
		`  banned               ${banMs > 0 ? `for ${Math.ceil(banMs / 1_000)}s more` : 'no'}`,
	].join('\n');
}

function answered<T>(answer: T | null): T {
	if (answer === null) throw failed(EXIT.unavailable, 'Redis did not answer');
	return answer;
}

function failed(code: number, message: string): CommanderError {
	console.error(`bauta: ${message}`);
	return new CommanderError(code, 'bauta.limits', message);
}
