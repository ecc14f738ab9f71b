import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { nativeCalls } from '../../lib/io/native.ts';
import { notifier } from '../../lib/io/notify.ts';
import { temporaryFolder } from '../helpers/gateway-process.ts';
import { openNotifySocket } from '../helpers/notify-socket.ts';
import { type Declare, needs } from '../helpers/programs.ts';

const native = nativeCalls() ? test : test.skip;

for (const abstract of [false, true]) {
	native(`what is said arrives, in order, at a socket ${abstract ? 'without' : 'with'} a file`, async (t) => {
		const socket = openNotifySocket(t, { abstract })!;
		const notify = notifier(socket.path)!;
		for (let i = 0; i < 50; i++) notify(`STATUS=${i}`);
		notify('READY=1\nSTATUS=all there');
		await socket.message(/^READY=1\nSTATUS=all there$/);
		t.deepEqual(
			socket.heard.slice(0, 50),
			Array.from({ length: 50 }, (_, i) => `STATUS=${i}`),
		);
	});
}

const carried: Declare = nativeCalls() ? needs(test, 'systemd-notify') : test.skip;
carried('without system calls systemd-notify carries it, in order', async (t) => {
	const socket = openNotifySocket(t)!;
	const notify = notifier(socket.path, { native: null })!;
	notify('READY=1\nSTATUS=one two');
	notify('WATCHDOG=1');
	await socket.message(/WATCHDOG=1/);
	const first = socket.heard.find((text) => text.includes('READY=1'))!;
	t.true(first.includes('STATUS=one two'));
	t.true(socket.heard.indexOf(first) < socket.heard.findIndex((text) => text.includes('WATCHDOG=1')));
});

test('where nobody wants to know, nobody is told', (t) => {
	for (const socket of [undefined, '', 'relative', 'vsock:2:1']) t.is(notifier(socket), null);
});

test('a socket that is not there, and a command that is not there, stop nothing', (t) => {
	const folder = temporaryFolder(t);
	writeFileSync(join(folder, 'file'), '');
	chmodSync(join(folder, 'file'), 0o600);
	for (const socket of [join(folder, 'none'), join(folder, 'file'), `/${'x'.repeat(200)}`]) {
		const notify = notifier(socket);
		notify?.('READY=1');
		t.pass();
	}
});
