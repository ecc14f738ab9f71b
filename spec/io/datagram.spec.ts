// Both kinds of socket, by one list of what they have to do.
import test, { type ExecutionContext } from 'ava';
import type { DatagramSocket } from '../../lib/core/datagram.ts';
import { formatIp, type Ip, parseIp } from '../../lib/core/ip.ts';
import { Datagrams } from '../../lib/io/datagram.ts';
import { PortTurns } from '../../lib/io/port-choice.ts';
import { udpEnd } from '../helpers/udp.ts';

const LOOPBACK: Ip = 0x7f000001;
const LOOPBACK6 = parseIp('::1') as Ip;

interface Heard {
	readonly text: string;
	readonly from: string;
}

/** A socket and what it heard, each taken once. */
async function opened(
	t: ExecutionContext,
	datagrams: Datagrams,
	{ ip = LOOPBACK, onDatagram = () => {} }: { ip?: Ip; onDatagram?: (socket: DatagramSocket) => void } = {},
): Promise<{ socket: DatagramSocket; heard: () => Promise<Heard>; unsent: () => number }> {
	const queue: Heard[] = [];
	let wake = (): void => {};
	let unsent = 0;
	const sink = {
		datagram(bytes: Buffer, start: number, end: number, from: Ip, port: number): void {
			queue.push({ text: bytes.toString('latin1', start, end), from: `${formatIp(from)} ${port}` });
			onDatagram(socket);
			wake();
		},
		unsent: () => {
			unsent++;
			wake();
		},
	};
	const socket: DatagramSocket = await datagrams.open(ip, new PortTurns(null), sink);
	t.teardown(() => socket.close());
	const heard = async (): Promise<Heard> => {
		while (queue.length === 0) {
			await new Promise<void>((resolve) => {
				wake = resolve;
			});
		}
		return queue.shift() as Heard;
	};
	return { socket, heard, unsent: () => unsent };
}

for (const native of [true, false]) {
	const kind = native ? 'system calls' : 'node:dgram';
	const all = new Datagrams({ native });

	test(`${kind}: is what was asked for`, (t) => {
		t.is(all.isNative, native && process.platform === 'linux');
	});

	for (const [family, ip] of [
		['IPv4', LOOPBACK],
		['IPv6', LOOPBACK6],
	] as const) {
		test(`${kind}: ${family} datagrams of every size come and go`, async (t) => {
			const peer = await udpEnd(t, formatIp(ip));
			const { socket, heard } = await opened(t, all, { ip });
			for (const size of [0, 1, 1_200, 1_452, 9_000, 65_500]) {
				const payload = Buffer.alloc(size, 'x');
				socket.send(null, payload, 0, size, ip, peer.port);
				const { bytes, from } = await peer.take();
				t.true(bytes.equals(payload));
				t.is(from.port, socket.port);
				await peer.send(bytes, from.port, from.address);
				t.deepEqual(await heard(), { text: payload.toString(), from: `${formatIp(ip)} ${peer.port}` });
			}
		});
	}

	test(`${kind}: a head goes before the part of the bytes that is meant`, async (t) => {
		const peer = await udpEnd(t);
		const { socket } = await opened(t, all);
		socket.send(Buffer.from('head '), Buffer.from('..payload..'), 2, 9, LOOPBACK, peer.port);
		t.is((await peer.take()).bytes.toString(), 'head payload');
	});

	test(`${kind}: what comes is sent on from where it lies, in order, however much there is at once`, async (t) => {
		const [source, destination] = [await udpEnd(t), await udpEnd(t)];
		const forward = await all.open(LOOPBACK, new PortTurns(null), {
			datagram: (bytes, start, end) => forward.send(Buffer.from('>'), bytes, start, end, LOOPBACK, destination.port),
			unsent: () => t.fail(),
		});
		t.teardown(() => forward.close());
		await Promise.all(Array.from({ length: 80 }, (_, i) => source.send(Buffer.from(`${i}`), forward.port)));
		for (let i = 0; i < 80; i++) t.is((await destination.take()).bytes.toString(), `>${i}`);
	});

	test(`${kind}: a connected socket hears its peer alone and needs no address`, async (t) => {
		const [peer, stranger] = [await udpEnd(t), await udpEnd(t)];
		const { socket, heard } = await opened(t, all);
		socket.connect(LOOPBACK, peer.port);
		await stranger.send(Buffer.from('stranger'), socket.port);
		await peer.send(Buffer.from('peer'), socket.port);
		t.is((await heard()).text, 'peer');
		socket.send(null, Buffer.from('back'), 0, 4, null, 0);
		t.is((await peer.take()).bytes.toString(), 'back');
	});

	test(`${kind}: a datagram that is too long is told to be unsent, and the next one goes`, async (t) => {
		const peer = await udpEnd(t);
		const { socket, heard, unsent } = await opened(t, all);
		socket.send(null, Buffer.alloc(65_530), 0, 65_530, LOOPBACK, peer.port);
		socket.send(null, Buffer.from('next'), 0, 4, LOOPBACK, peer.port);
		t.is((await peer.take()).bytes.toString(), 'next');
		await peer.send(Buffer.from('x'), socket.port);
		await heard();
		t.is(unsent(), 1);
	});

	test(`${kind}: a peer that is not there costs no datagram to one that is`, async (t) => {
		const gone = await opened(t, all);
		const nobody = gone.socket.port;
		gone.socket.close();
		const peer = await udpEnd(t);
		const { socket } = await opened(t, all);
		for (let i = 0; i < 3; i++) {
			socket.send(null, Buffer.from('lost'), 0, 4, LOOPBACK, nobody);
			socket.send(null, Buffer.from(`${i}`), 0, 1, LOOPBACK, peer.port);
			t.is((await peer.take()).bytes.toString(), `${i}`);
		}
	});

	test(`${kind}: closed within what it is told, it hears no more, and its port is free`, async (t) => {
		const peer = await udpEnd(t);
		let count = 0;
		const { socket } = await opened(t, all, {
			onDatagram: (open) => {
				count++;
				open.close();
				open.close();
				open.send(null, Buffer.from('x'), 0, 1, LOOPBACK, peer.port);
			},
		});
		const { port } = socket;
		await Promise.all([1, 2, 3].map((i) => peer.send(Buffer.from(`${i}`), port)));
		const { socket: again, heard } = await opened(t, all, {});
		await peer.send(Buffer.from('on'), again.port);
		t.is((await heard()).text, 'on');
		t.is(count, 1);
		t.is(peer.waiting, 0);
		const same = await all.open(LOOPBACK, new PortTurns([port, port]), { datagram: () => {}, unsent: () => {} });
		t.is(same.port, port);
		same.close();
	});

	test(`${kind}: a range that is taken is no port`, async (t) => {
		const { port } = (await opened(t, all)).socket;
		const failed = all.open(LOOPBACK, new PortTurns([port, port]), { datagram: () => {}, unsent: () => {} });
		const error = await t.throwsAsync(failed);
		t.like(error, { code: 'connection_limit_reached', side: 'gateway', phase: 'connect' });
	});
}
