// Ceilings that this process can keep. Each connection has two descriptors; when there are fewer than the ceilings want, it
// would be accept(2) that turns clients away, whoever they are. So the ceilings come down instead, because they know who has
// most of what there is.
import type { Ceilings } from './account-limiter.ts';

/** Of its descriptors the process needs some for itself; datagram sockets and the pipes of bulky tunnels come on top. */
const FOR_CLIENTS = 7 / 8;
const OWN = 48;

/** The same ceilings, or less of each in proportion. `descriptors`: most that the process may have; null: nobody knows. */
export function fitted(ceilings: Ceilings, descriptors: number | null): Ceilings {
	const { totalConnections, totalHandshakes } = ceilings;
	const wanted = 2 * totalConnections + totalHandshakes;
	const share = descriptors === null ? 1 : (descriptors * FOR_CLIENTS - OWN) / wanted;
	// Where a ceiling is off, nobody wants one.
	if (share >= 1 || totalConnections === 0 || totalHandshakes === 0) return ceilings;
	const part = (ceiling: number): number => Math.max(1, Math.floor(ceiling * share));
	return { ...ceilings, totalConnections: part(totalConnections), totalHandshakes: part(totalHandshakes) };
}
