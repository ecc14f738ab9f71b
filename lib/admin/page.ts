// The dashboard's files: plain HTML, CSS, modules and an icon, in a folder of the package, as they are. They hold nothing of
// the gateway, so nobody has to show a token for them; what they show they ask for with it. Read once, at the start of the
// admin listener: an installation of another version must not mix its files with these.
import { readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';

const TYPES: Readonly<Record<string, string>> = {
	html: 'text/html; charset=utf-8',
	css: 'text/css; charset=utf-8',
	js: 'text/javascript; charset=utf-8',
	svg: 'image/svg+xml',
};

/** Every file there is; the first one is the page itself. */
export const PAGE_FILES = [
	'index.html',
	'style.css',
	'icon.svg',
	'theme.js',
	'app.js',
	'status-stream.js',
	'history.js',
	'tiles.js',
	'exits.js',
	'tables.js',
	'parts.js',
	'chart.js',
	'format.js',
] as const;

interface PageRoute {
	readonly method: 'GET';
	readonly open: true;
	answer(request: unknown, response: ServerResponse): void;
}

/** `/` and `/dashboard/FILE`, for the table of routes. */
export function pageRoutes(): Record<string, PageRoute> {
	const folder = new URL('dashboard/', import.meta.resolve('bauta/package.json'));
	const routes = PAGE_FILES.map((name, i): [string, PageRoute] => {
		const body = readFileSync(new URL(name, folder));
		const type = TYPES[name.slice(name.lastIndexOf('.') + 1)] as string;
		const answer: PageRoute['answer'] = (_, response) => {
			response.writeHead(200, { 'Content-Type': type, 'Content-Length': body.length }).end(body);
		};
		return [i === 0 ? '/' : `/dashboard/${name}`, { method: 'GET', open: true, answer }];
	});
	return Object.fromEntries(routes);
}
