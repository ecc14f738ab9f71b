import test, { type ExecutionContext } from 'ava';
import { nativeCalls } from '../../lib/io/native.ts';
import { ServiceManager } from '../../lib/io/service-manager.ts';
import { type NotifySocket, openNotifySocket } from '../helpers/notify-socket.ts';

const native = nativeCalls() ? test : test.skip;

function managed(t: ExecutionContext): { socket: NotifySocket; manager: ServiceManager } {
	const socket = openNotifySocket(t)!;
	return { socket, manager: new ServiceManager({ NOTIFY_SOCKET: socket.path }) };
}

native('ready, reloads and stops are told with what they are about', async (t) => {
	const { socket, manager } = managed(t);
	manager.ready(() => 'serving', { env: {} });
	const before = process.hrtime.bigint() / 1_000n;
	manager.reloading();
	manager.reloaded('serving again');
	manager.stopping('draining', 30_000);
	await socket.message(/^STOPPING=1/);
	const [ready, reloading, reloaded, stopping] = socket.heard;
	t.is(ready, 'READY=1\nSTATUS=serving');
	const usec = BigInt(/^RELOADING=1\nMONOTONIC_USEC=(\d+)$/.exec(reloading!)![1]!);
	t.true(usec >= before && usec <= process.hrtime.bigint() / 1_000n);
	t.is(reloaded, 'READY=1\nSTATUS=serving again');
	t.is(stopping, 'STOPPING=1\nEXTEND_TIMEOUT_USEC=35000000\nSTATUS=draining');
});

native('the watchdog hears from the event loop, as often as it wants to', async (t) => {
	const { socket, manager } = managed(t);
	manager.ready(() => 'serving', { env: { WATCHDOG_USEC: '20000', WATCHDOG_PID: String(process.pid) } });
	await socket.message(/^WATCHDOG=1$/);
	manager.stopping('over', 0);
	t.pass();
});

native('the watchdog hears nothing while those that this process answers for do not turn', async (t) => {
	const { socket, manager } = managed(t);
	let asked = 0;
	manager.ready(() => 'serving', {
		env: { WATCHDOG_USEC: '4000', WATCHDOG_PID: String(process.pid) },
		alive: () => ++asked > 3,
	});
	await socket.message(/^WATCHDOG=1$/);
	t.true(asked > 3);
	manager.stopping('over', 0);
});

native('a watchdog that waits for another process, or for none, hears nothing', async (t) => {
	for (const env of [{ WATCHDOG_USEC: '1000', WATCHDOG_PID: '999999999' }, { WATCHDOG_USEC: '0' }, {}]) {
		const { socket, manager } = managed(t);
		manager.ready(() => 'serving', { env });
		const alive = new ServiceManager({ NOTIFY_SOCKET: socket.path });
		alive.ready(() => 'the other', { env: { WATCHDOG_USEC: '5000' } });
		await socket.message(/^WATCHDOG=1$/);
		t.is(socket.heard.filter((text) => text === 'READY=1\nSTATUS=serving').length, 1);
		manager.stopping('over', 0);
		alive.stopping('over', 0);
	}
});

native('who has handed over says so, and nothing after it', async (t) => {
	const { socket, manager } = managed(t);
	manager.ready(() => 'serving', { env: {} });
	manager.handOver(4711);
	manager.stopping('draining', 1);
	new ServiceManager({ NOTIFY_SOCKET: socket.path }).ready(() => 'the next', { env: {} });
	await socket.message(/the next/);
	t.deepEqual(socket.heard, ['READY=1\nSTATUS=serving', 'MAINPID=4711', 'READY=1\nSTATUS=the next']);
});

test('without a service manager nothing is told and nothing runs', (t) => {
	const manager = new ServiceManager({});
	t.notThrows(() => {
		manager.ready(() => t.fail('nobody asks'), { env: { WATCHDOG_USEC: '1000' } });
		manager.reloading();
		manager.reloaded('x');
		manager.handOver(1);
		manager.stopping('x', 1);
	});
});
