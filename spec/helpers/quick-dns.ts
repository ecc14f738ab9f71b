// A DNS server in a thread of its own, for floods: one whose socket overflows would be at fault itself. What is asked decides
// the answer: silence for names under `silent.example`, NXDOMAIN under `none.example`, else 127.0.0.1, and no IPv6.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import type { Scope } from './scope.ts';

/** RFC 1035 section 4.1: bytes of the header, QR and RA, RCODE 3. */
const HEADER_BYTES = 12;
const RESPONSE = 0x8180;
const NXDOMAIN = 3;

/** The name points at the question, A, IN, 60 s, 4 bytes, 127.0.0.1. */
const ADDRESS: Buffer = Buffer.of(0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1);

const SILENT: Buffer = Buffer.from('\x06silent\x07example\0', 'latin1');
const NONE: Buffer = Buffer.from('\x04none\x07example\0', 'latin1');

/** Null: no answer. */
function answerTo(query: Buffer): Buffer | null {
	if (query.includes(SILENT)) return null;
	const end = query.indexOf(0, HEADER_BYTES) + 5;
	const isA = query.readUInt16BE(end - 4) === 1;
	const none = query.includes(NONE);
	const reply = Buffer.from(query.subarray(0, end));
	reply.writeUInt16BE(RESPONSE | (none ? NXDOMAIN : 0), 2);
	reply.writeUInt16BE(isA && !none ? 1 : 0, 6);
	reply.writeUInt16BE(0, 10);
	return isA && !none ? Buffer.concat([reply, ADDRESS]) : reply;
}

/** As a resolver is told it. Serves until the scope ends. */
export async function startQuickDns(scope: Scope): Promise<string> {
	const worker = new Worker(new URL(import.meta.url));
	scope.teardown(async () => void (await worker.terminate()));
	const [port] = (await once(worker, 'message')) as [number];
	return `127.0.0.1:${port}`;
}

if (!isMainThread && parentPort) {
	const socket = createSocket({ type: 'udp4', recvBufferSize: 4_000_000 });
	socket.on('message', (query, peer) => {
		const answer = answerTo(query);
		if (answer) socket.send(answer, peer.port, peer.address, () => {});
	});
	socket.bind(0, '127.0.0.1', () => parentPort?.postMessage(socket.address().port));
}
