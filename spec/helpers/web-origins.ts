// HTTP, HTTPS and WebSocket targets, and bodies too big to keep: made and summed as they go by.
import { createCipheriv, createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { pipeline, Readable } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { Scope } from './scope.ts';

/** A self-signed certificate for localhost, 127.0.0.1, ::1 and *.origin.test, good until 2120; its own authority. */
export const CERTIFICATE_FILE: string = join(import.meta.dirname, 'certificate/cert.pem');
const KEY_FILE = join(import.meta.dirname, 'certificate/key.pem');

const BLOCK_BYTES = 65_536;

export interface WebOrigin {
	readonly port: number;
	/** Requests so far: method, target and header lines as they came. */
	readonly requests: readonly SeenRequest[];
}

export interface SeenRequest {
	readonly method: string;
	readonly url: string;
	readonly rawHeaders: readonly string[];
}

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/**
 * Serves `handler`, by default: GET /bytes/N gives the first N bytes of the pattern, POST anything gives the SHA-256 of
 * the body in hex, everything else gives `hello`. A WebSocket on any path echoes.
 */
export async function startWebOrigin(
	scope: Scope,
	options: { readonly secure?: boolean; readonly handler?: Handler } = {},
): Promise<WebOrigin> {
	const requests: SeenRequest[] = [];
	const listener: Handler = (request, response) => {
		const { method = '', url = '', rawHeaders } = request;
		requests.push({ method, url, rawHeaders });
		(options.handler ?? answer)(request, response);
	};
	const server = options.secure ? secure(listener) : createServer(listener);
	echoWebSockets(server);
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	scope.teardown(() => {
		server.close();
		server.closeAllConnections();
	});
	return { port: (server.address() as AddressInfo).port, requests };
}

function secure(listener: Handler): Server {
	return createSecureServer({ key: readFileSync(KEY_FILE), cert: readFileSync(CERTIFICATE_FILE) }, listener);
}

function echoWebSockets(server: Server): void {
	const sockets = new WebSocketServer({ server });
	sockets.on('connection', (socket) => {
		socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
	});
}

function answer(request: IncomingMessage, response: ServerResponse): void {
	const asked = /^\/bytes\/(\d+)$/.exec(request.url ?? '');
	if (request.method === 'POST' || request.method === 'PUT') sum(request, response);
	else if (asked) send(response, Number(asked[1]));
	else response.end('hello');
}

function send(response: ServerResponse, lengthBytes: number): void {
	response.writeHead(200, { 'Content-Length': lengthBytes });
	pipeline(Readable.from(pattern(lengthBytes)), response, () => {});
}

function sum(request: IncomingMessage, response: ServerResponse): void {
	const hash = createHash('sha256');
	request.on('data', (chunk: Buffer) => hash.update(chunk));
	request.on('end', () => response.end(hash.digest('hex')));
}

/** `lengthBytes` bytes that never repeat, so that lost, doubled and swapped pieces all show. */
export function* pattern(lengthBytes: number): Generator<Buffer> {
	const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16));
	const zeros = Buffer.alloc(BLOCK_BYTES);
	for (let left = lengthBytes; left > 0; left -= BLOCK_BYTES) {
		yield cipher.update(left < BLOCK_BYTES ? zeros.subarray(0, left) : zeros);
	}
}

/** SHA-256, in hex, of the first bytes of the pattern. */
export function sumOfPattern(lengthBytes: number): string {
	const hash = createHash('sha256');
	for (const block of pattern(lengthBytes)) hash.update(block);
	return hash.digest('hex');
}
