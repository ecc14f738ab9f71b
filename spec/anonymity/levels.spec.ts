import test from 'ava';
import { LEVELS, viaLine } from '../../lib/anonymity/levels.ts';

test('the three levels are the three grades of proxy judges', (t) => {
	t.deepEqual(Object.keys(LEVELS), ['elite', 'anonymous', 'transparent']);
	t.is(LEVELS.elite.via, 'removed');
	t.deepEqual([LEVELS.elite.clientAddress, LEVELS.anonymous.clientAddress], [false, false]);
	t.true(LEVELS.transparent.clientAddress);
});

test('Via names no host and no software', (t) => {
	t.is(viaLine('elite', 1), null);
	t.is(viaLine('anonymous', 1), 'Via: 1.1 proxy');
	t.is(viaLine('transparent', 0), 'Via: 1.0 proxy');
});
