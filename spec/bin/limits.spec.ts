import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { bauta, type CommandResult } from '../helpers/command.ts';
import { temporaryFolder } from '../helpers/gateway-process.ts';
import { until } from '../helpers/process.ts';
import { needs } from '../helpers/programs.ts';
import { startRedis, startShared } from '../helpers/redis.ts';

const withRedis = needs(test, 'redis-server');

withRedis('shows, resets, bans and unbans a client by its address through the keys of the gateways', async (t) => {
	const { url } = await startRedis(t, ['--requirepass', 's3cret']);
	const { shared } = await startShared(t, { url: url.replace('//', '//:s3cret@') });
	const file = join(temporaryFolder(t), 'bauta.toml');
	writeFileSync(join(file, '../password'), 's3cret\n');
	writeFileSync(file, `[redis]\nurl = ["${url}"]\npassword_file = "${join(file, '../password')}"\n`);
	const limits = async (...args: string[]): Promise<CommandResult> => {
		const result = await bauta(t, ['limits', ...args, '-c', file]);
		t.deepEqual([result.code, result.stderr], [0, ''], args.join(' '));
		return result;
	};
	const client = { kind: 'client', name: '192.0.2.7' } as const;
	await shared.places(client, { limit: 9, held: 2, need: 3, want: 3 });
	await shared.draw(client, { day: { limit: 1e9, want: 5_000 }, month: { limit: 1e9, want: 6_000 } });
	await shared.fail(client, 'authentication', { most: 9, windowMs: 60_000, banMs: 1_000 });
	const [line] = (await limits('show', '192.0.2.7', '--json')).stdout.trim().split('\n');
	const { open, gateways, dayBytes, monthBytes, authentication, banMs } = JSON.parse(line!);
	t.deepEqual([open, gateways, dayBytes, monthBytes, authentication, banMs], [3, 1, 5_000, 6_000, 1, 0]);
	t.regex((await limits('show', '::ffff:192.0.2.7')).stdout, /client 192\.0\.2\.7\n.*3 at 1 gateway\n/);
	t.is(shared.gateways, 1);

	t.is((await limits('ban', '192.0.2.7', '--for', '1h')).stdout, 'banned for 3600s\n');
	await until(
		'the gateway knows',
		() => shared.bannedMs(client),
		(ms) => ms > 3_500_000,
	);
	await limits('unban', '192.0.2.7');
	await until(
		'the gateway knows',
		() => shared.bannedMs(client),
		(ms) => ms === 0,
	);
	await limits('reset', '192.0.2.7');
	t.regex(
		(await limits('show', '192.0.2.7')).stdout,
		/3 at 1 gateway\n.*\n.*\n.* 0 today, 0 this month\n.* 0 to log in/,
	);
	t.regex((await limits('show', '2001:db8::1')).stdout, /^client 2001:db8:0:0::\/64\n.*\nnetwork 2001:db8:0::\/48\n/s);
	t.regex((await limits('show', 'alice')).stdout, /^user alice\n/);
});

test('says that limits are not shared, or that Redis does not answer', async (t) => {
	const unshared = await bauta(t, ['limits', 'show', 'alice']);
	t.is(unshared.code, 78);
	t.regex(unshared.stderr, /in the memory of each gateway/);
	const refused = await bauta(t, ['limits', 'show', 'alice', '--redis', 'redis://:s3cret@127.0.0.1:9']);
	t.is(refused.code, 69);
	t.is(refused.stderr, 'bauta: Redis does not answer: ECONNREFUSED\n');
	t.is((await bauta(t, ['limits', 'ban', 'alice', '--for', 'ever', '--redis', 'redis://h'])).code, 64);
});
