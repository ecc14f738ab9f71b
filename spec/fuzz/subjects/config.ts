// The configuration loader: a damaged file is a configuration or a ConfigError with places, and no secret in it; what loads
// can be printed without a secret, and what is printed loads again.
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parse } from 'smol-toml';
import type { ConfigInput } from '../../../lib/config/config.ts';
import { isTable } from '../../../lib/config/layers.ts';
import { type Loaded, loadConfig } from '../../../lib/config/load.ts';
import { printConfig } from '../../../lib/config/print.ts';
import { ConfigError } from '../../../lib/config/problem.ts';
import { temporaryFolder } from '../../helpers/gateway-process.ts';
import type { Subject } from '../subject.ts';

/** Stands wherever a seed has a password, a token or a key. */
const SECRET = 'Xq7Secret';

/** Where it may stand and still be one; anywhere else a mutation has put it, and it is shown like any other text. */
const SECRET_PLACES =
	/^(users\.list\.\d+|upstream\.\d+(\.via\.\d+)?|group\.\d+\.(members\.\d+|url)|admin\.token|redis\.url\.\d+)$/;

const SEEDS = [
	`listen = ["127.0.0.1:1080", ":1081"]
upstream = ["socks5://joe:${SECRET}@a.example:1080,http://b.example:3128", { tag = "tor", via = ["tor://127.0.0.1:9050"] }]
[users]
list = ["alice:${SECRET}", "bob:${SECRET}"]
[admin]
listen = "127.0.0.1:9090"
token = "${SECRET}"
`,
	`route = "g"
[redis]
url = ["redis://u:${SECRET}@127.0.0.1:6379"]
[[group]]
tag = "g"
url = "https://provider.example/list?key=${SECRET}"
members = ["socks5://u:${SECRET}@[2001:db8::7]:1080 weight=3", "direct"]
strategy = "weighted"
rotate = "10m"
retry.statuses = [403, 429]
probe = { ask = "http://ip.example/", every = "5m", exits = ["203.0.113.0/24"] }
`,
	`rule = [
  { action = "deny", client = ["192.0.2.0/24", "2001:db8::/32"], time = ["mon-fri 22:00-06:00"] },
  { action = "allow", target = ["wiki.lan", "=a.example"], port = "default,22", address = ["10.1.2.3"], user = ["alice"] },
]
[egress]
source = ["203.0.113.0/28"]
strategy = "sticky"
[[source]]
tag = "office"
from = ["192.0.2.7"]
[limits.network]
up_rate = "8MB"
[timeouts]
dial = "10s"
`,
	readFileSync(join(import.meta.dirname, '../../../conf/public.toml'), 'utf8'),
].map((text) => Buffer.from(text));

const WORDS = [
	'[',
	']',
	'[[',
	']]',
	'{',
	'}',
	'=',
	',',
	'.',
	'"',
	"'",
	'"""',
	"'''",
	'#',
	'\n',
	'\r\n',
	'\\',
	'\\u0000',
	'\\U0010ffff',
	'\0',
	'\xff',
	'\xc3\xa9',
	'true',
	'inf',
	'nan',
	'0x10',
	'1e400',
	'9223372036854775808',
	'1979-05-27T07:32:00Z',
	'"direct"',
	'"block"',
	'"g"',
	'[[group]]\ntag = "x"\nmembers = ["x"]\n',
	'[[rule]]\n',
	'__proto__',
	'constructor',
	'toString',
	'limits.burst = -1\n',
	'via = []',
	'"60s"',
	'"1000000d"',
	'"credential:x"',
	'"/dev/null"',
	'%2C',
	'://',
];

export const CONFIG: Subject = {
	name: 'config',
	seeds: SEEDS,
	words: WORDS,
	limitBytes: 8_192,
	start(scope) {
		const file = join(temporaryFolder(scope), 'bauta.toml');
		const load = (text: string | Buffer): Promise<Loaded> => {
			writeFileSync(file, text);
			return loadConfig({ file });
		};
		return {
			async try(bytes) {
				let loaded: Loaded;
				try {
					loaded = await load(bytes);
				} catch (error) {
					return reachedBy(error, bytes, basename(file));
				}
				await printsAgain(loaded.input, bytes, load);
				return `loaded ${Object.keys(loaded.input).join()}`;
			},
		};
	},
};

function reachedBy(error: unknown, bytes: Buffer, file: string): string {
	if (!(error instanceof ConfigError)) throw error;
	if (error.problems.length === 0) throw new Error('a ConfigError without a problem');
	for (const { where, line, column, message } of error.problems) {
		if (!where.endsWith(file)) throw new Error(`a problem at ${where}`);
		if (!(line === null ? column === null : line > 0 && Number(column) > 0)) throw new Error('a problem at no place');
		if (/[\r\n]/.test(message)) throw new Error('a problem of two lines');
	}
	if (error.message.includes(SECRET) && isSecret(bytes)) throw new Error('a secret is in the message');
	// What is wrong, not where and not with what.
	const kinds = error.problems.map(
		({ path, message }) => `${path.replace(/\d+/g, '0')} ${message.replace(/, found.*/, '')}`,
	);
	return [...new Set(kinds)].slice(0, 4).join(';').slice(0, 200);
}

/** Whether it stands only where a secret is expected. What is no TOML is nowhere shown. */
function isSecret(bytes: Buffer): boolean {
	let data: unknown;
	try {
		data = parse(bytes.toString('utf8'));
	} catch {
		return true;
	}
	return placesOf(data, '').every((place) => SECRET_PLACES.test(place));
}

/** The paths of values and keys that hold it. */
function placesOf(value: unknown, path: string): string[] {
	if (typeof value === 'string') return value.includes(SECRET) ? [path] : [];
	if (Array.isArray(value)) return value.flatMap((item, i) => placesOf(item, `${path}.${i}`.replace(/^\./, '')));
	if (!isTable(value)) return [];
	return Object.entries(value).flatMap(([key, item]) => {
		const at = `${path}.${key}`.replace(/^\./, '');
		return key.includes(SECRET) ? ['a key'] : placesOf(item, at);
	});
}

async function printsAgain(input: ConfigInput, bytes: Buffer, load: (text: string) => Promise<Loaded>): Promise<void> {
	const printed = printConfig(input);
	if (printed.includes(SECRET) && isSecret(bytes) && isWhole(bytes)) throw new Error('a secret is printed');
	const again = printConfig((await load(printed)).input);
	if (again !== printed) throw new Error('what was printed is another configuration');
}

/** A password that a mutation has put in front of a colon is a name. */
function isWhole(bytes: Buffer): boolean {
	const text = bytes.toString('latin1');
	const all = text.split(SECRET).length - 1;
	return all === [...text.matchAll(new RegExp(`(^|[^\\\\])("|(//|")\\w+:|\\?key=)${SECRET}("|@)`, 'gm'))].length;
}
