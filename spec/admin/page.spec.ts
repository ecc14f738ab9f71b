import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { PAGE_FILES } from '../../lib/admin/page.ts';
import { answerOf } from '../helpers/admin.ts';
import { SHOWN, staged } from '../helpers/admin-stage.ts';

const ROOT = join(import.meta.dirname, '../..');
const FOLDER = join(ROOT, 'dashboard');

const read = (name: string): string => readFileSync(join(FOLDER, name), 'utf8');

test('the page and all it is made of are there for whoever asks, as what they are', async (t) => {
	const { at, bugs } = await staged(t);
	const types = { html: 'text/html', css: 'text/css', js: 'text/javascript', svg: 'image/svg+xml' };
	for (const name of PAGE_FILES) {
		const path = name === 'index.html' ? '/' : `/dashboard/${name}`;
		const { status, headers, text } = await answerOf(at, path);
		t.is(status, 200, path);
		t.is(headers['content-type']!.split(';')[0], types[name.split('.')[1] as keyof typeof types]);
		t.is(text, read(name));
		t.regex(String(headers['content-security-policy']), /^default-src 'self';/);
		t.regex(String(headers['content-security-policy']), /require-trusted-types-for 'script'/);
		t.like(headers, { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
	}
	t.deepEqual(bugs, []);
});

test('what the page shows is not there without the token, and nothing else of the package is there at all', async (t) => {
	const { at } = await staged(t);
	for (const path of ['/v1/history', '/v1/events', '/v1/status']) t.is((await answerOf(at, path)).status, 401, path);
	for (const path of ['/dashboard/', '/dashboard/../package.json', '/dashboard/%2e%2e/package.json', '/index.html'])
		t.is((await answerOf(at, path, SHOWN)).status, 404, path);
	t.is((await answerOf(at, '/?token=x', { method: 'POST' })).status, 405);
	t.is((await answerOf(at, '/', { method: 'HEAD' })).text, '');
});

test('every file of the folder is served and packed, and each that is named is one of them', (t) => {
	t.deepEqual([...PAGE_FILES].sort(), readdirSync(FOLDER).sort());
	t.true(
		(JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { files: string[] }).files.includes('dashboard'),
	);
	const named = PAGE_FILES.flatMap((name) =>
		[...read(name).matchAll(/(?:from '\.\/|(?:src|href)="\/dashboard\/)([^'"]+)['"]/g)].map((match) => match[1]!),
	);
	t.true(named.length > PAGE_FILES.length);
	for (const name of named) t.true((PAGE_FILES as readonly string[]).includes(name), name);
});

test('no script or style stands in the page itself, and no text becomes markup', (t) => {
	const html = read('index.html');
	t.false(/<style|\sstyle=|\son[a-z]+=|javascript:/i.test(html));
	for (const [, attributes, body] of html.matchAll(/<script([^>]*)>(.*?)<\/script>/gs)) {
		t.regex(attributes!, /src="\/dashboard\//);
		t.is(body, '');
	}
	for (const name of PAGE_FILES.filter((file) => file.endsWith('.js')))
		t.false(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function/.test(read(name)), name);
	for (const name of PAGE_FILES)
		t.false(/(?:https?:)?\/\/(?!www\.w3\.org\/2000\/svg)[a-z]/.test(read(name).replaceAll(/^\s*\/\/.*$/gm, '')), name);
});
