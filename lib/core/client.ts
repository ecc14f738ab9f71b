// Who is at the near end, as far as the gateway wants to know.
import type { Ip } from './ip.ts';

export interface Client {
	/** The address as accepted, IPv4-mapped ones unwrapped. For rules and limits; never for a log, a metric or a hop. */
	readonly ip: Ip;
	/** What limits are counted by: the prefix as text. */
	readonly key: string;
	/** The key as a number, where a single IPv4 address is one client: a table finds that sooner than a text that was just made. */
	readonly id?: number;
	/** The wider prefix that it is in, where such are counted too (IPv6); else null. */
	readonly network: string | null;
}
