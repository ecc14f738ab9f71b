import test from 'ava';
import { exitCodeOfListen } from '../../bin/exit-codes.ts';

test('a port that this user may not have ends with 77, other trouble with an address with 69', (t) => {
	t.is(exitCodeOfListen('EACCES'), 77);
	t.is(exitCodeOfListen('EPERM'), 77);
	t.is(exitCodeOfListen('EADDRINUSE'), 69);
	t.is(exitCodeOfListen('EADDRNOTAVAIL'), 69);
});
