import test from 'ava';
import { didYouMean, suggestion } from '../../lib/config/suggestion.ts';

const KEYS = ['listen', 'upstream', 'limits', 'timeouts', 'log'];

test('finds the word that was meant', (t) => {
	t.is(suggestion('lisen', KEYS), 'listen');
	t.is(suggestion('upstreams', KEYS), 'upstream');
	t.is(suggestion('limist', KEYS), 'limits');
	t.is(suggestion('TIMEOUT', KEYS), 'timeouts');
	t.is(suggestion('lg', KEYS), 'log');
});

test('says nothing where no word is near', (t) => {
	t.is(suggestion('password', KEYS), null);
	t.is(suggestion('', KEYS), null);
	t.is(suggestion('log', []), null);
	t.is(didYouMean('password', KEYS), '');
});

test('takes the nearest of several', (t) => {
	t.is(suggestion('limit', ['limits', 'limit']), 'limit');
	t.is(didYouMean('listn', KEYS), ', did you mean "listen"?');
});

test('does not compare texts that no key is as long as', (t) => {
	t.is(didYouMean('listen'.repeat(10_000), ['listen'.repeat(10_000)]), '');
});
