import test from 'ava';
import { DEFAULT_CEILINGS } from '../../lib/limits/defaults.ts';
import { fitted } from '../../lib/limits/fit.ts';

test('ceilings stay where there are descriptors enough, or nobody knows', (t) => {
	t.is(fitted(DEFAULT_CEILINGS, 524_288), DEFAULT_CEILINGS);
	t.is(fitted(DEFAULT_CEILINGS, 26_000), DEFAULT_CEILINGS);
	t.is(fitted(DEFAULT_CEILINGS, null), DEFAULT_CEILINGS);
});

test('where there are fewer, both come down in proportion and leave some for the process itself', (t) => {
	for (const descriptors of [256, 1_024, 4_096, 20_000]) {
		const { totalConnections, totalHandshakes, ...rest } = fitted(DEFAULT_CEILINGS, descriptors);
		const used = 2 * totalConnections + totalHandshakes;
		t.true(used <= descriptors * 0.875 - 48 && used > descriptors / 2, `${used} of ${descriptors}`);
		t.true(Math.abs(totalConnections / totalHandshakes - 4) < 0.2);
		t.like(DEFAULT_CEILINGS, rest);
	}
	t.like(fitted(DEFAULT_CEILINGS, 20), { totalConnections: 1, totalHandshakes: 1 });
});

test('a ceiling that is switched off stays off', (t) => {
	const off = { ...DEFAULT_CEILINGS, totalConnections: 0 };
	t.is(fitted(off, 1_024), off);
});
