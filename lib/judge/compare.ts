// Bytes as they came without the proxy beside bytes as they came through it: what differs, and what that tells whom.
import type { Canaries } from './canaries.ts';
import { type Difference, differences, nameOf } from './diff.ts';
import { tells } from './fields.ts';
import { headEnd } from './framing.ts';
import type { Finding } from './grade.ts';

/** What a comparison has to know of one exchange. */
export interface Context {
	readonly canaries: Canaries;
	/** Texts that are the client's address, as it is to the proxy. */
	readonly addresses: readonly string[];
	/** Lines whose being there or not is no difference. */
	readonly either: ReadonlySet<string>;
}

/** What of a request differs at the origin. Both buffers hold one request or the beginning of one. */
export function compareRequests(direct: Buffer, through: Buffer, context: Context): Finding[] {
	if (direct.equals(through)) return [];
	const [want, got] = [split(direct), split(through)];
	const found = requestLine(want.line, got.line);
	const judgedOf = ({ lines }: Message): string[] => lines.filter((line) => !context.either.has(line));
	for (const difference of differences(judgedOf(want), judgedOf(got)))
		found.push(fieldOf(difference, got, want, context));
	if (want.body !== got.body) found.push(bodyOf('request', want, got, context));
	// Whatever it is that no line shows, it is no direct client's.
	if (found.length === 0 && context.either.size === 0) found.push(elite('request', 'another', 'line end'));
	return found;
}

/** What of a reply differs at the client. Nothing of it is told to the origin, so elite is the worst. */
export function compareReplies(direct: Buffer, through: Buffer): Finding[] {
	if (direct.equals(through)) return [];
	const [want, got] = [split(direct), split(through)];
	const found: Finding[] = [];
	if (isInterim(want) && isInterim(got))
		found.push(...compareReplies(direct.subarray(want.headBytes), through.subarray(got.headBytes)));
	if (want.line !== got.line)
		found.push({ ...elite('reply', 'another', 'status line'), offset: 0, direct: want.line, through: got.line });
	for (const difference of differences(want.lines, got.lines)) {
		const field = fieldName(difference);
		found.push({ ...elite('reply', verbOf(difference), field), ...bytesOf(difference, got) });
	}
	if (want.body !== got.body && !(isInterim(want) && isInterim(got))) found.push(bodyOf('reply', want, got, null));
	return found;
}

/** What is behind it is the reply (RFC 9110 section 15.2); behind a 101 nothing is HTTP. */
function isInterim({ line }: Message): boolean {
	return /^HTTP\/1\.1 10[02-9]/.test(line);
}

/** What differs of bytes that nobody has to understand. */
export function compareStreams(sent: Buffer, arrived: Buffer, what: string): Finding[] {
	if (sent.equals(arrived)) return [];
	const offset = firstDifference(sent, arrived);
	const cut = (bytes: Buffer): string => bytes.toString('latin1', offset, offset + 64);
	return [{ ...elite('tunnel', what, null), offset, direct: cut(sent), through: cut(arrived) }];
}

interface Message {
	readonly line: string;
	readonly lines: readonly string[];
	readonly body: string;
	readonly headBytes: number;
}

function split(bytes: Buffer): Message {
	const end = headEnd(bytes) ?? bytes.length;
	const [line = '', ...lines] = bytes
		.toString('latin1', 0, end)
		.replace(/\r\n\r\n$/, '')
		.split('\r\n');
	return { line, lines, body: bytes.toString('latin1', end), headBytes: end };
}

function requestLine(want: string, got: string): Finding[] {
	if (want === got) return [];
	const bytes = { offset: 0, direct: want, through: got };
	if (/^\S+ https?:\/\//i.test(got))
		return [
			{
				...elite('request', 'the absolute form, in which only a proxy is asked', 'request line'),
				...bytes,
				allows: 'anonymous',
			},
		];
	return [{ ...elite('request', 'another', 'request line'), ...bytes }];
}

function fieldOf(difference: Difference, got: Message, want: Message, context: Context): Finding {
	const { what, allows } = judged(difference, want, context);
	return { place: 'request', what, field: fieldName(difference), allows, ...bytesOf(difference, got) };
}

function judged(difference: Difference, want: Message, context: Context): Pick<Finding, 'what' | 'allows'> {
	const line = difference.got;
	if (line === null || difference.moved) return { what: verbOf(difference), allows: 'elite' };
	const old = difference.want ?? '';
	if (context.addresses.some((address) => line.includes(address) && !old.includes(address)))
		return { what: "tells the client's address", allows: 'transparent' };
	const [owner] = context.canaries.foundIn(line, [want.line, ...want.lines].join('\r\n'));
	if (owner !== undefined) return { what: 'passed on', allows: 'anonymous' };
	return { what: verbOf(difference), allows: difference.want === null && tells(nameOf(line)) ? 'anonymous' : 'elite' };
}

function verbOf({ want, got, moved }: Difference): string {
	if (moved) return 'elsewhere';
	if (want === null) return 'added';
	return got === null ? 'missing' : 'written differently';
}

function fieldName({ want, got }: Difference): string {
	return ((got ?? want) as string).split(':')[0] as string;
}

function bytesOf({ want, got, at }: Difference, message: Message): Pick<Finding, 'offset' | 'direct' | 'through'> {
	const index = got === null ? message.lines.length : message.lines.indexOf(got, at);
	const before = [message.line, ...message.lines.slice(0, index)];
	return { offset: before.reduce((sum, line) => sum + line.length + 2, 0), direct: want, through: got };
}

function bodyOf(place: 'request' | 'reply', want: Message, got: Message, context: Context | null): Finding {
	const offset = firstDifference(Buffer.from(want.body, 'latin1'), Buffer.from(got.body, 'latin1'));
	const cut = (text: string): string => text.slice(offset, offset + 64);
	const bytes = { offset: got.headBytes + offset, direct: cut(want.body), through: cut(got.body) };
	const [owner] = context?.canaries.foundIn(got.body, want.body) ?? [];
	if (owner !== undefined) return { place, what: 'passed on', field: owner, allows: 'anonymous', ...bytes };
	return { ...elite(place, 'another, or framed in another way', 'body'), ...bytes };
}

function elite(place: Finding['place'], what: string, field: string | null): Finding {
	return { place, what, field, allows: 'elite', offset: null, direct: null, through: null };
}

function firstDifference(one: Buffer, other: Buffer): number {
	const length = Math.min(one.length, other.length);
	for (let i = 0; i < length; i++) if (one[i] !== other[i]) return i;
	return length;
}
