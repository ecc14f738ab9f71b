// Where limits are shared: URLs of Redis, and the files beside them that hold what should not stand in a configuration.
// Nothing of a URL is ever shown.
import { readFileSync } from 'node:fs';
import { Secret } from '../core/secret.ts';
import { targetOfHost } from '../core/target.ts';
import type { RedisLimits } from '../limits/redis-shared.ts';
import type { Finding } from './problem.ts';
import { pathOf, readSecretFile } from './secret-file.ts';
import { type Parsed, parsePort } from './values.ts';

/** As it is written: files not read yet. */
export interface RedisSection extends Omit<RedisLimits, 'password' | 'ca' | 'key'> {
	/** Empty: none. */
	readonly passwordFile: string;
	readonly caFile: string;
	readonly keyFile: string;
}

/** `redis://user:password@host:6379/0`; what means something in a URL, and a comma, is written as %XX. */
export function parseRedisUrl(text: string): Parsed<Secret> {
	const match = /^(rediss?):\/\/(?:([^@/,:]*)(?::([^@/,]*))?@)?(\[[^\]]*\]|[^:@/,]+)(?::(\d+))?(?:\/(\d{0,3}))?$/.exec(
		text,
	);
	if (!match) return refusal('something else');
	const [, , user = '', password = '', host = '', port] = match;
	const isPort = port === undefined || (parsePort(port) ?? 0) > 0;
	if (!isPort || targetOfHost(host, 1) === null) return refusal('another host or port');
	if (!isDecodable(user) || !isDecodable(password)) return refusal('a broken escape');
	return { value: new Secret(text) };
}

function refusal(found: string): Parsed<never> {
	return { wrong: 'expected redis:// or rediss:// with host, host:port or user:password@host:port', found };
}

function isDecodable(text: string): boolean {
	try {
		decodeURIComponent(text);
		return true;
	} catch {
		return false;
	}
}

/** What every key in Redis begins with. Braces would pick the slot of a cluster. */
export function parseKeyPrefix(text: string): Parsed<string> {
	if (/^[\w.:-]{1,64}$/.test(text)) return { value: text };
	return { wrong: 'expected a prefix of letters, digits, "_", ".", ":" and "-", 64 at most' };
}

/** Null where no URL is said: limits are this process's own. Reads the files; what is wrong goes to `findings`. */
export function redisOf(section: RedisSection, findings: Finding[]): RedisLimits | null {
	const { passwordFile, caFile, keyFile, ...rest } = section;
	if (section.urls.length === 0) return null;
	const read = <T>(key: string, parsed: Parsed<T> | null): T | null => {
		if (parsed === null || !('wrong' in parsed)) return parsed?.value ?? null;
		const message = parsed.found === undefined ? parsed.wrong : `${parsed.wrong}, found ${parsed.found}`;
		findings.push({ path: ['redis', key], at: 'value', message });
		return null;
	};
	const password = read('password_file', passwordFile === '' ? null : readSecretFile(passwordFile));
	const ca = read('ca_file', caFile === '' ? null : readText(caFile));
	const key = read('key_file', keyFile === '' ? null : readSecretFile(keyFile));
	return { ...rest, password, ca, key };
}

function readText(file: string): Parsed<string> {
	const path = pathOf(file);
	if ('wrong' in path) return path;
	try {
		return { value: readFileSync(path.value, 'utf8') };
	} catch (error) {
		const { code = 'error' } = error as NodeJS.ErrnoException;
		return { wrong: 'expected a readable file', found: `${JSON.stringify(file)} (${code})` };
	}
}

/** What sections of `[redis]` must not say together. */
export function* redisProblems({ urls, sentinel, leaseMs, saltMs }: RedisSection): Iterable<Finding> {
	const wrong = (key: string, message: string): Finding => ({ path: ['redis', key], at: 'value', message });
	const parsed = urls.map((url) => new URL(url.reveal()));
	if (new Set(parsed.map(({ protocol }) => protocol)).size > 1)
		yield wrong('url', 'expected redis:// or rediss:// everywhere, found both');
	if (urls.length > 1 && sentinel === null && parsed.some(({ pathname }) => /[1-9]/.test(pathname)))
		yield wrong('url', 'expected no number of a database in a cluster, found one');
	if (urls.length === 0 && sentinel !== null)
		yield wrong('sentinel', 'expected the sentinels in redis.url, found none');
	if (saltMs < 2 * leaseMs) yield wrong('salt', 'expected twice redis.lease at least, found less');
}
