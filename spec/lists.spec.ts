import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { Dialer } from '../lib/core/dialer.ts';
import { parseHttpUrl } from '../lib/io/fetch.ts';
import { type ListSpec, ListStore, type Lists, readListNow } from '../lib/lists.ts';
import { Direct } from '../lib/outbound/direct.ts';
import { chainOf, localResolver } from './helpers/chains.ts';
import { temporaryFolder } from './helpers/gateway-process.ts';
import { startMiniHop } from './helpers/mini-hops.ts';
import { startWebOrigin } from './helpers/web-origins.ts';

interface Stage {
	readonly store: ListStore;
	readonly notes: string[];
	/** The next note. */
	readonly next: () => Promise<string>;
	readonly open: (...specs: ListSpec[]) => Lists;
}

function stage(t: ExecutionContext): Stage {
	const notes: string[] = [];
	const waiting: ((note: string) => void)[] = [];
	const store = new ListStore((_level, event, facts) => {
		const note = `${event} ${String(facts?.list)}`;
		notes.push(note);
		for (const tell of waiting.splice(0)) tell(note);
	});
	// Watches and timers of lists do not keep the process.
	const alive = setInterval(() => {}, 1_000);
	t.teardown(() => clearInterval(alive));
	const open = (...specs: ListSpec[]): Lists => {
		const lists = store.open(specs);
		t.teardown(() => lists.close());
		return lists;
	};
	return { store, notes, open, next: () => new Promise((resolve) => waiting.push(resolve)) };
}

const nowhere = (): Dialer => {
	throw new Error('nothing is fetched here');
};

const has = (lists: Lists, tag: string, name: string): boolean => lists.byTag.get(tag)!.current.hasName(name);

function fileList(
	t: ExecutionContext,
	text: string,
): { readonly spec: ListSpec; readonly path: string; put(text: string): void } {
	const path = join(temporaryFolder(t), 'ads.txt');
	const put = (content: string): void => {
		writeFileSync(`${path}.new`, content);
		renameSync(`${path}.new`, path);
	};
	put(text);
	return { spec: { tag: 'ads', source: { kind: 'file', path } }, path, put };
}

test('items are there at once', (t) => {
	const { open, notes } = stage(t);
	const lists = open({ tag: 'mine', source: { kind: 'items', items: ['example.com', '@@ok.example.com'] } });
	t.true(has(lists, 'mine', 'www.example.com'));
	t.like(lists.status[0], { tag: 'mine', names: 1, exceptions: 1, hits: 0 });
	t.deepEqual(notes, []);
});

test('a file is read before start is over, and swapped whole when another takes its place', async (t) => {
	const { open, next, notes } = stage(t);
	const file = fileList(t, 'example.com\n');
	const lists = open(file.spec);
	t.is(lists.status[0]?.readAtMs, null);
	await lists.start(nowhere);
	t.true(has(lists, 'ads', 'example.com'));
	t.true(lists.status[0]!.readAtMs! > 0);
	const read = next();
	file.put('example.net\n');
	t.is(await read, 'list read ads');
	t.true(has(lists, 'ads', 'example.net') && !has(lists, 'ads', 'example.com'));
	t.deepEqual(notes, ['list read ads', 'list read ads']);
});

test('an empty file, a page of HTML, bytes and one that is gone change nothing, each in the log once', async (t) => {
	const { open, next, notes } = stage(t);
	const file = fileList(t, 'example.com\n');
	const lists = open(file.spec);
	await lists.start(nowhere);
	for (const text of ['# empty\n', '<html>\n<p>no\n</html>\n', '\0\x01\n\x02\n\0\n\x03\n']) {
		const refused = next();
		file.put(text);
		t.is(await refused, 'list refused ads');
		t.true(has(lists, 'ads', 'example.com'));
	}
	const gone = next();
	renameSync(file.path, `${file.path}.old`);
	t.is(await gone, 'list not read ads');
	// Something else in the folder is no news of the list.
	writeFileSync(`${file.path}.other`, '');
	const back = next();
	file.put('example.org\n');
	t.is(await back, 'list read ads');
	t.is(notes.filter((note) => note === 'list not read ads').length, 1);
});

test('a file that is too long is not read', async (t) => {
	const { open, notes } = stage(t);
	const file = fileList(t, `example.com\n${'#'.repeat(67_108_864)}\n`);
	const lists = open(file.spec);
	await lists.start(nowhere);
	t.deepEqual(notes, ['list not read ads', 'list is empty ads']);
});

test('bad lines are said once, by their numbers alone', async (t) => {
	const { open, next, notes } = stage(t);
	const file = fileList(t, 'example.com\nexample.net\nwhat is this\n');
	const lists = open(file.spec);
	await lists.start(nowhere);
	t.deepEqual(notes, ['lines of a list left out ads', 'list read ads']);
	const again = next();
	file.put('example.com\nexample.org\nwhat is that\n');
	t.is(await again, 'list read ads');
});

test('configurations that name the same list share it, and its counts go on', async (t) => {
	const { open, notes } = stage(t);
	const file = fileList(t, 'example.com\n');
	const before = open(file.spec);
	await before.start(nowhere);
	const after = open(file.spec, { tag: 'other', source: { kind: 'items', items: ['example.org'] } });
	await after.start(nowhere);
	t.is(after.byTag.get('ads'), before.byTag.get('ads'));
	before.close();
	before.close();
	t.true(has(after, 'ads', 'example.com'));
	t.deepEqual(notes, ['list read ads']);
	after.close();
	const later = open(file.spec);
	t.not(later.byTag.get('ads'), after.byTag.get('ads'), 'nobody named it any more');
});

test('a URL is fetched through its way out, kept, and by the way out of whoever is in force', async (t) => {
	const { open, next, notes } = stage(t);
	const bodies = ['example.com\n', '<html>\n<p>\n', '<html>\n<p>\n', 'example.net\n'];
	const origin = await startWebOrigin(t, {
		handler: (_request, response) => {
			response.end(bodies.length > 1 ? bodies.shift() : bodies[0]);
		},
	});
	const [first, second] = [await startMiniHop(t, 'socks5'), await startMiniHop(t, 'socks5')];
	const [one, two] = [first, second].map((hop) => chainOf(t, [`socks5://127.0.0.1:${hop.port}`]));
	const keep = join(temporaryFolder(t), 'kept');
	const url = parseHttpUrl(`http://127.0.0.1:${origin.port}/list?key=s3cret`)!;
	const spec: ListSpec = { tag: 'ads', source: { kind: 'url', url, through: 'far', refreshMs: 20, keep } };
	const lists = open(spec);
	const asked: string[] = [];
	const read = next();
	await lists.start((tag) => {
		asked.push(tag);
		return one!;
	});
	lists.commit(() => two!);
	await read;
	while (!has(lists, 'ads', 'example.net')) await next();
	t.deepEqual(asked, ['far']);
	t.true(second.asked.length >= 2);
	t.is(notes.filter((note) => note === 'list refused ads').length, 1, 'the same page twice is said once');
	t.false(notes.join().includes('s3cret'));
	lists.close();
	t.true(existsSync(keep));
	const kept = readFileSync(keep, 'utf8');
	t.regex(kept, /^example\.(com|net)\n$/);
	const again = open({ ...spec, source: { ...spec.source, refreshMs: 3_600_000 } as ListSpec['source'] });
	const direct = new Direct({}, { resolver: localResolver(t) });
	await again.start(() => direct);
	t.false(again.byTag.get('ads')!.current.isEmpty, 'what was kept is there before the web is asked');
});

test('a list is read once for those who ask what would be', async (t) => {
	const file = fileList(t, 'example.com\nwhat is this\n');
	const { list, path, why } = await readListNow(file.spec);
	t.deepEqual([list.counts.names, list.badLines, path, why], [1, [2], file.path, null]);
	const none = await readListNow({ tag: 'a', source: { kind: 'file', path: `${file.path}.no` } });
	t.deepEqual([none.list.isEmpty, none.why], [true, 'ENOENT']);
	const url = parseHttpUrl('http://list.example/')!;
	const web = await readListNow({
		tag: 'a',
		source: { kind: 'url', url, through: 'direct', refreshMs: 1, keep: null },
	});
	t.deepEqual([web.list.isEmpty, web.path, web.why], [true, null, null]);
});

test('sockets are served while a long list is made', async (t) => {
	const { open } = stage(t);
	const file = fileList(t, Array.from({ length: 60_000 }, (_, i) => `n${i}.example.com`).join('\n'));
	const origin = await startWebOrigin(t);
	const lists = open(file.spec);
	let made = false;
	const start = lists.start(nowhere).then(() => {
		made = true;
	});
	let served = 0;
	while (!made) {
		const response = await fetch(`http://127.0.0.1:${origin.port}/`);
		await response.text();
		if (!made) served++;
		if (served === 3) break;
	}
	await start;
	t.is(served, 3);
});
