import test from 'ava';
import fc from 'fast-check';
import { GUARDED } from '../../lib/anonymity/connection.ts';
import { IDENTIFYING } from '../../lib/anonymity/identifying.ts';
import type { Level } from '../../lib/anonymity/levels.ts';
import { asksUpgrade, closesOrigin, isLastHop } from '../../lib/anonymity/request-head.ts';
import { bytesToOrigin, linesOf, passed, requestHead } from '../helpers/heads.ts';

const LEVELS: readonly Level[] = ['elite', 'anonymous', 'transparent'];

test('order, case, spacing and duplicates stay as the client wrote them', (t) => {
	const lines = [
		'x-B:  two  ',
		'X-A:one',
		'COOKIE: a=1',
		'x-b:\t2',
		'cookie: b=2',
		'aCCept:',
		'User-Agent: caf\u00e9',
		'Transfer-Encoding: chunked',
		'Trailer: X-Sum',
		'Authorization: Basic dXNlcjpwYXNz',
		'Expect: 100-continue',
	];
	t.deepEqual(passed(lines), lines);
});

test('the request line is in origin-form and keeps its method and version', (t) => {
	const sent = (line: string): string => linesOf(bytesToOrigin(requestHead(line, 'Host: example.com')))[0] as string;
	t.is(sent('GET http://example.com/a/../b?c=%20d HTTP/1.1'), 'GET /a/../b?c=%20d HTTP/1.1');
	t.is(sent('PROPFIND http://example.com HTTP/1.0'), 'PROPFIND / HTTP/1.0');
	t.is(sent('OPTIONS http://example.com HTTP/1.1'), 'OPTIONS * HTTP/1.1');
	t.is(sent('GET http://example.com?q HTTP/1.1'), 'GET /?q HTTP/1.1');
});

test('a body is framed as the client framed it, at every level', (t) => {
	for (const level of LEVELS) {
		for (const line of ['Content-Length: 5', 'transfer-encoding:  Chunked']) t.is(passed([line], { level })[0], line);
	}
});

for (const { names = [], words = [], prefixes = [], why } of IDENTIFYING) {
	test(`at every level ${[...names, ...words].slice(0, 3).join(', ')} and the like come off: ${why}`, (t) => {
		const all = [...names, ...words, ...words.map((word) => `X-${word}-Y`), ...prefixes.map((prefix) => `${prefix}y`)];
		const own = all.filter((name) => name !== 'via' && name !== 'forwarded' && name !== 'x-forwarded-for');
		const lines = own.flatMap((name) => [`${name}: canary`, `${name.toUpperCase()}:canary`]);
		for (const level of LEVELS)
			t.deepEqual(passed(['A: 1', ...lines, 'B: 2'], { level }).slice(0, 2), ['A: 1', 'B: 2']);
		for (const level of LEVELS) t.notRegex(passed(lines, { level }).join('\n'), /canary/);
	});
}

const HOPS: readonly string[] = [
	'Keep-Alive: 300',
	'TE: trailers',
	'TE: gzip',
	'HTTP2-Settings: AAMA',
	'Upgrade: websocket',
];

for (const line of [...HOPS, 'Proxy-Authorization: Basic Y2FuYXJ5', 'Proxy-Connection: odd', 'Max-Forwards: 3']) {
	test(`${line} is not for the origin`, (t) => t.deepEqual(passed([line, 'A: 1']), ['A: 1']));
}

const NOMINATED: readonly (readonly [lines: string[], sent: string[]])[] = [
	[['Connection: X-One', 'X-One: 1', 'X-Two: 2'], ['X-Two: 2']],
	[['X-One: 1', 'connection: x-ONE'], []],
	[['Connection: keep-alive, X-One', 'x-one: 1'], ['Connection: keep-alive']],
	[['Connection: X-One', 'Connection: X-Two, close', 'X-One: 1', 'X-Two: 2'], ['Connection: close']],
	[['Proxy-Connection: X-One', 'X-One: 1', 'A: 1'], ['A: 1']],
	[['Connection: Sec-GPC', 'Sec-GPC: 1'], []],
	[['Connection: X-One', 'X-One: 1', 'X-One: 2'], []],
	[['Connection: X-One-And-More', 'X-One: 1'], ['X-One: 1']],
	[['Connection: "X-One"', 'X-One: 1'], ['X-One: 1']],
];

for (const [lines, sent] of NOMINATED) {
	test(`of ${lines.join(' / ')} the origin gets ${sent.join(' / ') || 'nothing'}`, (t) =>
		t.deepEqual(passed(lines), sent));
}

for (const name of GUARDED.filter((guarded) => guarded !== 'host' && guarded !== 'max-forwards')) {
	test(`Connection cannot take off ${name}`, (t) => {
		const value = name === 'content-length' ? '5' : name === 'transfer-encoding' ? 'chunked' : 'x';
		const line = `${name}: ${value}`;
		t.deepEqual(passed([`Connection: close, ${name.toUpperCase()}`, line]), ['Connection: close', line]);
		t.deepEqual(passed([`Proxy-Connection: ${name}`, line]), [line]);
	});
}

test('Connection cannot take off Host', (t) => {
	const head = requestHead('GET http://example.com/ HTTP/1.1', 'Connection: Host', 'Host: example.com');
	t.deepEqual(linesOf(bytesToOrigin(head)), ['GET / HTTP/1.1', 'Host: example.com']);
});

const HOSTS: readonly (readonly [target: string, host: string, sent: string])[] = [
	['example.com', 'Host: example.com', 'Host: example.com'],
	['EXAMPLE.com', 'hOST:Example.COM', 'hOST:Example.COM'],
	['example.com', 'Host: example.com:80', 'Host: example.com:80'],
	['example.com:80', 'Host: example.com', 'Host: example.com'],
	['example.com:8080', 'Host: example.com:8080', 'Host: example.com:8080'],
	['example.com:8080', 'Host: example.com', 'Host: example.com:8080'],
	['example.com', 'Host: example.net', 'Host: example.com'],
	['example.com:80', 'host:\texample.net', 'host:\texample.com'],
	['[2001:db8::1]:8080', 'Host: [2001:db8::1]:8080', 'Host: [2001:db8::1]:8080'],
	['example.com', 'Host:', 'Host:example.com'],
];

for (const [target, host, sent] of HOSTS) {
	test(`for http://${target}/ the origin gets ${JSON.stringify(sent)} of ${JSON.stringify(host)}`, (t) => {
		const head = requestHead(`GET http://${target}/ HTTP/1.1`, 'A: 1', host, 'B: 2');
		t.deepEqual(linesOf(bytesToOrigin(head)), ['GET / HTTP/1.1', 'A: 1', sent, 'B: 2']);
	});
}

test('an HTTP/1.0 request without Host goes on without', (t) => {
	t.deepEqual(linesOf(bytesToOrigin(requestHead('GET http://example.com/ HTTP/1.0', 'A: 1'))), [
		'GET / HTTP/1.0',
		'A: 1',
	]);
});

const CONNECTIONS: readonly (readonly [what: string, lines: string[], sent: string[]])[] = [
	['stays where it stood', ['A: 1', 'Connection: keep-alive', 'B: 2'], ['A: 1', 'Connection: keep-alive', 'B: 2']],
	['that says close stays', ['Connection: close', 'A: 1'], ['Connection: close', 'A: 1']],
	['is not added to', ['A: 1'], ['A: 1']],
	['wins over Proxy-Connection', ['Connection: close', 'Proxy-Connection: keep-alive'], ['Connection: close']],
	['wins over an earlier one', ['Proxy-Connection: keep-alive', 'Connection: close'], ['Connection: close']],
	[
		'is made of Proxy-Connection',
		['A: 1', 'Proxy-Connection: keep-alive', 'B: 2'],
		['A: 1', 'Connection: keep-alive', 'B: 2'],
	],
	['is made in the case it came in', ['PROXY-CONNECTION:Close'], ['CONNECTION:Close']],
	[
		'is made of the first one',
		['Proxy-Connection: keep-alive', 'Proxy-Connection: keep-alive'],
		['Connection: keep-alive'],
	],
	[
		'is not made of what libcurl adds',
		['Accept: */*', 'Proxy-Connection: Keep-Alive', 'A: 1'],
		['Accept: */*', 'A: 1'],
	],
	[
		'is made of what libcurl was told',
		['Accept: */*', 'Proxy-Connection: keep-alive'],
		['Accept: */*', 'Connection: keep-alive'],
	],
	['is not made of other options', ['Proxy-Connection: keep-alive, close'], []],
];

for (const [what, lines, sent] of CONNECTIONS) {
	test(`Connection ${what}: ${lines.join(' / ')}`, (t) => t.deepEqual(passed(lines), sent));
}

test('an upgrade that is carried keeps its lines in place', (t) => {
	const lines = ['Connection: keep-alive, Upgrade', 'A: 1', 'upgrade:websocket', 'Sec-WebSocket-Key: x'];
	t.deepEqual(passed(lines, { upgrade: true }), lines);
	t.deepEqual(passed(lines), ['Connection: keep-alive', 'A: 1', 'Sec-WebSocket-Key: x']);
});

const UPGRADES: readonly (readonly [version: string, lines: string[], asks: boolean])[] = [
	['1.1', ['Connection: Upgrade', 'Upgrade: websocket'], true],
	['1.1', ['connection: keep-alive, UPGRADE', 'upgrade: x, websocket'], true],
	['1.1', ['Upgrade: websocket'], false],
	['1.1', ['Connection: Upgrade'], false],
	['1.1', ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMA'], false],
	['1.1', ['Connection: Upgrade', 'Upgrade: websocket, H2C'], false],
	['1.0', ['Connection: Upgrade', 'Upgrade: websocket'], false],
];

for (const [version, lines, asks] of UPGRADES) {
	test(`HTTP/${version} with ${lines.join(' / ')} ${asks ? 'asks' : 'does not ask'} for an upgrade`, (t) => {
		t.is(asksUpgrade(requestHead(`GET http://example.com/ HTTP/${version}`, 'Host: example.com', ...lines)), asks);
	});
}

const CLOSES: readonly (readonly [version: string, lines: string[], closes: boolean])[] = [
	['1.1', [], false],
	['1.1', ['Connection: x, Close'], true],
	['1.1', ['Proxy-Connection: close'], true],
	['1.1', ['Connection: keep-alive', 'Proxy-Connection: close'], false],
	['1.0', [], true],
	['1.0', ['Connection: Keep-Alive'], false],
	['1.0', ['Proxy-Connection: keep-alive'], false],
	['1.0', ['User-Agent: curl', 'Accept: */*', 'Proxy-Connection: Keep-Alive'], true],
];

for (const [version, lines, closes] of CLOSES) {
	test(`behind HTTP/${version} with [${lines.join(' / ')}] the origin ${closes ? 'closes' : 'may go on'}`, (t) => {
		const head = requestHead(`GET http://example.com/ HTTP/${version}`, 'Host: example.com', ...lines);
		t.is(closesOrigin(head), closes);
		const sent = linesOf(bytesToOrigin(head)).slice(1);
		const says = (option: RegExp): boolean => sent.some((line) => /^connection:/i.test(line) && option.test(line));
		t.is(version === '1.1' ? says(/close/i) : !says(/keep-alive/i), closes, 'by what it is sent');
	});
}

test('anonymous says that there is a proxy and nothing more', (t) => {
	const sent = passed(['Via: 1.1 canary', 'A: 1'], { level: 'anonymous', clientIp: '192.0.2.1' });
	t.deepEqual(sent, ['A: 1', 'Via: 1.1 proxy']);
	const old = requestHead('GET http://example.com/ HTTP/1.0', 'Host: example.com');
	t.is(linesOf(bytesToOrigin(old, { level: 'anonymous' })).at(-1), 'Via: 1.0 proxy');
});

test('transparent says who the client is, and does not believe who it says it is', (t) => {
	const lines = ['X-Forwarded-For: 203.0.113.9', 'Forwarded: for=203.0.113.9', 'Via: 1.1 before', 'A: 1'];
	t.deepEqual(passed(lines, { level: 'transparent', clientIp: '192.0.2.1' }), [
		'Via: 1.1 before',
		'A: 1',
		'Via: 1.1 proxy',
		'X-Forwarded-For: 192.0.2.1',
		'Forwarded: for=192.0.2.1',
	]);
	const six = passed([], { level: 'transparent', clientIp: '2001:db8::1' });
	t.deepEqual(six.slice(1), ['X-Forwarded-For: 2001:db8::1', 'Forwarded: for="[2001:db8::1]"']);
	t.deepEqual(passed([], { level: 'transparent' }), ['Via: 1.1 proxy']);
});

test('elite says nothing of a client that it is told of', (t) => {
	t.deepEqual(passed(['A: 1'], { clientIp: '192.0.2.1' }), ['A: 1']);
});

test('Max-Forwards is counted where the proxy may be seen, and ends an OPTIONS at every level', (t) => {
	const options = (value: string, level: Level): string[] => {
		const head = requestHead('OPTIONS http://example.com/ HTTP/1.1', 'Host: example.com', `Max-Forwards: ${value}`);
		return linesOf(bytesToOrigin(head, { level }))
			.slice(2)
			.filter((line) => !line.startsWith('Via'));
	};
	t.deepEqual(options('3', 'anonymous'), ['Max-Forwards: 2']);
	t.deepEqual(options('3', 'elite'), []);
	t.deepEqual(options('-1', 'anonymous'), []);
	t.deepEqual(passed(['Max-Forwards: 3'], { level: 'anonymous' }), ['Max-Forwards: 3', 'Via: 1.1 proxy']);
	const last = (...lines: string[]): boolean => isLastHop(requestHead(...lines));
	t.true(last('OPTIONS http://example.com/ HTTP/1.1', 'Max-Forwards: 0'));
	t.false(last('OPTIONS http://example.com/ HTTP/1.1', 'Max-Forwards: 1'));
	t.false(last('OPTIONS http://example.com/ HTTP/1.1', 'A: 1'));
	t.false(last('GET http://example.com/ HTTP/1.1', 'Max-Forwards: 0'));
});

// Properties, over heads made of fields that pass, fields that go, and fields that nominate.

const NAMES = [
	'Accept',
	'user-agent',
	'X-Custom',
	'X-Own',
	'Cookie',
	'Sec-GPC',
	'Cache-Control',
	'Keep-Alive',
	'TE',
	'Upgrade',
];
const GOING = [
	'Via',
	'X-Forwarded-For',
	'X-Real-IP',
	'Forwarded',
	'From',
	'Proxy-Foo',
	'X_Client_IP',
	'Proxy-Authorization',
];
const OPTIONS = ['keep-alive', 'close', 'Upgrade', 'X-Custom', 'x-own', 'Host', 'Cookie', 'TE', '', 'Sec-GPC'];

const space = fc.constantFrom('', ' ', '  ', '\t');
const value = fc
	.string({ unit: fc.constantFrom('a', 'Z', '0', ' ', ',', ';', '=', '"', '-'), maxLength: 12 })
	.map((text) => text.trim());
const ordinary = fc.tuple(fc.constantFrom(...NAMES), space, value).map((parts) => `${parts[0]}:${parts[1]}${parts[2]}`);
const going = fc.tuple(fc.constantFrom(...GOING), fc.nat(9)).map(([name, n]) => `${name}: canary${n}`);
const options = fc.array(fc.constantFrom(...OPTIONS), { maxLength: 4 });
const nominating = fc
	.tuple(fc.constantFrom('Connection', 'proxy-connection'), space, options)
	.map(([name, gap, list]) => `${name}:${gap}${list.join(`,${gap}`)}`);
const heads = fc
	.tuple(fc.constantFrom('1.0', '1.1'), fc.array(fc.oneof(ordinary, going, nominating), { maxLength: 14 }))
	.map(([version, lines]) => requestHead(`GET http://example.com/ HTTP/${version}`, 'Host: example.com', ...lines));

function isSubsequence(of: readonly string[], lines: readonly string[]): boolean {
	let at = 0;
	for (const line of lines) {
		at = of.indexOf(line, at) + 1;
		if (at === 0) return false;
	}
	return true;
}

test('of any head the origin gets lines that the client wrote, in that order, but for Connection', (t) => {
	const property = fc.property(heads, fc.boolean(), (head, upgrade) => {
		const sent = linesOf(bytesToOrigin(head, { upgrade })).slice(1);
		const others = sent.filter((line) => !/^connection:/i.test(line));
		return isSubsequence(
			head.fields.map((field) => field.line),
			others,
		);
	});
	t.notThrows(() => fc.assert(property, { numRuns: 2_000 }));
});

test('of any head nothing of what goes arrives, at any level', (t) => {
	const property = fc.property(heads, fc.constantFrom(...LEVELS), (head, level) => {
		const kept = level === 'transparent' ? /^via: canary/i : /^$/;
		const sent = linesOf(bytesToOrigin(head, { level, clientIp: '192.0.2.1' })).filter((line) => !kept.test(line));
		return !sent.some((line) => line.includes('canary') || /^proxy-/i.test(line));
	});
	t.notThrows(() => fc.assert(property, { numRuns: 2_000 }));
});

test('what the origin gets of Connection names no field, and only what the client wrote', (t) => {
	const property = fc.property(heads, fc.boolean(), (head, upgrade) => {
		const lines = linesOf(bytesToOrigin(head, { upgrade })).filter((line) => /^connection:/i.test(line));
		const wrote = head.fields.map((field) => field.value.toLowerCase()).join();
		return lines.every((line) => {
			const passing = line
				.slice('connection:'.length)
				.split(',')
				.map((option) => option.trim().toLowerCase());
			const known = upgrade ? ['keep-alive', 'close', 'upgrade'] : ['keep-alive', 'close'];
			return passing.every((option) => known.includes(option) && wrote.includes(option));
		});
	});
	t.notThrows(() => fc.assert(property, { numRuns: 2_000 }));
});

test('a second elite gateway behind the first changes nothing', (t) => {
	const property = fc.property(heads, fc.boolean(), (head, upgrade) => {
		const once = linesOf(bytesToOrigin(head, { upgrade }));
		const again = requestHead(...once).fields.map((field) => field.line);
		const twice = bytesToOrigin(requestHead(`GET http://example.com/ HTTP/1.${head.minor}`, ...again), { upgrade });
		t.deepEqual(linesOf(twice), once);
	});
	t.notThrows(() => fc.assert(property, { numRuns: 2_000 }));
});
