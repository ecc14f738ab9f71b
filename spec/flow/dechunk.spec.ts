import test from 'ava';
import fc from 'fast-check';
import { Dechunker } from '../../lib/flow/dechunk.ts';
import { bytewise, cutAt } from '../helpers/dialogue.ts';

/** A chunked body up to its last chunk line, as its reader forwards it. */
function chunk(parts: readonly Uint8Array[]): Buffer {
	const chunks = parts.map((part) => [
		Buffer.from(`${part.length.toString(16)};e="f\\"8"\r\n`),
		part,
		Buffer.from('\r\n'),
	]);
	return Buffer.concat([...chunks.flat(), Buffer.from('00;last\r\n')]);
}

function strip(pieces: readonly Buffer[]): Buffer {
	const dechunker = new Dechunker();
	return Buffer.concat(pieces.map((piece) => dechunker.strip(piece)));
}

test('chunks of any size lose their framing, however they are cut', (t) => {
	const parts = fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }));
	const property = fc.property(parts, fc.array(fc.nat(10_000), { maxLength: 8 }), (data, places) => {
		const body = chunk(data);
		const plain = Buffer.concat(data);
		return (
			strip([body]).equals(plain) && strip(bytewise(body)).equals(plain) && strip(cutAt(body, places)).equals(plain)
		);
	});
	t.notThrows(() => fc.assert(property));
});

test('sizes are read in either case and with leading zeros', (t) => {
	t.is(String(strip([Buffer.from('00A\r\n0123456789\r\n0b\r\n01234567890\r\n0\r\n')])), '012345678901234567890');
});

test('data that comes in one piece is not copied', (t) => {
	const bytes = Buffer.from('5\r\nhello\r\n');
	t.is(new Dechunker().strip(bytes).buffer, bytes.buffer);
});
