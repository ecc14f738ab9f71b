// [redis]: the keys of where limits are shared.
import { z } from 'zod';
import type { RedisInput } from './config.ts';
import { parseKeyPrefix, parseRedisUrl, type RedisSection } from './redis.ts';
import { key, text } from './schema-key.ts';
import { parseDuration } from './values.ts';

/** A duration between two others, in the words that a message shows. */
function between(least: string, most: string): z.ZodType<number, string> {
	const [leastMs, mostMs] = [least, most].map((word) => (parseDuration(word) as { value: number }).value) as [
		number,
		number,
	];
	return text((input) => {
		const parsed = parseDuration(input);
		if ('wrong' in parsed || (parsed.value >= leastMs && parsed.value <= mostMs)) return parsed;
		return { wrong: `expected a duration from "${least}" to "${most}"` };
	});
}

/** [redis]. */
export const redis: z.ZodType<RedisSection, RedisInput | undefined> = z
	.strictObject({
		url: key(
			z.array(text(parseRedisUrl)),
			[],
			'none: limits are counted in this process; with one, all gateways of one Redis hold one limit; several are a cluster',
		),
		sentinel: key(z.string().max(255), '', 'none; else the name of a master, and the URLs are those of its sentinels'),
		user: key(z.string().max(255), '', 'the one in the URL; behind sentinels, where a URL speaks for them, "default"'),
		password_file: key(
			z.string(),
			'',
			'none; else the password of Redis, which in a URL everybody reads who reads this',
		),
		ca_file: key(z.string(), '', 'authorities that Node knows; else a PEM file of those that vouch for rediss://'),
		key_file: key(
			z.string(),
			'',
			'none; else a secret of the fleet, without which who reads Redis cannot even guess who the clients are',
		),
		prefix: key(text(parseKeyPrefix), 'bauta', 'what every key begins with; gateways with the same one are a fleet'),
		wait: key(
			between('5ms', '1s'),
			'50ms',
			'for an answer, then `when_down` of each limit holds; a Redis nearby needs 1ms, nobody notices 50ms',
		),
		lease: key(
			between('3s', '10m'),
			'30s',
			'how long connections of a gateway count that is not heard any more; it speaks three times in a lease',
		),
		salt: key(
			between('10m', '20d'),
			'1d',
			'how long one salt hides who the clients are, before the next; it is destroyed as much later, and bans with it',
		),
	})
	.transform(
		(redis): RedisSection => ({
			urls: redis.url,
			sentinel: redis.sentinel || null,
			user: redis.user || null,
			passwordFile: redis.password_file,
			caFile: redis.ca_file,
			keyFile: redis.key_file,
			prefix: redis.prefix,
			waitMs: redis.wait,
			leaseMs: redis.lease,
			saltMs: redis.salt,
		}),
	)
	.prefault({})
	.meta({
		description:
			"where limits are shared, by clients' keys that name nobody: Redis 6.2 or later, or Valkey; a limit of 16 or more can be passed by a sixteenth for each gateway but the first",
	});
