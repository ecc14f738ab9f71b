// llhttp, the parser of node:http, as an oracle: what it reads out of bytes in its default strict mode. No sockets: a
// server is given a connection that is a stream in memory, and a client its connection likewise.
import { once } from 'node:events';
import { type IncomingMessage, request, Server } from 'node:http';
import { Duplex } from 'node:stream';

export interface Message {
	/** Method and request-target, or status and reason. */
	readonly line: readonly [string, string];
	readonly version: string;
	/** Name, value, name, value, as received. */
	readonly fields: readonly string[];
	/** latin1. */
	readonly body: string;
	readonly trailers: readonly string[];
}

export interface Reading {
	/** Those that were read to the end of their body. */
	readonly messages: readonly Message[];
	/** HPE_.. or null. */
	readonly error: string | null;
}

class Wire extends Duplex {
	override _read(): void {}
	override _write(_chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
		done();
	}
}

async function read(incoming: IncomingMessage, line: readonly [string, string]): Promise<Message> {
	const chunks: Buffer[] = [];
	for await (const chunk of incoming) chunks.push(chunk as Buffer);
	return {
		line,
		version: incoming.httpVersion,
		fields: incoming.rawHeaders,
		body: Buffer.concat(chunks).toString('latin1'),
		trailers: incoming.rawTrailers,
	};
}

/** The requests that `bytes` and a FIN behind them are; of a CONNECT the head alone, and nothing behind it. */
export async function llhttpRequests(bytes: Buffer): Promise<Reading> {
	const messages: Promise<Message>[] = [];
	let error: string | null = null;
	const server = new Server({ maxHeaderSize: 1 << 20, requireHostHeader: false });
	server.maxHeadersCount = 0;
	// Nothing is answered: a reply could end the connection for reasons of its own.
	Object.assign(server, { httpAllowHalfOpen: true });
	const wire = new Wire();
	// Bodies come out of their streams a little after the parser has read them.
	const leave = (): void => void setImmediate(() => wire.destroy());
	server.on('request', (incoming) => messages.push(read(incoming, [incoming.method ?? '', incoming.url ?? ''])));
	server.on('connect', (incoming: IncomingMessage) => {
		const line = [incoming.method ?? '', incoming.url ?? ''] as const;
		const head = { line, version: incoming.httpVersion, fields: incoming.rawHeaders, body: '', trailers: [] };
		messages.push(Promise.resolve(head));
		leave();
	});
	server.on('clientError', (thrown: NodeJS.ErrnoException) => {
		error = thrown.code ?? 'unknown';
		leave();
	});
	wire.on('end', leave);
	wire.on('error', () => {});
	server.emit('connection', wire);
	wire.push(bytes);
	wire.push(null);
	if (!wire.closed) await once(wire, 'close');
	const settled = await Promise.allSettled(messages);
	return { messages: settled.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : [])), error };
}

/** The final response that `bytes` and a FIN behind them are to a request with that method. */
export async function llhttpResponse(bytes: Buffer, method: string): Promise<Reading> {
	const wire = new Wire();
	const sent = request({ method, createConnection: () => wire as never, maxHeaderSize: 1 << 20 });
	sent.maxHeadersCount = 0;
	const reading = new Promise<Reading>((resolve) => {
		const failed = (thrown: NodeJS.ErrnoException): void => {
			resolve({ messages: [], error: thrown.code ?? 'unknown' });
			wire.destroy();
		};
		sent.on('error', failed);
		sent.on('response', (incoming) => {
			read(incoming, [String(incoming.statusCode), incoming.statusMessage ?? '']).then(
				(message) => resolve({ messages: [message], error: null }),
				failed,
			);
		});
	});
	sent.end();
	wire.push(bytes);
	wire.push(null);
	return reading;
}
