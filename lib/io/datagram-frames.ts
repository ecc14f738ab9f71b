// The structures of recvmmsg(2) and sendmmsg(2) for a batch of datagrams, over memory that is allotted once: 64-bit Linux,
// little-endian, as io/native.ts has it.
//
//   mmsghdr, 64 bytes: name pointer 0, name length 8, iovec pointer 16, iovecs 24, control 32 and 40, flags 48, length 56
//   iovec, 16 bytes: pointer 0, length 8

import type { DatagramSink } from '../core/datagram.ts';
import { type Ip, ip4Within } from '../core/ip.ts';
import { AF_INET, AF_INET6, type Native } from './native.ts';
import { SOCKADDR_IN_BYTES, SOCKADDR_IN6_BYTES } from './sockaddr.ts';

/** Datagrams in a batch; more gain nothing that could be measured. */
export const SLOTS = 32;

/** No datagram is longer. Pages that no datagram has reached yet are not there: 32 times 1,500 bytes take 128 KiB. */
const DATAGRAM_BYTES = 65_536;

/** A header with a name for each of three hops; a longer one cannot be sent. */
const HEAD_BYTES = 1_024;

/** A slot is 32 bytes, a sockaddr of either family fits. */
const NAME_BYTES = 32;

const HEADER_WORDS = 16;
const IOVEC_WORDS = 4;
const TWO_TO_32 = 0x1_0000_0000;

export class DatagramFrames {
	/** The headers for recvmmsg(2). */
	readonly received: Uint8Array = new Uint8Array(SLOTS * HEADER_WORDS * 4);
	/** How many wait to be sent. */
	waiting = 0;
	readonly #receivedWords: Uint32Array = new Uint32Array(this.received.buffer);
	readonly #receivedVectors: Uint32Array = new Uint32Array(SLOTS * IOVEC_WORDS);
	readonly #bytes: Buffer = Buffer.allocUnsafeSlow(SLOTS * DATAGRAM_BYTES);
	readonly #names: Buffer = Buffer.alloc(SLOTS * NAME_BYTES);
	readonly #sent: Uint8Array = new Uint8Array(SLOTS * HEADER_WORDS * 4);
	readonly #sentWords: Uint32Array = new Uint32Array(this.#sent.buffer);
	/** Two for each: the head and the payload. */
	readonly #sentVectors: Uint32Array = new Uint32Array(SLOTS * 2 * IOVEC_WORDS);
	readonly #sentNames: Buffer = Buffer.alloc(SLOTS * NAME_BYTES);
	readonly #heads: Buffer = Buffer.alloc(SLOTS * HEAD_BYTES);
	readonly #bytesAt: number;
	readonly #namesAt: number;
	readonly #sentNamesAt: number;
	readonly #headsAt: number;
	readonly #calls: Native;

	constructor(calls: Native) {
		this.#calls = calls;
		this.#bytesAt = calls.addressOf(this.#bytes);
		this.#namesAt = calls.addressOf(this.#names);
		this.#sentNamesAt = calls.addressOf(this.#sentNames);
		this.#headsAt = calls.addressOf(this.#heads);
		const receivedVectorsAt = calls.addressOf(asBytes(this.#receivedVectors));
		const sentVectorsAt = calls.addressOf(asBytes(this.#sentVectors));
		for (let i = 0; i < SLOTS; i++) {
			const [header, vector] = [i * HEADER_WORDS, i * IOVEC_WORDS];
			putPointer(this.#receivedWords, header, this.#namesAt + i * NAME_BYTES);
			this.#receivedWords[header + 2] = SOCKADDR_IN6_BYTES;
			putPointer(this.#receivedWords, header + 4, receivedVectorsAt + vector * 4);
			this.#receivedWords[header + 6] = 1;
			putPointer(this.#receivedVectors, vector, this.#bytesAt + i * DATAGRAM_BYTES);
			this.#receivedVectors[vector + 2] = DATAGRAM_BYTES;
			putPointer(this.#sentWords, header + 4, sentVectorsAt + 2 * vector * 4);
			this.#sentWords[header + 6] = 2;
			putPointer(this.#sentVectors, 2 * vector, this.#headsAt + i * HEAD_BYTES);
		}
	}

	/** Tells the sink the datagram that came into slot `i`. */
	tell(i: number, sink: DatagramSink): void {
		const name = i * NAME_BYTES;
		const isIp4 = this.#names[name] === AF_INET;
		const ip = isIp4 ? ip4Within(this.#names, name + 4) : Uint8Array.from(this.#names.subarray(name + 8, name + 24));
		const port = (this.#names[name + 2] as number) * 256 + (this.#names[name + 3] as number);
		// The kernel wrote how long the address was: the next one may be longer.
		this.#receivedWords[i * HEADER_WORDS + 2] = SOCKADDR_IN6_BYTES;
		const start = i * DATAGRAM_BYTES;
		sink.datagram(this.#bytes, start, start + (this.#receivedWords[i * HEADER_WORDS + 14] as number), ip, port);
	}

	/** Whether these are the bytes that datagrams come into. */
	holds(bytes: Buffer): boolean {
		return bytes === this.#bytes;
	}

	/** Adds a datagram to those that wait; bytes that were not received here must live until `clear`. False: the head is too long. */
	put(head: Buffer | null, bytes: Buffer, start: number, end: number, ip: Ip | null, port: number): boolean {
		const headBytes = head === null ? 0 : head.length;
		if (headBytes > HEAD_BYTES) return false;
		const i = this.waiting++;
		if (head !== null) this.#heads.set(head, i * HEAD_BYTES);
		const vector = 2 * i * IOVEC_WORDS;
		this.#sentVectors[vector + 2] = headBytes;
		const at = bytes === this.#bytes ? this.#bytesAt : this.#calls.addressOf(bytes);
		putPointer(this.#sentVectors, vector + IOVEC_WORDS, at + start);
		this.#sentVectors[vector + IOVEC_WORDS + 2] = end - start;
		this.#putName(i, ip, port);
		return true;
	}

	#putName(i: number, ip: Ip | null, port: number): void {
		const header = i * HEADER_WORDS;
		const name = i * NAME_BYTES;
		const names = this.#sentNames;
		putPointer(this.#sentWords, header, ip === null ? 0 : this.#sentNamesAt + name);
		if (ip === null) {
			this.#sentWords[header + 2] = 0;
			return;
		}
		names[name + 2] = port >>> 8;
		names[name + 3] = port & 255;
		if (typeof ip === 'number') {
			names[name] = AF_INET;
			names[name + 4] = ip >>> 24;
			names[name + 5] = (ip >>> 16) & 255;
			names[name + 6] = (ip >>> 8) & 255;
			names[name + 7] = ip & 255;
			this.#sentWords[header + 2] = SOCKADDR_IN_BYTES;
			return;
		}
		names[name] = AF_INET6;
		names.fill(0, name + 4, name + 8);
		names.set(ip, name + 8);
		names.fill(0, name + 24, name + NAME_BYTES);
		this.#sentWords[header + 2] = SOCKADDR_IN6_BYTES;
	}

	/** The headers for sendmmsg(2) from the waiting one `i` on. */
	toSend(i: number): Uint8Array {
		return i === 0 ? this.#sent : this.#sent.subarray(i * HEADER_WORDS * 4);
	}

	clear(): void {
		this.waiting = 0;
	}
}

function asBytes(words: Uint32Array): Uint8Array {
	return new Uint8Array(words.buffer);
}

function putPointer(words: Uint32Array, at: number, pointer: number): void {
	words[at] = pointer % TWO_TO_32;
	words[at + 1] = Math.floor(pointer / TWO_TO_32);
}
