// Records of flows for specs of those who hear about them.
import type { Flow } from '../../lib/core/flow.ts';
import { targetOfHost } from '../../lib/core/target.ts';

/** A SOCKS5 tunnel of a user that went well, with `part` in place of what it says. */
export function flowOf(part: Partial<Flow> = {}): Flow {
	return {
		id: 7,
		inbound: 'listen-1',
		client: '192.0.2.77',
		network: null,
		startedMs: 1_000.25,
		protocol: 'socks5',
		exit: null,
		command: null,
		user: 'alice',
		session: null,
		target: targetOfHost('secret.example', 443),
		route: 'upstream-1',
		askedMs: 1_010.25,
		openedMs: 1_012.75,
		requests: 0,
		upBytes: 12,
		downBytes: 34_567,
		carrier: null,
		endedMs: 2_000.25,
		outcome: { cause: 'closed' },
		drops: null,
		reports: [],
		...part,
	};
}
