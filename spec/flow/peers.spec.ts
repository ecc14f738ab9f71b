import test from 'ava';
import fc from 'fast-check';
import type { Aim, DatagramSocket } from '../../lib/core/datagram.ts';
import { PeerRoom, Peers } from '../../lib/flow/peers.ts';
import { keyOfIp4 } from '../../lib/protocol/socks5-udp.ts';

const socket = {} as DatagramSocket;
const aimAt = (ip: number, port: number): Aim => ({ socket, head: null, ip, port, from: ip });

function add(peers: Peers, ip: number, port: number, nowMs = 0): void {
	peers.ready(peers.begin(keyOfIp4(ip, port)), aimAt(ip, port), nowMs);
}

test('an entry holds for ten seconds, and its answers are heard until a new one takes its place', (t) => {
	const peers = new Peers('endpoint', new PeerRoom());
	add(peers, 1, 53);
	t.truthy(peers.get(keyOfIp4(1, 53), 9_999));
	t.is(peers.get(keyOfIp4(1, 53), 10_000), null);
	t.truthy(peers.heard(1, 53));
	const again = peers.begin(keyOfIp4(1, 53));
	t.is(peers.heard(1, 53), again);
	peers.refuse(again, 'refused', 10_000);
	t.is(peers.heard(1, 53), null);
	t.is(peers.get(keyOfIp4(1, 53), 10_001)?.drop, 'refused');
});

test('a name that moved is heard from where it is now', (t) => {
	const peers = new Peers('address', new PeerRoom());
	peers.ready(peers.begin('name'), aimAt(1, 53), 0);
	peers.ready(peers.begin('name'), aimAt(2, 53), 20_000);
	t.is(peers.heard(1, 53), null);
	t.truthy(peers.heard(2, 99));
});

test('the table of one association and that of all have an end', (t) => {
	const room = new PeerRoom();
	const greedy = new Peers('address', room);
	for (let ip = 1; ip <= 10_000; ip++) add(greedy, ip, 53);
	t.is(greedy.size, 256);
	t.is(greedy.heard(1, 53), null);
	t.truthy(greedy.heard(10_000, 53));
	room.count = 65_536;
	const modest = new Peers('address', room);
	for (let ip = 1; ip <= 100; ip++) add(modest, ip, 53);
	t.is(modest.size, 8);
	modest.clear();
	t.is(room.count, 65_536);
	greedy.clear();
	t.is(room.count, 65_536 - 256);
});

test('whatever is done, who is heard was sent to, and the room is what is there', (t) => {
	const step = fc.tuple(fc.constantFrom('ready', 'refuse', 'begin'), fc.integer({ min: 1, max: 300 }));
	fc.assert(
		fc.property(fc.array(step, { maxLength: 600 }), (steps) => {
			const room = new PeerRoom();
			const peers = new Peers('address', room);
			const sent = new Set<number>();
			for (const [what, ip] of steps) {
				const peer = peers.begin(keyOfIp4(ip, 1));
				if (what === 'ready') {
					peers.ready(peer, aimAt(ip, 1), 0);
					sent.add(ip);
				} else if (what === 'refuse') peers.refuse(peer, 'refused', 0);
			}
			for (let ip = 1; ip <= 300; ip++) if (peers.heard(ip, 7) && !sent.has(ip)) return false;
			return room.count === peers.size && peers.size <= 256;
		}),
	);
	t.pass();
});
