import { networkInterfaces } from 'node:os';
import test from 'ava';
import { InterfaceAddresses } from '../../lib/io/own-addresses.ts';

test('knows the loopback address of this machine', (t) => {
	t.true(new InterfaceAddresses().list(0).includes(0x7f000001));
});

test('goes on with what it knew when the process is out of descriptors', (t) => {
	let descriptors = 1;
	const addresses = new InterfaceAddresses(() => {
		if (descriptors === 0) throw new Error('uv_interface_addresses returned EMFILE');
		return networkInterfaces();
	});
	const first = addresses.list(0);
	descriptors = 0;
	t.is(addresses.list(5_000), first);
	t.throws(
		() =>
			new InterfaceAddresses(() => {
				throw new Error('uv_interface_addresses returned EMFILE');
			}),
	);
});

test('reads again only after a while', (t) => {
	const addresses = new InterfaceAddresses();
	const first = addresses.list(0);
	t.is(addresses.list(4_999), first);
	t.not(addresses.list(5_000), first);
});
