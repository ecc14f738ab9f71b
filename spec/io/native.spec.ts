import { createServer } from 'node:net';
import test from 'ava';
import {
	AF_INET,
	EAGAIN,
	EINPROGRESS,
	EPOLL_DATA_OFFSET,
	EPOLL_EVENT_BYTES,
	errnoName,
	nativeCalls,
	SHUT_WR,
	SOL_SOCKET,
} from '../../lib/io/native.ts';
import { ipOfSockaddr, portOfSockaddr, SOCKADDR_IN6_BYTES, sockaddrOf } from '../../lib/io/sockaddr.ts';

const LOOPBACK = 0x7f000001;
const SO_REUSEADDR = 2;

const calls = nativeCalls();
const native = process.platform === 'linux' ? test : test.skip;

native('this machine has native calls, and looking for them twice finds the same', (t) => {
	t.truthy(calls);
	t.is(nativeCalls(), calls);
});

native('a socket binds, listens, is connected to, and carries bytes both ways', (t) => {
	if (!calls) return t.fail();
	const server = calls.socket(AF_INET);
	t.is(calls.setOption(server, SOL_SOCKET, SO_REUSEADDR, 1), 0);
	t.is(calls.getOption(server, SOL_SOCKET, SO_REUSEADDR), 1);
	t.is(calls.bind(server, sockaddrOf(LOOPBACK, 0)), 0);
	t.is(calls.listen(server, 8), 0);
	const address = new Uint8Array(SOCKADDR_IN6_BYTES);
	t.is(calls.localAddress(server, address), 0);
	t.is(ipOfSockaddr(address), LOOPBACK);

	const client = calls.socket(AF_INET);
	t.true([0, -EINPROGRESS].includes(calls.connect(client, sockaddrOf(LOOPBACK, portOfSockaddr(address)))));
	const accepted = calls.accept(server, address);
	t.true(accepted > 0);
	t.is(ipOfSockaddr(address), LOOPBACK);
	calls.localAddress(client, address.fill(0));
	t.is(ipOfSockaddr(address), LOOPBACK);

	const bytes = Buffer.alloc(64);
	t.is(calls.recv(accepted, bytes, 64), -EAGAIN);
	t.is(calls.send(client, Buffer.from('there'), 5), 5);
	t.is(calls.recv(accepted, bytes, 64), 5);
	t.is(bytes.toString('latin1', 0, 5), 'there');
	t.is(calls.shutdown(accepted, SHUT_WR), 0);
	t.is(calls.recv(client, bytes, 64), 0);
	for (const fd of [server, client, accepted]) t.is(calls.close(fd), 0);
});

native('a failed call gives the errno, negative, and its name', (t) => {
	if (!calls) return t.fail();
	t.is(errnoName(calls.close(-1)), 'EBADF');
	t.is(errnoName(calls.setOptionBytes(-1, SOL_SOCKET, 25, Buffer.from('lo\0'))), 'EBADF');
	t.is(errnoName(calls.socket(12_345)), 'EAFNOSUPPORT');
});

native('a watched epoll set calls back when one of its sockets has something', async (t) => {
	if (!calls) return t.fail();
	const server = createServer((socket) => socket.on('error', () => {}).end('x')).listen(0, '127.0.0.1');
	await new Promise((resolve) => server.once('listening', resolve));
	const address = server.address();
	if (address === null || typeof address === 'string') return t.fail();
	const fd = calls.socket(AF_INET);
	calls.connect(fd, sockaddrOf(LOOPBACK, address.port));
	const epoll = calls.epollCreate();
	const event = new Uint8Array(EPOLL_EVENT_BYTES);
	event[0] = 1; // EPOLLIN
	event[EPOLL_DATA_OFFSET] = 42;
	t.is(calls.epollControl(epoll, 1, fd, event), 0);
	await new Promise<void>((resolve) => {
		const watch = calls.watch(epoll, () => {
			watch.close();
			resolve();
		});
	});
	const events = new Uint8Array(2 * EPOLL_EVENT_BYTES);
	t.is(calls.epollWait(epoll, events, 2, 0), 1);
	t.is(events[EPOLL_DATA_OFFSET], 42);
	for (const open of [epoll, fd]) calls.close(open);
	server.close();
});
