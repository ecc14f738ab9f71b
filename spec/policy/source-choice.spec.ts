import { createHash, randomInt } from 'node:crypto';
import test from 'ava';
import fc from 'fast-check';
import { formatIp, type Ip } from '../../lib/core/ip.ts';
import { contains, lastOf, type Prefix, parsePrefix, prefixOf } from '../../lib/policy/prefix.ts';
import { SourceChoice, type SourceStrategy, usableOf } from '../../lib/policy/source-choice.ts';

const prefix = (text: string) => parsePrefix(text) as Prefix;
const dice = () => randomInt(2 ** 32);
const STRATEGIES: readonly SourceStrategy[] = ['random', 'round-robin', 'least-used', 'sticky'];

function choiceOf(strategy: SourceStrategy, ...texts: string[]): SourceChoice {
	return new SourceChoice(texts.map(prefix), strategy, dice);
}

function picks(choice: SourceChoice, count: number): string[] {
	return Array.from({ length: count }, () => formatIp(choice.pick(null, 0)!.ip));
}

function counted(texts: readonly string[]): Map<string, number> {
	return new Map([...Map.groupBy(texts, (text) => text)].map(([text, all]) => [text, all.length]));
}

const anyPrefix = fc.oneof(
	fc.tuple(fc.nat(), fc.integer({ min: 1, max: 32 })).map(([ip, bits]) => firstOf4(ip, bits)),
	fc
		.tuple(fc.uint8Array({ minLength: 16, maxLength: 16 }), fc.integer({ min: 1, max: 128 }))
		.map(([ip, bits]): Prefix => {
			const cut = ip.map((byte, i) => byte & (0xff & (0xff00 >> Math.min(8, Math.max(0, bits - 8 * i)))));
			return { ip: cut, bits };
		}),
);

function firstOf4(ip: number, bits: number): Prefix {
	return { ip: bits === 0 ? 0 : (ip & (-1 << (32 - bits))) >>> 0, bits };
}

test('every address lies in its prefix, and is none of its ends where those are reserved', (t) => {
	fc.assert(
		fc.property(anyPrefix, fc.constantFrom(...STRATEGIES), (one, strategy) => {
			const choice = new SourceChoice([one], strategy, dice);
			const size = (typeof one.ip === 'number' ? 32 : 128) - one.bits;
			for (let i = 0; i < 20; i++) {
				const { ip } = choice.pick(i % 2 === 0 ? null : createHash('sha256').update(`${i}`).digest(), 0)!;
				t.true(contains(one, prefixOf(ip)));
				if (size < 2) continue;
				t.not(formatIp(ip), formatIp(one.ip));
				if (typeof ip === 'number') t.not(ip, lastOf(one) as Ip);
			}
		}),
	);
});

test('network and broadcast are left out, and a /31 and a /32 have neither', (t) => {
	t.deepEqual([...new Set(picks(choiceOf('random', '192.0.2.0/30'), 200))].toSorted(), ['192.0.2.1', '192.0.2.2']);
	t.deepEqual([...new Set(picks(choiceOf('random', '192.0.2.0/31'), 200))].toSorted(), ['192.0.2.0', '192.0.2.1']);
	t.deepEqual(new Set(picks(choiceOf('random', '192.0.2.7'), 9)), new Set(['192.0.2.7']));
});

test('anycast is left out: the lowest address of an IPv6 subnet, and the 128 highest of a large one', (t) => {
	t.deepEqual(
		[...new Set(picks(choiceOf('random', '2001:db8::/126'), 200))].toSorted(),
		['1', '2', '3'].map((n) => `2001:db8::${n}`),
	);
	t.like(usableOf(prefix('2001:db8::/112')), { offset: 1, count: 65_536 - 129 });
	t.like(usableOf(prefix('2001:db8::/127')), { offset: 0, count: 2 });
	/** Dice that fall on the ends. */
	const ends = [0, 0xffff_ffff].map((word) => new SourceChoice([prefix('2001:db8::/64')], 'random', () => word));
	for (const choice of ends) {
		const ip = choice.pick(null, 0)!.ip as Uint8Array;
		t.false(ip.subarray(8).every((byte) => byte === 0));
		t.false(ip.subarray(8, 15).every((byte) => byte === 255) && ip[15]! >= 128);
	}
});

test('a /64 at random gives an address once', (t) => {
	t.is(new Set(picks(choiceOf('random', '2001:db8:1::/64'), 1_000)).size, 1_000);
});

test('at random every address of a family is as likely as any other', (t) => {
	const seen = counted(picks(choiceOf('random', '192.0.2.0/28', '198.51.100.7'), 15_000));
	t.is(seen.size, 15);
	for (const [text, count] of seen) t.true(count > 800 && count < 1_200, `${text} ${count}`);
});

test('in turn, and least used, spread evenly', (t) => {
	for (const strategy of ['round-robin', 'least-used'] as const) {
		const seen = counted(picks(choiceOf(strategy, '192.0.2.0/28', '198.51.100.7'), 1_500));
		t.deepEqual(new Set(seen.values()), new Set([100]), strategy);
		t.is(seen.size, 15);
	}
});

test('a large prefix takes its turn as a whole, and no two of its addresses follow each other', (t) => {
	const texts = picks(choiceOf('round-robin', '2001:db8:1::/64', '2001:db8:2::1'), 1_000);
	t.is(texts.filter((text) => text === '2001:db8:2::1').length, 500);
	t.is(new Set(texts).size, 501);
});

test('the least used is the one that was given back', (t) => {
	const choice = choiceOf('least-used', '192.0.2.0/29');
	const held = Array.from({ length: 60 }, () => choice.pick(null, 0)!);
	const [one, two] = [held[3]!, held.find(({ slot }) => slot !== held[3]!.slot)!];
	choice.release(one);
	t.is(formatIp(choice.pick(null, 0)!.ip), formatIp(one.ip));
	choice.release(two);
	choice.release(two);
	t.is(formatIp(choice.pick(null, 0)!.ip), formatIp(two.ip));
});

test('least used counts as a model that looks at every count', (t) => {
	const moves = fc.array(fc.oneof(fc.constant('take'), fc.nat(30)), { maxLength: 200 });
	fc.assert(
		fc.property(moves, (all) => {
			const choice = choiceOf('least-used', '192.0.2.0/29');
			const counts = new Map<number, number>(Array.from({ length: 6 }, (_, slot) => [slot, 0]));
			const held: NonNullable<ReturnType<SourceChoice['pick']>>[] = [];
			for (const move of all) {
				if (move === 'take') {
					const taken = choice.pick(null, 0)!;
					t.is(counts.get(taken.slot), Math.min(...counts.values()));
					counts.set(taken.slot, counts.get(taken.slot)! + 1);
					held.push(taken);
				} else {
					const [back] = held.splice(Number(move) % Math.max(1, held.length), 1);
					if (!back) continue;
					choice.release(back);
					counts.set(back.slot, counts.get(back.slot)! - 1);
				}
			}
		}),
	);
});

test('who sticks gets one address, and not everybody the same', (t) => {
	for (const text of ['192.0.2.0/24', '10.0.0.0/8', '2001:db8::/64', '2001:db8::/48']) {
		const choice = choiceOf('sticky', text);
		const of = (who: number) => formatIp(choice.pick(createHash('sha256').update(`${who}`).digest(), 0)!.ip);
		for (let who = 0; who < 20; who++) t.is(of(who), of(who));
		t.true(new Set(Array.from({ length: 100 }, (_, who) => of(who))).size > 70, text);
	}
});

test('a prefix that rests is passed over until its time, and when all rest there is none', (t) => {
	for (const strategy of STRATEGIES) {
		const choice = choiceOf(strategy, '192.0.2.0/28', '198.51.100.7');
		choice.prefixes[0]!.restsUntilMs = 10;
		for (let i = 0; i < 50; i++) {
			const sticky = i % 2 === 0 ? null : createHash('sha256').update(`${i}`).digest();
			t.is(formatIp(choice.pick(sticky, 9)!.ip), '198.51.100.7', strategy);
		}
		choice.prefixes[1]!.restsUntilMs = 10;
		t.is(choice.pick(null, 9), null);
		t.not(choice.pick(null, 10), null);
	}
});

test('another address than those tried, as long as there is one', (t) => {
	for (const strategy of STRATEGIES) {
		const choice = choiceOf(strategy, '192.0.2.0/27');
		const sticky = strategy === 'sticky' ? createHash('sha256').update('x').digest() : null;
		const tried = [choice.pick(sticky, 0)!];
		while (tried.length < 4) tried.push(choice.pick(sticky, 0, tried)!);
		t.true(new Set(tried.map(({ ip }) => formatIp(ip))).size >= 3, strategy);
	}
	const single = choiceOf('random', '192.0.2.7');
	t.is(formatIp(single.pick(null, 0, [single.pick(null, 0)!])!.ip), '192.0.2.7');
});
