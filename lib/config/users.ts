// Users as they are written: `name:password` in a configuration, `name:$scrypt$...` a line in the users file.
import { readFileSync } from 'node:fs';
import { Secret } from '../core/secret.ts';
import { parsePasswordHash } from '../policy/password-hash.ts';
import type { PlainUser } from '../policy/users.ts';
import type { UserConfig } from './config.ts';
import type { Finding } from './problem.ts';
import type { Parsed } from './values.ts';

/** `name:password`. */
export function parseUser(text: string): Parsed<PlainUser> {
	const colon = text.indexOf(':');
	if (colon < 0) return { wrong: 'expected "name:password"', found: 'no ":"' };
	return userOf(text.slice(0, colon), text.slice(colon + 1));
}

/** Both have 1 to 255 bytes, as SOCKS5 sends them (RFC 1929 section 2), and the name no `:` (RFC 7617 section 2). */
export function userOf(name: string, password: string): Parsed<PlainUser> {
	if (name.includes(':')) return { wrong: 'expected a name without ":"', found: 'one with it' };
	if (!fits(name)) return { wrong: 'expected a name of 1 to 255 bytes', found: 'another length' };
	if (!fits(password)) return { wrong: 'expected a password of 1 to 255 bytes', found: 'another length' };
	return { value: { name, password: new Secret(password) } };
}

function fits(text: string): boolean {
	const length = Buffer.byteLength(text);
	return length > 0 && length < 256;
}

/** Reads a users file: blank lines and lines that begin with `#` are skipped. `taken` are names that exist already. */
export function readUsersFile(file: string, taken: Iterable<string> = []): UsersFile {
	const names = new Set(taken);
	const users: UserConfig[] = [];
	const findings: Finding[] = [];
	for (const [i, line] of readFileSync(file, 'utf8').split(/\r?\n/).entries()) {
		if (line.trim() === '' || line.startsWith('#')) continue;
		const user = parseLine(line.trim());
		if (typeof user === 'string') findings.push(badLine(file, i + 1, user));
		else if (names.has(user.name)) findings.push(badLine(file, i + 1, AGAIN));
		else users.push(user);
		if (typeof user !== 'string') names.add(user.name);
	}
	return { users, findings };
}

export interface UsersFile {
	readonly users: readonly UserConfig[];
	readonly findings: readonly Finding[];
}

const AGAIN = 'expected each name once, found one that was there before';

/** The user, or what is wrong. */
function parseLine(line: string): UserConfig | string {
	const colon = line.indexOf(':');
	const [name, text] = [line.slice(0, Math.max(0, colon)), line.slice(colon + 1)];
	if (!fits(name)) return 'expected "name:hash", the name 1 to 255 bytes long, found another form';
	const hash = parsePasswordHash(text);
	return typeof hash === 'string' ? `${hash}, found another form` : { name, hash: new Secret(text) };
}

function badLine(file: string, line: number, message: string): Finding {
	return { path: [], at: 'value', message, place: { where: file, line, column: 1 } };
}
