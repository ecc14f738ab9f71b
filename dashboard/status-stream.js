// The statuses of the gateway as they come: server-sent events (WHATWG HTML section 9.2) read by fetch, because EventSource
// cannot show a token. A stream that says nothing for some seconds is as dead as one that was cut.

/** Five events that did not come. */
const SILENCE_MS = 5_000;

/** An answer that is no success: `status` of HTTP, `code` of the API. */
export class Refused extends Error {
	constructor(status, code) {
		super(code);
		this.status = status;
		this.code = code;
	}
}

async function ask(path, token, signal) {
	const headers = token === null ? {} : { Authorization: `Bearer ${token}` };
	const response = await fetch(path, { headers, signal, cache: 'no-store' });
	if (response.ok) return response;
	const body = await response.json().catch(() => null);
	throw new Refused(response.status, body?.error?.code ?? 'unknown');
}

/** The body of `path`. Throws Refused, and TypeError when nobody answers. */
export async function get(path, token) {
	const response = await ask(path, token, AbortSignal.timeout(SILENCE_MS));
	return response.json();
}

/** Calls `told` with each status. Ends by throwing: Refused, or whatever cut it. */
export async function follow(token, told) {
	const abort = new AbortController();
	let timer;
	const heard = () => {
		clearTimeout(timer);
		timer = setTimeout(() => abort.abort(), SILENCE_MS);
	};
	try {
		heard();
		const { body } = await ask('/v1/events', token, abort.signal);
		const reader = body.pipeThrough(new TextDecoderStream()).getReader();
		let text = '';
		for (;;) {
			const { value, done } = await reader.read();
			if (done) throw new TypeError('the stream ended');
			heard();
			const events = (text + value).split('\n\n');
			text = events.pop();
			for (const event of events) tell(event, told);
		}
	} finally {
		clearTimeout(timer);
		abort.abort();
	}
}

function tell(event, told) {
	const lines = event.split('\n');
	if (!lines.includes('event: status')) return;
	const data = lines.filter((line) => line.startsWith('data: ')).map((line) => line.slice(6));
	told(JSON.parse(data.join('\n')));
}
