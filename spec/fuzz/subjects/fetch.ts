// A server of lists that means harm: what it answers is a list of bounded length or a GatewayError, in time, and what it says to
// tell that nothing has changed can be sent back to it.
import { type Duplex, duplexPair } from 'node:stream';
import type { Dialer } from '../../../lib/core/dialer.ts';
import { GatewayError } from '../../../lib/core/error.ts';
import { fetchOnce, type HttpUrl, parseHttpUrl, type Validators } from '../../../lib/io/fetch.ts';
import { StreamLink } from '../../../lib/io/link.ts';
import { RESPONSES } from '../../helpers/http-agreement.ts';
import { cuts } from '../campaign.ts';
import type { Roll } from '../dice.ts';
import type { Subject } from '../subject.ts';
import { HTTP_WORDS } from '../words.ts';

const URL = parseHttpUrl('http://u:secret@lists.example/all?key=1') as HttpUrl;

const LIMIT_BYTES = 1_000;

const DEADLINE_MS = 60;

const SEEDS = [
	...RESPONSES,
	Buffer.from(
		'HTTP/1.1 200 OK\r\nETag: W/"a\xe9"\r\nLast-Modified: x\r\nContent-Length: 15\r\n\r\n192.0.2.7:1080\n',
		'latin1',
	),
	Buffer.from('HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 304 Not Modified\r\nETag: "b"\r\n\r\n'),
	Buffer.from('HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9090/\r\nContent-Length: 0\r\n\r\n'),
];

export const FETCH: Subject = {
	name: 'fetch',
	seeds: SEEDS,
	words: [...HTTP_WORDS, 'ETag: ', 'ETag: "\x80"\r\n', 'Last-Modified:\t\r\n', 'Set-Cookie: a=b\r\n'],
	limitBytes: 20_000,
	width: 16,
	start: () => ({
		async try(bytes, roll) {
			const first = await fetched(bytes, roll, {});
			if (typeof first === 'string') return first;
			const again = await fetched(bytes, roll, first.validators);
			return `${first.status} ${Object.keys(first.validators).join()} ${typeof again === 'string' ? again : again.status}`;
		},
	}),
};

async function fetched(
	bytes: Buffer,
	roll: Roll,
	validators: Validators,
): Promise<{ readonly status: number; readonly validators: Validators } | string> {
	const [near, far] = duplexPair();
	answer(far, bytes, roll);
	const through: Dialer = { dial: () => Promise.resolve(new StreamLink(near, { side: 'target' })) };
	const { signal } = new AbortController();
	const options = { signal, deadlineMs: DEADLINE_MS, limitBytes: LIMIT_BYTES, validators };
	const answered = await fetchOnce(URL, through, options).catch(wordOf);
	if (!near.destroyed) throw new Error('a connection is left');
	far.destroy();
	if (typeof answered !== 'string' && answered.body.length > LIMIT_BYTES)
		throw new Error(`a list of ${answered.body.length} bytes`);
	return answered;
}

function wordOf(error: unknown): string {
	if (!(error instanceof GatewayError)) throw error;
	if (error.code === 'proxy_internal_error') throw error.cause ?? error;
	return `${error.code} ${error.note}`;
}

/** Says this to whatever it is asked, and goes or does not. */
function answer(far: Duplex, bytes: Buffer, roll: Roll): void {
	const [chunks, goes] = [cuts(bytes, roll, 4), roll(3) > 0];
	far.once('data', () => {
		for (const chunk of chunks) if (!far.destroyed) far.write(chunk);
		if (goes) far.end();
	});
	far.on('error', () => {}).resume();
}
