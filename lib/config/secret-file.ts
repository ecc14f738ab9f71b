// Files that the configuration names and that hold what it should not: users, tokens, passwords. Such a name may be
// `credential:NAME`: then the service manager brings the file (LoadCredential= of systemd.exec(5)), readable for this
// process alone and wherever systemd puts it.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Secret } from '../core/secret.ts';
import type { Parsed } from './values.ts';

const PREFIX = 'credential:';

/** Far above any token or password; what is longer is another file. */
const MOST_BYTES = 4_096;

/** Whether the name is one of a credential and not of a file. */
export function isCredential(name: string): boolean {
	return name.startsWith(PREFIX);
}

/** The path behind a file's name in the configuration. `folder`: what systemd says in $CREDENTIALS_DIRECTORY. */
export function pathOf(name: string, folder: string | undefined = process.env.CREDENTIALS_DIRECTORY): Parsed<string> {
	if (!isCredential(name)) return { value: name };
	const credential = name.slice(PREFIX.length);
	if (!/^[\w.-]{1,255}$/.test(credential) || credential === '.' || credential === '..')
		return { wrong: 'expected "credential:" and a name of letters, digits, ".", "_" and "-"', found: 'another one' };
	if (!folder) {
		const wrong = `expected a credential called ${JSON.stringify(credential)} (LoadCredential= in the unit)`;
		return { wrong, found: 'no $CREDENTIALS_DIRECTORY' };
	}
	return { value: join(folder, credential) };
}

/** What a bearer can show (RFC 6750 section 2.1), or null for nothing. */
export function parseToken(text: string): Parsed<Secret | null> {
	if (text === '') return { value: null };
	if (/^[\w.~+/-]{1,512}=*$|^\*{3}$/.test(text)) return { value: new Secret(text) };
	return { wrong: 'expected a token of letters, digits and "-._~+/", 512 at most', found: 'another one' };
}

/** The one secret that a file holds, the line feed behind it taken off. */
export function readSecretFile(name: string): Parsed<Secret> {
	const path = pathOf(name);
	if ('wrong' in path) return path;
	let bytes: Buffer;
	try {
		bytes = readFileSync(path.value);
	} catch (error) {
		const { code = 'error' } = error as NodeJS.ErrnoException;
		return { wrong: 'expected a readable file', found: `${JSON.stringify(name)} (${code})` };
	}
	if (bytes.length > MOST_BYTES)
		return { wrong: `expected a file of ${MOST_BYTES} bytes at most`, found: 'a longer one' };
	const text = bytes.toString('utf8').replace(/\r?\n$/, '');
	return text === ''
		? { wrong: 'expected a file with a secret in it', found: 'an empty one' }
		: { value: new Secret(text) };
}
