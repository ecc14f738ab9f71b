import test from 'ava';
import fc from 'fast-check';
import type { Ip } from '../../lib/core/ip.ts';
import { atOnce } from '../../lib/policy/list.ts';
import { firstOf, lastOf, type Prefix, PrefixSet } from '../../lib/policy/prefix.ts';
import { PrefixSetBuilder } from '../../lib/policy/prefix-sort.ts';

/** Near each other, so that they lie in each other often. */
const ip4 = fc.integer({ min: 0, max: 4_095 }).map((low): Ip => (0xc0000200 + low) >>> 0);
const ip6 = fc
	.uint8Array({ minLength: 2, maxLength: 2 })
	.map((low): Ip => Uint8Array.from({ length: 16 }, (_, i) => (i === 0 ? 0x20 : i > 13 ? low[i - 14]! : 0)));
const prefix4 = fc
	.tuple(ip4, fc.integer({ min: 16, max: 32 }))
	.map(([ip, bits]): Prefix => ({ ip: firstOf(ip, bits), bits }));
const prefix6 = fc
	.tuple(ip6, fc.integer({ min: 100, max: 128 }))
	.map(([ip, bits]): Prefix => ({ ip: firstOf(ip, bits), bits }));

function built(prefixes: readonly Prefix[]): PrefixSet {
	const builder = new PrefixSetBuilder();
	for (const prefix of prefixes) builder.add(prefix);
	return atOnce(builder.build());
}

test('the set is the one that is made at once', (t) => {
	fc.assert(
		fc.property(fc.array(fc.oneof(prefix4, prefix6)), fc.array(fc.oneof(ip4, ip6)), (prefixes, asked) => {
			const [one, other] = [built(prefixes), new PrefixSet(prefixes)];
			t.is(one.size, other.size);
			for (const ip of [...asked, ...prefixes.map((each) => each.ip), ...prefixes.map(lastOf)])
				t.is(one.has(ip), other.has(ip));
		}),
	);
});

test('the ends of the address space are addresses', (t) => {
	const set = built([
		{ ip: 0, bits: 8 },
		{ ip: 0xffffffff, bits: 32 },
		{ ip: new Uint8Array(16).fill(255), bits: 128 },
	]);
	t.true(set.has(0) && set.has(0x00ffffff) && set.has(0xffffffff) && set.has(new Uint8Array(16).fill(255)));
	t.false(set.has(0x01000000) || set.has(0xfffffffe) || set.has(new Uint8Array(16)));
});

test('many are sorted with many pauses', (t) => {
	const builder = new PrefixSetBuilder();
	for (let i = 0; i < 20_000; i++) builder.add({ ip: (i * 2_654_435_761) >>> 0, bits: 32 });
	t.true([...builder.build()].length >= 20);
});
