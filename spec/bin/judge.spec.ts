// The judge on real proxies: the gateway at each level, alone and through chains, and other people's with the configuration
// that Debian gives them, one after the other: each takes a process and a few hundred connections. What of bytes is found at
// all, and how it is graded, is in judge/*.spec.ts.

import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { Leak, Verdict } from '../../bin/judge/verdict.ts';
import { BIN, bauta, type CommandResult } from '../helpers/command.ts';
import { startGateway, temporaryFolder } from '../helpers/gateway-process.ts';
import { startMicrosocks, startSquidOfDebian, startTinyproxy, startTinyproxyOfDebian } from '../helpers/hops.ts';
import { freePort, run } from '../helpers/process.ts';
import { needs, program } from '../helpers/programs.ts';
import type { Scope } from '../helpers/scope.ts';

interface Judged {
	readonly code: number | null;
	readonly grade: string | null;
	readonly ok: boolean;
	readonly expected: string;
	readonly proxies: readonly Verdict[];
}

async function judge(t: ExecutionContext, ...args: string[]): Promise<Judged> {
	const { code, stdout, stderr } = await bauta(t, ['judge', '--json', ...args]);
	t.is(stderr, '');
	return { code, ...(JSON.parse(stdout) as Omit<Judged, 'code'>) };
}

function gradesOf({ proxies }: Judged): Record<string, string | null> {
	return Object.fromEntries(proxies.flatMap(({ ways }) => ways.map(({ way, grade }) => [way, grade])));
}

const WAYS = [
	['plain HTTP, address', 'plain HTTP, name', 'CONNECT, address', 'CONNECT, name'],
	['SOCKS5, address', 'SOCKS5, name', 'SOCKS4', 'SOCKS4a'],
].flat();

/** All ways with one grade, but for plain HTTP, which is all that the gateway can read. */
function grades(plain: string): Record<string, string> {
	return Object.fromEntries(WAYS.map((way) => [way, way.startsWith('plain') ? plain : 'byte-true']));
}

/** As `Via added`. */
function words(verdict: Verdict, place: Leak['place'] = 'request'): string[] {
	return verdict.leaks.filter((leak) => leak.place === place).map(({ field, what }) => `${field} ${what}`);
}

test.serial('the gateway as it comes is byte-true by every way', async (t) => {
	const judged = await judge(t, '--expect', 'byte-true');
	const [verdict] = judged.proxies as [Verdict];
	t.deepEqual([judged.code, judged.grade, judged.ok, judged.expected], [0, 'byte-true', true, 'byte-true']);
	t.deepEqual(gradesOf(judged), grades('byte-true'));
	t.deepEqual(verdict.leaks, []);
	t.deepEqual(verdict.askedBy, ['127.0.0.1']);
	const refused = verdict.ways.flatMap((way) => way.refused.map(({ probe }) => probe));
	t.deepEqual([...new Set(refused)], ['a user in the address']);
});

for (const [level, leaks] of [
	['anonymous', ['Via added']],
	[
		'transparent',
		[
			"X-Forwarded-For tells the client's address",
			"Forwarded tells the client's address",
			'Via added',
			'Via passed on',
		],
	],
] as const) {
	test.serial(`the gateway at ${level} is judged so, and exits with 1`, async (t) => {
		const judged = await judge(t, '--anonymity', level);
		t.deepEqual([judged.code, judged.grade, judged.ok, judged.expected], [1, level, false, 'elite']);
		t.deepEqual(gradesOf(judged), grades(level));
		t.deepEqual(new Set(words(judged.proxies[0]!)), new Set<string>(leaks));
	});
}

test.serial('a level that is expected is no failure, and the text shows the bytes', async (t) => {
	const { code, stdout } = await bauta(t, ['judge', '--anonymity', 'anonymous', '--expect', 'anonymous']);
	t.is(code, 0);
	t.regex(stdout, /^a gateway of its own: anonymous, direct\n/);
	t.regex(
		stdout,
		/\nanonymous at best, request: added: Via\n {2}\d+ times, plain HTTP.*\n {2}direct {3}nothing\n {2}through {2}"Via: 1\.1 proxy"\n/,
	);
	t.regex(stdout, /\ngrade: anonymous\n$/);
});

test.serial('what a policy takes off responses is seen, and leaves elite', async (t) => {
	const file = join(temporaryFolder(t), 'bauta.toml');
	writeFileSync(file, '[anonymity.response]\nremove = ["validators", "alternatives", "cookies"]\n');
	const judged = await judge(t, '-c', file);
	t.deepEqual([judged.code, judged.grade], [0, 'elite']);
	t.deepEqual(
		words(judged.proxies[0]!, 'reply').toSorted(),
		['Alt-Svc', 'ETag', 'Last-Modified', 'Set-Cookie'].map((name) => `${name} missing`),
	);
	t.deepEqual(words(judged.proxies[0]!).toSorted(), ['Cookie missing', 'If-None-Match missing']);
});

test.serial('users log in, by the ways that have passwords, and their password is nowhere', async (t) => {
	const { code, stdout } = await bauta(t, ['judge', '--json', '--user', 'alice:s3cret-word', '--expect', 'byte-true']);
	t.is(code, 0);
	t.notRegex(stdout, /s3cret|YWxpY2U6/);
	const judged = { code, ...(JSON.parse(stdout) as Omit<Judged, 'code'>) };
	t.deepEqual(Object.keys(gradesOf(judged)), WAYS.slice(0, 6));
});

needs(
	test,
	'microsocks',
	'tinyproxy',
)('a chain of two other hops is byte-true, too', async (t) => {
	const [first, second] = await Promise.all([startMicrosocks(t), startTinyproxy(t)]);
	const judged = await judge(t, '-F', `${first.url},${second.url}`, '--origin', 'localhost:0', '--expect', 'byte-true');
	t.deepEqual([judged.code, judged.grade], [0, 'byte-true']);
	t.deepEqual(gradesOf(judged), grades('byte-true'));
});

test.serial('a chain of two more gateways is, and the last one alone asks for names', async (t) => {
	const dns = `127.0.0.1:${await freePort()}`;
	const config = `exit = { allow_private = true, ports = "all" }\nresolver.servers = ["${dns}"]\n`;
	const [first, second] = await Promise.all([startGateway(t, [], { config }), startGateway(t, [], { config })]);
	const chain = `socks5://${first.address},http://${second.address}`;
	const judged = await judge(t, '-F', chain, '--dns', dns, '--expect', 'byte-true');
	t.deepEqual([judged.code, judged.grade], [0, 'byte-true']);
	t.deepEqual(gradesOf(judged), grades('byte-true'));
	t.deepEqual(judged.proxies[0]!.askedBy, ['127.0.0.1']);
});

needs(test.serial, 'tinyproxy')(
	'tinyproxy as Debian has it names itself, passes on what identifies, and what is ambiguous',
	async (t) => {
		const { url } = await startTinyproxyOfDebian(t);
		const judged = await judge(t, '--through', url);
		const found = words(judged.proxies[0]!);
		t.deepEqual([judged.code, judged.grade], [1, 'anonymous']);
		for (const word of [
			'Via added',
			'X-Forwarded-For passed on',
			'X-MSISDN passed on',
			'Proxy-Authorization passed on',
		])
			t.true(found.includes(word), word);
		t.true(found.some((word) => word.includes('in two ways, Content-Length beside Transfer-Encoding')));
		t.deepEqual(gradesOf(judged)['CONNECT, address'], 'byte-true');
		const via = judged.proxies[0]!.leaks.find(({ field, what }) => field === 'Via' && what === 'added');
		t.regex(via!.through!, /^Via: 1\.1 tinyproxy/);
	},
);

needs(test.serial, 'squid')('squid as Debian has it tells the address of its client', async (t) => {
	const { url } = await startSquidOfDebian(t);
	const judged = await judge(t, '--through', url);
	const found = words(judged.proxies[0]!);
	t.deepEqual([judged.code, judged.grade], [1, 'transparent']);
	for (const word of [
		"X-Forwarded-For tells the client's address",
		'Via added',
		'Cache-Control added',
		'X-Real-IP passed on',
	])
		t.true(found.includes(word), word);
	const reason = judged.proxies[0]!.ways.find(({ way }) => way === 'CONNECT, address')!.reason;
	t.is(reason, '403 Forbidden', 'of ports it likes 443 alone');
});

/** A proxy that reads where an HTTP request goes and no more: sends all of it on as it is, spoiling a byte of each tunnel. */
async function startMeddler(scope: Scope): Promise<number> {
	const sockets = new Set<Socket>();
	const kept = (socket: Socket): Socket => {
		sockets.add(socket);
		return socket.on('error', () => {});
	};
	const server = createServer((client) => {
		kept(client).once('data', (head: Buffer) => {
			const [, connects, host, port] =
				/^(?:(CONNECT) |\S+ http:\/\/(?:[^@/\s]*@)?)([\d.]+):(\d+)/.exec(head.toString('latin1')) ?? [];
			if (host === undefined) return client.destroy();
			const origin = kept(connect(Number(port), host));
			if (connects) client.write('HTTP/1.1 200 OK\r\n\r\n');
			else origin.write(head);
			let at = 0;
			client.on('data', (chunk: Buffer) => {
				const spot = 1_000 - at;
				at += chunk.length;
				if (connects && spot >= 0 && spot < chunk.length) chunk[spot]! ^= 1;
				origin.write(chunk);
			});
			client.on('close', () => origin.destroy());
			origin.pipe(client);
		});
	}).listen(0, '127.0.0.1');
	await once(server, 'listening');
	scope.teardown(() => {
		server.close();
		for (const socket of sockets) socket.destroy();
	});
	return (server.address() as { port: number }).port;
}

test.serial(
	'absolute form, credentials passed on and a spoilt byte are found, and no credentials are shown',
	async (t) => {
		const port = await startMeddler(t);
		const { code, stdout } = await bauta(t, [
			'judge',
			'--json',
			'--through',
			`http://joe:s3cret-word@127.0.0.1:${port}`,
		]);
		const { grade, proxies } = JSON.parse(stdout) as Judged;
		const [verdict] = proxies as [Verdict];
		t.deepEqual([code, grade, verdict.proxy], [1, 'anonymous', `http://joe:***@127.0.0.1:${port}`]);
		t.notRegex(stdout, /s3cret|am9lOn/);
		const found = words(verdict);
		t.true(found.includes('request line the absolute form, in which only a proxy is asked'));
		t.true(found.includes('Proxy-Authorization added'));
		t.is(verdict.leaks.find(({ field }) => field === 'Proxy-Authorization')!.through, 'Proxy-Authorization: Basic ***');
		const spoilt = verdict.leaks.find(({ place, what }) => place === 'tunnel' && what === 'other bytes to the origin');
		t.is(spoilt?.offset, 1_000);
	},
);

/** Two machines and a wire between them: a gateway on the other one, and the judge, whose addresses lead to its origin. */
const WIRE = `
ip link set lo up
unshare --net sleep 60 & other=$!
until ip link add here type veth peer name there netns $other 2>/dev/null; do sleep 0.01; done
ip addr add 203.0.113.9/24 dev here; ip link set here up
enter="nsenter -t $other -n"
$enter ip link set lo up; $enter ip addr add 203.0.113.1/24 dev there; $enter ip link set there up
mkfifo "$1/log"
$enter "$2" "$3" serve -c "$1/bauta.toml" > "$1/log" & gateway=$!
head -n 1 "$1/log" > "$1/first"; cat "$1/log" > /dev/null &
status=0
"$2" "$3" judge --json --expect byte-true --through http://203.0.113.1:1080 --through socks5://203.0.113.1:1080 \\
	--origin 203.0.113.9:80,443 --dns 203.0.113.9:53 --zone judge.example.org || status=$?
kill $gateway $other
exit $status
`;

const THERE = `listen = ["203.0.113.1:1080"]
resolver.servers = ["203.0.113.9:53"]
rule = [{ action = "allow", address = ["203.0.113.9"] }]
`;

needs(
	test.serial,
	'unshare',
	'ip',
	'mkfifo',
)('a gateway on another machine is judged from outside', async (t) => {
	const folder = temporaryFolder(t);
	writeFileSync(join(folder, 'bauta.toml'), THERE);
	const inside = ['--map-root-user', '--net', 'bash', '-euc', WIRE, 'bash', folder, process.execPath, BIN];
	const { code, stdout, stderr } = await run(t, program('unshare'), inside);
	t.is(code, 0, stderr);
	const judged = { code, ...(JSON.parse(stdout.toString()) as Omit<Judged, 'code'>) };
	t.deepEqual(gradesOf(judged), Object.fromEntries(WAYS.slice(0, 6).map((way) => [way, 'byte-true'])));
	for (const { askedBy, notes } of judged.proxies) {
		t.deepEqual(askedBy, ['203.0.113.1']);
		t.notRegex(notes.join('\n'), /source address/, 'which can be told apart here');
	}
});

test.serial(
	'a proxy that answers without an end is cut off, and what it says does nothing to a terminal',
	async (t) => {
		const flood = createServer((socket) => {
			const pour = (): void => {
				while (socket.writable && socket.write('\u001b[2J'.repeat(10_000)));
			};
			socket.on('drain', pour).on('error', () => {});
			pour();
		}).listen(0, '127.0.0.1');
		await once(flood, 'listening');
		t.teardown(() => void flood.close());
		const url = `http://127.0.0.1:${(flood.address() as { port: number }).port}`;
		const { code, stdout } = await bauta(t, ['judge', '--through', url]);
		t.is(code, 69);
		t.regex(stdout, /plain HTTP, address +0 +not judged: an answer that is no HTTP\n/);
		t.false(stdout.includes('\u001b[2J'));
	},
);

const USAGE: readonly (readonly [args: readonly string[], message: RegExp])[] = [
	[['--expect', 'best'], /expected one of transparent, anonymous, elite, byte-true as --expect/],
	[['--through', 'ftp://joe:s3cret@h'], /expected socks5:\/\/.* as --through/],
	[['--through', 'tor://127.0.0.1'], /expected socks5:\/\/ as --through for Tor/],
	[['--through', 'socks5://192.0.2.1'], /expected --origin/],
	[['--origin', '127.0.0.1'], /expected host:port as --origin/],
	[['--dns', 'x'], /expected host:port as --dns/],
	[['--zone', 'example.org'], /expected --dns beside --zone/],
];

for (const [args, message] of USAGE) {
	test(`${args.join(' ')} is a mistake of the command line`, async (t) => {
		const { code, stdout, stderr } = await bauta(t, ['judge', ...args]);
		t.deepEqual([code, stdout], [64, '']);
		t.regex(stderr, message);
		t.notRegex(stderr, /s3cret/);
	});
}

test.serial('a proxy that is not there cannot be judged, nor an origin where another listens', async (t) => {
	const nobody = await judge(t, '--through', `socks5://127.0.0.1:${await freePort()}`);
	t.deepEqual([nobody.code, nobody.grade, nobody.ok], [69, null, false]);
	t.regex(nobody.proxies[0]!.ways[0]!.reason!, /ECONNREFUSED/);
	const taken = createServer().listen(0, '127.0.0.1');
	await once(taken, 'listening');
	t.teardown(() => void taken.close());
	const place = `127.0.0.1:${(taken.address() as { port: number }).port}`;
	const { code, stderr }: CommandResult = await bauta(t, ['judge', '--origin', place]);
	t.deepEqual([code, stderr], [69, "bauta: the judge's origin cannot listen there (EADDRINUSE)\n"]);
});

test.serial('a configuration that cannot be used is said as everywhere', async (t) => {
	const { code, stderr } = await bauta(t, ['judge', '--anonymity', 'total']);
	t.is(code, 78);
	t.regex(stderr, /--anonymity: anonymity\.level: expected one of/);
});
