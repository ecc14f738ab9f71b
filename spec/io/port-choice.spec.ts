import test from 'ava';
import { PortTurns } from '../../lib/io/port-choice.ts';

test('without a range the kernel chooses', async (t) => {
	t.deepEqual(await new PortTurns(null).open((port) => ({ port })), { port: 0 });
});

test('every port of a range has its turn, those that are taken are passed over', async (t) => {
	const turns = new PortTurns([100, 104]);
	const taken = new Set([101, 103]);
	const ports: number[] = [];
	for (let i = 0; i < 6; i++) {
		const { port } = await turns.open((one) => (taken.has(one) ? 'EADDRINUSE' : { port: one }));
		ports.push(port);
	}
	t.is(new Set(ports).size, 3);
	for (const port of ports) t.true([100, 102, 104].includes(port));
	t.deepEqual(ports.slice(3), ports.slice(0, 3));
});

test('a full range costs a bounded number of tries and is a limit that is reached', async (t) => {
	let tries = 0;
	const full = (): string => {
		tries++;
		return 'EADDRINUSE';
	};
	await t.throwsAsync(new PortTurns([1_024, 65_535]).open(full), { message: 'connection_limit_reached' });
	t.is(tries, 1_024);
});

test('what another port would not change ends it at once', async (t) => {
	let tries = 0;
	const failing = (): string => {
		tries++;
		return 'EMFILE';
	};
	await t.throwsAsync(new PortTurns([100, 200]).open(failing), { message: 'connection_limit_reached' });
	t.is(tries, 1);
	await t.throwsAsync(
		new PortTurns(null).open(() => 'EAFNOSUPPORT'),
		{ message: 'destination_ip_unroutable' },
	);
});
