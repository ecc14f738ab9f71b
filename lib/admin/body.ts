// The body of a request: a small JSON object, or nothing.
import type { IncomingMessage } from 'node:http';
import { AdminError } from './admin-error.ts';

/** A question has a few words. */
const MOST_BYTES = 16_384;

/** Reads it whole; nothing counts as `{}`. Throws AdminError. */
export async function readJson(request: IncomingMessage): Promise<Readonly<Record<string, unknown>>> {
	const type = (request.headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase();
	// A form of another site's page can be sent anywhere, but not with this type.
	if (type !== 'application/json') throw new AdminError('unsupported_media_type', 'send application/json');
	const text = (await readAll(request)).toString('utf8');
	if (text === '') return {};
	const value = parsed(text);
	if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid('a JSON object');
	return value as Readonly<Record<string, unknown>>;
}

async function readAll(request: IncomingMessage): Promise<Buffer> {
	const chunks: Buffer[] = [];
	let length = 0;
	// Its end must not be the end of the connection: an answer is still to come.
	for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
		length += chunk.length;
		if (length > MOST_BYTES) throw new AdminError('body_too_large', `a body has ${MOST_BYTES} bytes at most`);
		chunks.push(chunk);
	}
	return Buffer.concat(chunks);
}

function parsed(text: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		throw invalid('JSON');
	}
}

/** Text, or undefined where nothing is said. Throws AdminError for anything else. */
export function textOf(body: Readonly<Record<string, unknown>>, key: string): string | undefined {
	const value = body[key];
	if (value === undefined || typeof value === 'string') return value;
	throw invalid(`text for ${key}`);
}

/** `expected` is of ours. */
export function invalid(expected: string): AdminError {
	return new AdminError('invalid_request', `expected ${expected}`);
}
