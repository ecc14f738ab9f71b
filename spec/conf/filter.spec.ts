// docs/filter.md, taken at its word: its files load, and decide as the text around them says.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { bauta } from '../helpers/command.ts';
import { temporaryFolder } from '../helpers/gateway-process.ts';

const PAGE = readFileSync(join(import.meta.dirname, '../../docs/filter.md'), 'utf8');

/** The block of TOML below a heading. */
function below(heading: string): string {
	const section = PAGE.split('\n## ').find((part) => part.startsWith(heading));
	return /```toml\n(.*?)```/s.exec(section ?? '')![1]!;
}

/** What `bauta route` says, with such a file and lists beside it; `kept` is where the web's list was kept. */
async function routes(t: ExecutionContext, heading: string): Promise<(...args: string[]) => Promise<string>> {
	const folder = temporaryFolder(t);
	const file = join(folder, 'bauta.toml');
	writeFileSync(file, below(heading).replace('/var/lib/bauta/', `${folder}/kept-`));
	writeFileSync(join(folder, 'kept-ads.txt'), '||ads.example.net^\n||example.net^\n');
	writeFileSync(join(folder, 'malware.txt'), '0.0.0.0 bad.example.org\n');
	writeFileSync(join(folder, 'ads.txt'), '! ads\n||ads.example.net^\n');
	return async (...args) => {
		const { stdout, stderr } = await bauta(t, ['route', ...args, '-c', file]);
		return (stdout + stderr).replaceAll(folder, '');
	};
}

test('ads and malware are refused, and what is excepted is not', async (t) => {
	const route = await routes(t, 'Block ads and malware');
	t.regex(
		await route('x.ads.example.net'),
		/rule {6}no ads .*\nlist {6}ads \(\/kept-ads\.txt:1\)\nrefused {3}http_request_denied/,
	);
	t.regex(await route('bad.example.org'), /list {6}malware \(\/malware\.txt:1\)/);
	t.regex(await route('tracker.example.net'), /list {6}ads/);
	t.regex(await route('www.good.example.net'), /rule {6}none\nway out {3}direct/);
});

test('one user is filtered, and the other is not', async (t) => {
	const route = await routes(t, 'For one user');
	const noon = ['--at', '2026-11-23T12:00'];
	t.regex(await route('ads.example.net', '--user', 'kid', ...noon), /list {6}ads \(\/ads\.txt:2\)\nrefused/);
	t.regex(await route('example.org', '--user', 'kid', ...noon), /way out {3}direct/);
	t.regex(await route('example.org', '--user', 'kid', '--at', '2026-11-23T22:00'), /rule {6}rule-2 .*\nrefused/);
	t.regex(await route('ads.example.net', '--user', 'mum', ...noon), /way out {3}direct/);
});

test('nothing passes but what is on the list, and the list opens nothing else', async (t) => {
	const route = await routes(t, 'Nothing but what is on a list');
	t.regex(
		await route('x.school.example.net', '--user', 'kid'),
		/list {6}school .*bauta\.toml:\d+:\d+\)\nway out {3}direct/,
	);
	t.regex(await route('www.example.org', '--user', 'kid'), /way out {3}direct/);
	t.regex(await route('a.www.example.org', '--user', 'kid'), /rule {6}rule-2 .*\nrefused/);
	t.regex(await route('school.example.net:25', '--user', 'kid'), /refused/);
	t.regex(await route('example.com', '--user', 'mum'), /way out {3}direct/);
});

test('a report lets pass and says so', async (t) => {
	const route = await routes(t, 'First report, then deny');
	t.regex(await route('ads.example.net'), /reported {2}would be ads by list new \(\/ads\.txt:2\)\nway out {3}direct/);
});

test('plain HTTP is judged by path and media type, and HTTPS is not', async (t) => {
	const route = await routes(t, 'Plain HTTP');
	t.regex(await route('http://example.org/x/../%64ownloads/a'), /rule {6}no programs .*\nrefused/);
	t.regex(await route('http://example.org/setup.exe?x'), /rule {6}no programs .*\nrefused/);
	t.regex(await route('http://example.org/'), /then {6}rule no films looks at the media type of the answer/);
	t.false((await route('https://example.org/setup.exe')).includes('no '));
});

test('bauta check says what lists have', async (t) => {
	const folder = temporaryFolder(t);
	const file = join(folder, 'bauta.toml');
	writeFileSync(
		join(folder, 'ads.txt'),
		'||ads.example.net^\nexample.org##.ad\nwhat is this\n/a|b/\n192.0.2.0/24\n@@||x.example^\n',
	);
	writeFileSync(file, below('First report, then deny'));
	const { code, stdout } = await bauta(t, ['check', '-c', file]);
	t.is(code, 0);
	t.is(
		stdout.split('\n')[0],
		`list new (${folder}/ads.txt): 1 names, 1 prefixes, 1 expressions, 1 exceptions; ignored lines: 1 of other kinds, 1 bad (3)`,
	);
	const json = JSON.parse((await bauta(t, ['check', '--json', '-c', file])).stdout) as { lists: object[] };
	t.like(json.lists[0], { tag: 'new', names: 1, otherLines: 1, badLines: 1, lines: [3], why: null });
});

test('what is wrong with lists is said at its place, all of it', async (t) => {
	const folder = temporaryFolder(t);
	const file = join(folder, 'bauta.toml');
	const text = `[[list]]
tag = "a"
items = ["example.com",
  "what is this", "/(?=a)/"]
[[list]]
tag = "a"
file = "nowhere.txt"
[[list]]
tag = "b"
url = "https://lists.example/"
through = "far"
[[list]]
tag = "c"
[[rule]]
action = "allow"
list = ["a", "bb"]
type = ["video"]
method = ["post"]
path = ["admin", "~("]
`;
	writeFileSync(file, text);
	const broken = await bauta(t, ['check', '-c', file]);
	t.is(broken.code, 78);
	const places = broken.stderr.split('\n').map((line) => line.replace(`${folder}/`, '').replace(/: expected.*/, ''));
	t.deepEqual(
		places.filter((line) => line.startsWith('bauta.toml')),
		[
			'bauta.toml:4:3: list[0].items[1]',
			'bauta.toml:4:19: list[0].items[2]',
			'bauta.toml:12:1: list[3]',
			'bauta.toml:17:9: rule[0].type[0]',
			'bauta.toml:18:11: rule[0].method[0]',
			'bauta.toml:19:9: rule[0].path[0]',
			'bauta.toml:19:18: rule[0].path[1]',
		],
	);
	writeFileSync(
		file,
		text
			.replace(/,\n.*\/"\]/, ']')
			.replace('tag = "c"', 'tag = "c"\nitems = ["x.y"]')
			.replace(/type.*/s, 'type = ["video/*"]\n'),
	);
	const compared = await bauta(t, ['check', '-c', file]);
	t.deepEqual(
		compared.stderr
			.split('\n')
			.filter((line) => line.includes('bauta.toml'))
			.map((line) => line.replace(`${folder}/`, '').replace(/: expected.*/, '')),
		[
			'bauta.toml:5:7: list[1].tag',
			'bauta.toml:6:8: list[1].file',
			'bauta.toml:10:11: list[2].through',
			'bauta.toml:16:14: rule[0].list[1]',
			'bauta.toml:17:8: rule[0].type',
		],
	);
});
