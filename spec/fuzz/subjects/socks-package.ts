// Our SOCKS codecs against npm's `socks`, a client that others wrote: what it sends is what our server reads, and replies that we
// take it takes, too. What it takes and we refuse is in a list, with the reason.
import { deepStrictEqual } from 'node:assert/strict';
import { type Duplex, duplexPair } from 'node:stream';
import { SocksClient, type SocksClientOptions } from 'socks';
import { type Target, targetOfHost } from '../../../lib/core/target.ts';
import { SniffServer } from '../../../lib/protocol/sniff.ts';
import { Socks4Client } from '../../../lib/protocol/socks4.ts';
import { Socks5Client } from '../../../lib/protocol/socks5.ts';
import { Player, play } from '../../helpers/dialogue.ts';
import { pick, type Roll } from '../dice.ts';
import type { Subject } from '../subject.ts';
import { SOCKS_WORDS } from '../words.ts';
import { HOP_REPLIES } from './codecs.ts';

/** What it takes and ours refuses, by the note of ours. */
const REFUSED_BY_US: Readonly<Record<string, string>> = {
	'chose a method not offered': 'it offers "none" beside a password, ours never: flows would be put together',
	'not SOCKS5': 'it does not look at VER of the method',
	'not RFC 1929': 'it does not look at VER of the status',
	'not a SOCKS4 reply': 'it does not look at VN',
	'not a SOCKS5 reply': 'it takes an ATYP that does not exist for IPv4',
};

type Type = 4 | 5;

interface Asked {
	readonly type: Type;
	readonly target: Target;
	readonly user: string;
	readonly password: string;
}

function optionsOf(
	{ type, target, user, password }: Asked,
	socket: Duplex,
): SocksClientOptions & { command: 'connect' } {
	const login = user === '' ? {} : { userId: user, ...(type === 5 ? { password } : {}) };
	return {
		proxy: { host: '127.0.0.1', port: 1, type, ...login },
		command: 'connect',
		destination: { host: target.host, port: target.port },
		existing_socket: socket as never,
		timeout: 5_000,
	};
}

/** Letters of a name, of the bytes that a mutation made. */
function word(bytes: Buffer, most: number): string {
	return bytes
		.subarray(0, most)
		.toString('latin1')
		.replace(/[^a-z0-9]/gi, 'x')
		.toLowerCase();
}

function askedOf(bytes: Buffer, roll: Roll): Asked {
	const hosts = ['192.0.2.7', '2001:db8::7', `h${word(bytes, 50)}.example`, `a.h${word(bytes, 60)}.b.example`];
	const type = pick<Type>(roll, [4, 5]);
	const target = targetOfHost(
		pick(roll, type === 4 ? hosts.filter((host) => !host.includes(':')) : hosts),
		1 + roll(65_535),
	);
	const [user, password] = roll(2) === 0 ? ['', ''] : [`u${word(bytes, 200)}`, `p${word(bytes, 254)}`];
	return { type, target: target as Target, user, password };
}

/** What our server makes of what it sends. */
async function served(asked: Asked): Promise<string> {
	const [near, far] = duplexPair();
	const player = new Player(new SniffServer({ authRequired: asked.user !== '' && asked.type === 5 }));
	far.on('data', (chunk: Buffer) => {
		player.feed(chunk);
		// It would be confused by an answer that comes before its write is over.
		setImmediate(() => far.write(player.takeSent()));
	});
	await SocksClient.createConnection(optionsOf(asked, near));
	const { intent, credentials, end } = player.finish();
	const proof =
		asked.user === '' ? undefined : { user: asked.user, password: asked.type === 5 ? asked.password : null };
	deepStrictEqual([intent, credentials, end], [{ kind: 'tunnel', target: asked.target }, proof, 'established']);
	near.destroy();
	return `${asked.type} ${asked.target.kind} ${asked.user === ''}`;
}

/** What both make of a reply. */
async function replied(bytes: Buffer, asked: Asked): Promise<string> {
	const credentials = asked.user === '' ? {} : { credentials: asked };
	const codec =
		asked.type === 4
			? new Socks4Client({ target: asked.target, user: asked.user, variant: 'socks4a' })
			: new Socks5Client({ target: asked.target, ...credentials });
	const ours = play(codec, [bytes]);
	const [near, far] = duplexPair();
	let rest = bytes;
	let messages = 0;
	far.on('data', (chunk: Buffer) => {
		// What comes before it has asked confuses it: two bytes answer a greeting and a password.
		const isLast = asked.type === 4 || (messages++ > 0 && chunk[0] !== 1) || rest.length < 3;
		const part = isLast ? rest : rest.subarray(0, 2);
		rest = rest.subarray(part.length);
		setImmediate(() => far.writableEnded || (isLast ? far.end(part) : far.write(part)));
	});
	near.on('end', () => setImmediate(() => near.destroy()));
	const theirs = await SocksClient.createConnection(optionsOf(asked, near)).then(
		() => true,
		() => false,
	);
	near.destroy();
	const note = ours.error?.note ?? `${ours.error?.code}`;
	if (ours.end === 'established' && !theirs) throw new Error('we take a reply that the package refuses');
	if (theirs && ours.end === 'fail' && !(note in REFUSED_BY_US))
		throw new Error(`it takes a reply that we refuse: ${note}`);
	return `${asked.type} ${theirs} ${ours.end} ${note}`;
}

export const SOCKS_PACKAGE: Subject = {
	name: 'socks-package',
	seeds: [...HOP_REPLIES.socks4a, ...HOP_REPLIES.socks5],
	words: SOCKS_WORDS,
	limitBytes: 2_048,
	width: 8,
	start: () => ({
		try(bytes, roll) {
			const asked = askedOf(bytes, roll);
			return roll(4) === 0 ? served(asked) : replied(bytes, asked);
		},
	}),
};
