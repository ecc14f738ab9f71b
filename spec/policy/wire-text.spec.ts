import test from 'ava';
import fc from 'fast-check';
import { wireBytes, wireText } from '../../lib/policy/wire-text.ts';

test('configured text becomes its UTF-8 bytes, a character each', (t) => {
	t.is(wireText('bob'), 'bob');
	t.is(wireText('josé'), 'jos\u00c3\u00a9');
	fc.assert(
		fc.property(fc.string({ unit: 'binary' }), (text) =>
			t.deepEqual(wireBytes(wireText(text)), Buffer.from(text, 'utf8')),
		),
	);
});

test('any bytes that a client sends come back as they were', (t) => {
	fc.assert(
		fc.property(fc.uint8Array(), (bytes) => {
			t.deepEqual(wireBytes(Buffer.from(bytes).toString('latin1')), Buffer.from(bytes));
		}),
	);
});

test('text beyond latin1 is not cut down to other text', (t) => {
	t.deepEqual(wireBytes('\u0144'), Buffer.from('\u0144', 'utf8'));
	t.notDeepEqual(wireBytes('\u0144'), wireBytes('D'));
});
