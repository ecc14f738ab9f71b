import test from 'ava';
import fc from 'fast-check';
import { Unread } from '../../lib/flow/unread.ts';

test('a chunk alone is kept as it came', (t) => {
	const unread = new Unread();
	const chunk = Buffer.from('abc');
	unread.push(chunk);
	t.is(unread.bytes, chunk);
	t.is(unread.takeAll(), chunk);
	t.is(unread.length, 0);
});

test('what was given away is not written over', (t) => {
	const unread = new Unread();
	unread.push(Buffer.from('ab'));
	unread.push(Buffer.from('cd'));
	const before = unread.bytes.subarray(0, 3);
	unread.drop(3);
	for (let i = 0; i < 100; i++) unread.push(Buffer.from('x'));
	t.is(String(before), 'abc');
	t.is(String(unread.bytes), `d${'x'.repeat(100)}`);
	const all = unread.takeAll();
	unread.push(Buffer.from('y'));
	unread.push(Buffer.from('z'));
	t.is(String(all), `d${'x'.repeat(100)}`);
	t.is(String(unread.bytes), 'yz');
});

test('it is a queue of bytes', (t) => {
	const step = fc.oneof(fc.uint8Array({ maxLength: 20 }), fc.nat(30));
	const property = fc.property(fc.array(step), (steps) => {
		const unread = new Unread();
		let model = '';
		for (const next of steps) {
			if (typeof next === 'number') {
				const length = Math.min(next, unread.length);
				unread.drop(length);
				model = model.slice(2 * length);
			} else {
				unread.push(Buffer.from(next));
				model += Buffer.from(next).toString('hex');
			}
			if (unread.bytes.toString('hex') !== model) return false;
		}
		return unread.takeAll().toString('hex') === model && unread.length === 0;
	});
	t.notThrows(() => fc.assert(property));
});

test('a million single bytes cost about a million steps', (t) => {
	const unread = new Unread();
	const byte = Buffer.from('b');
	let copied = 0;
	for (let i = 0, last = unread.bytes.buffer; i < 1_000_000; i++) {
		unread.push(byte);
		if (unread.bytes.buffer !== last) copied += unread.length;
		last = unread.bytes.buffer;
	}
	t.is(unread.length, 1_000_000);
	t.true(copied < 4_000_000);
});
