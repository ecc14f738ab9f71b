// The limits that hold when nobody says otherwise: what a browser never meets and an abuser does.

import type { Ceilings } from './account-limiter.ts';
import type { Allowance, Allowances } from './allowance.ts';

const NO_BYTES = { upBytesPerSecond: 0, downBytesPerSecond: 0, dayBytes: 0, monthBytes: 0 } as const;

/**
 * - 256 open: Chromium keeps at most 32 connections to a proxy, Firefox 6 to a site; a household is a few of them. Tor
 *   relays grant an address 100 (DoSConnectionMaxConcurrentCount), but those carry many streams each.
 * - 20 a second and 200 more: as much as a relay grants (DoSConnectionConnectRate 20, -Burst 40), and a burst as large
 *   as a session of tabs that is restored. Who scans wants thousands.
 */
const CLIENT: Allowance = {
	connectionsOpen: 256,
	connectionsPerSecond: 20,
	burst: 200,
	requestsPerSecond: 0,
	requestsBurst: 0,
	...NO_BYTES,
	whenDown: 'local',
};

/** Eight times a client: a site has a few, and whoever holds a /48 has 65,536 prefixes to come from. */
const NETWORK: Allowance = { ...CLIENT, connectionsOpen: 2_048, connectionsPerSecond: 160, burst: 1_600 };

const USER: Allowance = { ...CLIENT, connectionsOpen: 0, connectionsPerSecond: 0, burst: 0 };

/**
 * - 20 wrong passwords in ten minutes: a person mistypes a few times, and a browser repeats each for every tab.
 * - 300 refused destinations in ten minutes: pages that look for services on the visitor's own machine ask for a dozen.
 * - Ten minutes of ban: a guesser gets some 3,000 guesses a day, an unlucky person gets a coffee.
 */
const FAILURES: Allowances['failures'] = {
	authentication: { most: 20, windowMs: 600_000, banMs: 600_000 },
	destination: { most: 300, windowMs: 600_000, banMs: 600_000 },
};

export const DEFAULT_ALLOWANCES: Allowances = {
	client: CLIENT,
	network: NETWORK,
	user: USER,
	exceptions: [],
	failures: FAILURES,
};

/**
 * - 128 handshakes: they take a few round trips each, so it is a burst again; of slow ones a client gets no more.
 * - 10,000 flows and 2,500 handshakes in all: 22,500 descriptors, far below the hard limit of 524,288 that systemd sets and
 *   Node takes, and some 200 MB.
 * - 65,536 clients: six times what can have connections, about 40 MB when an IPv6 prefix is let loose on us.
 */
export const DEFAULT_CEILINGS: Ceilings = {
	handshakes: 128,
	totalConnections: 10_000,
	totalHandshakes: 2_500,
	maxKeys: 65_536,
};
