// The bytes of one client that has these limits and no others, counted by this process alone.
import { systemClock } from '../../lib/core/clock.ts';
import type { Allowance } from '../../lib/limits/allowance.ts';
import { Bytes } from '../../lib/limits/bytes.ts';

const NOTHING: Allowance = {
	connectionsOpen: 0,
	connectionsPerSecond: 0,
	burst: 0,
	requestsPerSecond: 0,
	requestsBurst: 0,
	upBytesPerSecond: 0,
	downBytesPerSecond: 0,
	dayBytes: 0,
	monthBytes: 0,
	whenDown: 'local',
};

export function byteLimits(allowance: Partial<Allowance>): Bytes {
	const subject = { kind: 'client', name: '192.0.2.1' } as const;
	const store = { shared: null, whenDown: 'local' } as const;
	return new Bytes({ ...NOTHING, ...allowance }, subject, store, { clock: systemClock, epochMs: Date.now });
}
