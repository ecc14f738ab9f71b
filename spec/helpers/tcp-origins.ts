// Targets that speak no protocol, each with one manner: echo, reset, silence, or no answer at all.
import { once } from 'node:events';
import { BoundSocket, connect, createServer, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { startProcess } from './process.ts';
import type { Scope } from './scope.ts';

export interface TcpOrigin {
	readonly port: number;
	/** Connections so far, in the order they came. */
	readonly sockets: readonly Socket[];
	/** The next connection that comes, or one that nobody has taken yet. */
	take(): Promise<Socket>;
}

/** Listens on a port of 127.0.0.1, or of `host`; `greet` is called with each connection. Half-open sockets are kept. */
export async function startTcpOrigin(
	scope: Scope,
	greet: (socket: Socket) => void = () => {},
	host = '127.0.0.1',
): Promise<TcpOrigin> {
	const sockets: Socket[] = [];
	const waiting: ((socket: Socket) => void)[] = [];
	let taken = 0;
	const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
		socket.on('error', () => {});
		sockets.push(socket);
		greet(socket);
		while (waiting.length > 0 && taken < sockets.length) waiting.shift()!(sockets[taken++]!);
	});
	server.listen(0, host);
	await once(server, 'listening');
	scope.teardown(() => {
		for (const socket of sockets) socket.destroy();
		server.close();
	});
	const take = (): Promise<Socket> =>
		taken < sockets.length ? Promise.resolve(sockets[taken++]!) : new Promise((resolve) => waiting.push(resolve));
	return { port: (server.address() as { port: number }).port, sockets, take };
}

/** Sends back what comes, and FIN for FIN. */
export function echo(socket: Socket): void {
	socket.pipe(socket);
}

/** Answers the first byte with RST. */
export function resetAtFirstByte(socket: Socket): void {
	socket.once('data', () => socket.resetAndDestroy());
}

/** Speaks first, as SSH and SMTP do, then echoes. */
export function banner(text: string): (socket: Socket) => void {
	return (socket) => {
		socket.write(text);
		echo(socket);
	};
}

/** Takes everything and says nothing. */
export function mute(socket: Socket): void {
	socket.resume();
}

/** Takes everything, says nothing but goodbye: FIN for FIN. */
export function farewell(socket: Socket): void {
	socket.resume().on('end', () => socket.end());
}

/** Resolves when the peer has ended or reset the connection. */
export function left(socket: Socket): Promise<void> {
	return new Promise((resolve) => {
		socket.once('end', () => resolve());
		socket.once('close', () => resolve());
		if (socket.closed || socket.readableEnded) resolve();
		socket.resume();
	});
}

/** Kept, or a port would go to whoever asks the kernel next. */
const bound: BoundSocket[] = [];

/** A port of 127.0.0.1 that refuses for as long as the process lives: bound, and nobody listens. */
export function refusingPort(): Promise<number> {
	const socket = new BoundSocket({ host: '127.0.0.1', port: 0 });
	bound.push(socket);
	return Promise.resolve(socket.address().port);
}

const LISTENER = `require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, function () {
	console.log(this.address().port);
});`;

/**
 * A port of 127.0.0.1 where a connect neither succeeds nor fails: the listener is stopped and its queue full, so that the
 * kernel drops every further SYN. Needs no rights and no route to nowhere.
 */
export async function startBlackhole(scope: Scope): Promise<number> {
	const child = startProcess(scope, process.execPath, ['-e', LISTENER], { stdio: ['ignore', 'pipe', 'inherit'] });
	const [line] = (await once(child.stdout!, 'data')) as [Buffer];
	const port = Number(line.toString());
	child.kill('SIGSTOP');
	while (await connects(scope, port)) {}
	return port;
}

/** False when the queue is full. On loopback a connect that comes through at all is through when the call returns. */
async function connects(scope: Scope, port: number): Promise<boolean> {
	const socket = connect(port, '127.0.0.1');
	scope.teardown(() => void socket.destroy());
	const connected = once(socket, 'connect').then(() => true);
	// The timer may come late and before the news of the socket: that news is waited for.
	return Promise.race([
		connected,
		delay(100)
			.then(turn)
			.then(() => false),
	]);
}

/** One turn of the event loop. */
function turn(): Promise<void> {
	return new Promise((resolve) => setImmediate(resolve));
}
