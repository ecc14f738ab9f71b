// What is counted of one subject, read for an operator. Only here are the counters looked at without being used.
import type { StoreClient } from './redis-client.ts';

/** Keys of a subject that can be forgotten: what is open is said again by those who hold it. */
export const COUNTED: readonly string[] = [
	'connections',
	'connections-burst',
	'requests',
	'requests-burst',
	'bytes',
	'authentication',
	'destination',
];

/** In the windows of now. */
export interface Counted {
	/** Connections, and at how many gateways. */
	readonly open: number;
	readonly gateways: number;
	/** New connections and requests of this second, and of these ten seconds above the rate. */
	readonly connections: number;
	readonly connectionsBurst: number;
	readonly requests: number;
	readonly requestsBurst: number;
	/** Of this day and this month. */
	readonly dayBytes: number;
	readonly monthBytes: number;
	readonly authentication: number;
	readonly destination: number;
	/** 0: not banned. */
	readonly banMs: number;
}

/** Under one key; `hmget` and `get` of keys in one slot. */
export async function countedOf(client: StoreClient, key: string): Promise<Omit<Counted, 'banMs'>> {
	const number = async (what: string): Promise<number> => Number((await client.get(`${key}:${what}`)) ?? 0);
	const held = await client.bautaOpen(`${key}:open`);
	const [dayBytes, monthBytes] = await client.bautaUsed(`${key}:bytes`);
	return {
		open: held.reduce((sum, count) => sum + count, 0),
		gateways: held.length,
		connections: await number('connections'),
		connectionsBurst: await number('connections-burst'),
		requests: await number('requests'),
		requestsBurst: await number('requests-burst'),
		dayBytes,
		monthBytes,
		authentication: await number('authentication'),
		destination: await number('destination'),
	};
}
