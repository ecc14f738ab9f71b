import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { FileDiscovery } from '../../lib/discovery/file.ts';
import { temporaryFolder } from '../helpers/gateway-process.ts';

interface Watched {
	readonly folder: string;
	readonly file: string;
	/** What it told and noted, in order. */
	readonly heard: string[];
	/** The next thing that it tells or notes. */
	next(): Promise<string>;
	start(): Promise<void>;
}

function watched(t: ExecutionContext, name = 'list'): Watched {
	const folder = temporaryFolder(t);
	const heard: string[] = [];
	const waiting: ((text: string) => void)[] = [];
	const hear = (text: string): void => {
		heard.push(text);
		for (const tell of waiting.splice(0)) tell(text);
	};
	const file = join(folder, name);
	const discovery = new FileDiscovery(file, (_level, event, facts) => hear(`${event}: ${String(facts?.why)}`));
	// The watch alone does not keep the process.
	const alive = setInterval(() => {}, 1_000);
	t.teardown(() => {
		clearInterval(alive);
		discovery.close();
	});
	const start = (): Promise<void> =>
		discovery.start((bytes) => {
			hear(bytes.toString());
			return true;
		});
	return {
		folder,
		file,
		heard,
		start,
		next: () => new Promise((resolve) => waiting.push(resolve)),
	};
}

test('a file is told when it is started, and again when it has changed', async (t) => {
	const list = watched(t);
	writeFileSync(list.file, 'one');
	await list.start();
	t.deepEqual(list.heard, ['one']);
	const next = list.next();
	writeFileSync(list.file, 'another');
	t.is(await next, 'another');
});

test('a file that is put in the place of another is seen', async (t) => {
	const list = watched(t);
	writeFileSync(list.file, 'one');
	await list.start();
	const next = list.next();
	writeFileSync(`${list.file}.new`, 'two');
	renameSync(`${list.file}.new`, list.file);
	t.is(await next, 'two');
});

test('a config map, where a link beside the file is turned, is seen', async (t) => {
	const list = watched(t);
	for (const [folder, text] of [
		['1', 'one'],
		['2', 'second'],
	] as const) {
		mkdirSync(join(list.folder, folder));
		writeFileSync(join(list.folder, folder, 'list'), text);
	}
	symlinkSync('1', join(list.folder, 'data'));
	symlinkSync('data/list', list.file);
	await list.start();
	const next = list.next();
	symlinkSync('2', join(list.folder, 'data.new'));
	renameSync(join(list.folder, 'data.new'), join(list.folder, 'data'));
	t.is(await next, 'second');
	t.deepEqual(list.heard, ['one', 'second']);
});

test('a file that is not there is noted, and told when it comes; one that goes changes nothing', async (t) => {
	const list = watched(t);
	await list.start();
	t.deepEqual(list.heard, ['list not read: ENOENT']);
	const next = list.next();
	writeFileSync(list.file, 'late');
	t.is(await next, 'late');
	const gone = list.next();
	rmSync(list.file);
	t.is(await gone, 'list not read: ENOENT');
	const back = list.next();
	writeFileSync(list.file, 'late');
	t.is(await back, 'late');
});

test('a folder that is not there is no reason to stop', async (t) => {
	const list = watched(t, 'nowhere/list');
	await list.start();
	t.deepEqual(list.heard, ['list not watched: undefined', 'list not read: ENOENT']);
});
