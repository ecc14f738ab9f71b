// Server-sent events (WHATWG HTML section 9.2): the status, once a second, to whoever looks. One timer and one text serve
// all of them, however many; nobody looking costs nothing. Who does not read is let go.
import type { ServerResponse } from 'node:http';
import { AdminError } from './admin-error.ts';

/** A few people with a few tabs each. */
const MOST_STREAMS = 64;

const PERIOD_MS = 1_000;

/** A stalled reader's share of memory: some ten of our events, and more of them where they are long. */
const MOST_UNREAD_BYTES = 65_536;
const MOST_UNREAD_EVENTS = 4;

/** How soon a browser comes back after a cut. */
const RETRY = 'retry: 1000\n\n';

export class Events {
	readonly #read: () => object;
	readonly #streams: Set<ServerResponse> = new Set();
	#timer: NodeJS.Timeout | null = null;

	/** `read` gives what the next event says. */
	constructor(read: () => object) {
		this.#read = read;
	}

	/** Sends events until the peer leaves. Throws AdminError `too_many_streams`. */
	stream(response: ServerResponse): void {
		if (this.#streams.size >= MOST_STREAMS)
			throw new AdminError('too_many_streams', `${MOST_STREAMS} streams are open`);
		response.writeHead(200, { 'Content-Type': 'text/event-stream', 'X-Accel-Buffering': 'no' });
		response.write(RETRY + this.#event());
		this.#streams.add(response);
		response.on('close', () => this.#forget(response));
		this.#timer ??= setInterval(() => this.#send(), PERIOD_MS).unref();
	}

	#event(): string {
		return `event: status\ndata: ${JSON.stringify(this.#read())}\n\n`;
	}

	#send(): void {
		const event = this.#event();
		const mostBytes = Math.max(MOST_UNREAD_BYTES, MOST_UNREAD_EVENTS * event.length);
		for (const response of this.#streams) {
			if (response.writableLength > mostBytes) response.destroy();
			else response.write(event);
		}
	}

	#forget(response: ServerResponse): void {
		this.#streams.delete(response);
		if (this.#streams.size > 0 || !this.#timer) return;
		clearInterval(this.#timer);
		this.#timer = null;
	}

	/** Ends every stream. */
	close(): void {
		for (const response of this.#streams) response.end();
	}
}
