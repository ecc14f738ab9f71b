import test from 'ava';
import { InterfaceAddresses } from '../../lib/io/own-addresses.ts';

test('knows the loopback address of this machine', (t) => {
	t.true(new InterfaceAddresses().list(0).includes(0x7f000001));
});

test('reads again only after a while', (t) => {
	const addresses = new InterfaceAddresses();
	const first = addresses.list(0);
	t.is(addresses.list(4_999), first);
	t.not(addresses.list(5_000), first);
});
