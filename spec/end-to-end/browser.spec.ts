// A real browser through the gateway: a page with a style sheet, a script, a picture, a fetch and a WebSocket. The
// screenshot is for a person to look at; its place is in the test's log.
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import { startDns, zone } from '../helpers/dns-server.ts';
import { startGateway, temporaryFolder } from '../helpers/gateway-process.ts';
import { needs, program } from '../helpers/programs.ts';
import { type Handler, startWebOrigin } from '../helpers/web-origins.ts';

/** The bypass list makes Chromium use the proxy for loopback, too; the rest keeps it from calling its maker. */
const FLAGS = [
	'--no-sandbox',
	'--disable-gpu',
	'--disable-quic',
	'--no-first-run',
	'--disable-background-networking',
	'--disable-component-update',
	'--disable-sync',
	'--proxy-bypass-list=<-loopback>',
];

const PAGE = `<!doctype html>
<meta charset="utf-8">
<title>bauta</title>
<link rel="stylesheet" href="/style.css">
<h1>Through the gateway</h1>
<img src="/picture.svg" alt="picture" width="120" height="120">
<ul><li id="fetch">fetch: waiting</li><li id="socket">socket: waiting</li><li id="style">style: waiting</li></ul>
<script src="/script.js"></script>`;

const STYLE =
	'body { font-family: sans-serif; background: #fdf6e3; --arrived: yes; } li { color: #2a6f4e; font-size: 24px; }';

const SCRIPT = `const tell = (id, text) => { document.getElementById(id).textContent = id + ': ' + text; };
fetch('/data', { method: 'POST', body: 'from the page' }).then((reply) => reply.text()).then((text) => tell('fetch', text));
const socket = new WebSocket('ws://' + location.host + '/socket');
socket.onopen = () => socket.send('over a WebSocket');
socket.onmessage = (event) => { tell('socket', event.data); socket.close(); };
tell('style', getComputedStyle(document.body).getPropertyValue('--arrived'));`;

/** What the page says when the fetch, the WebSocket and the style sheet have come. */
const ARRIVED = ['fetch: from the page', 'socket: over a WebSocket', 'style: yes'];

const PICTURE =
	'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><circle cx="4.5" cy="4.5" r="4" fill="#b5402b"/></svg>';

const FILES: Readonly<Record<string, readonly [type: string, text: string]>> = {
	'/': ['text/html', PAGE],
	'/style.css': ['text/css', STYLE],
	'/script.js': ['text/javascript', SCRIPT],
	'/picture.svg': ['image/svg+xml', PICTURE],
};

const serve: Handler = (request, response) => {
	const file = FILES[request.url ?? ''];
	if (file) response.setHeader('Content-Type', file[0]).end(file[1]);
	else if (request.url === '/data') request.pipe(response);
	else response.writeHead(404).end();
};

/** `proxy`: the flag that names it. */
async function launch(t: ExecutionContext, proxy: string): Promise<BrowserContext> {
	const browser = await chromium.launchPersistentContext(temporaryFolder(t), {
		executablePath: program('chromium'),
		headless: true,
		args: [...FLAGS, proxy],
	});
	t.teardown(() => browser.close());
	return browser;
}

/** What a person looks at afterwards, outside of the scope: it stays until the next run. */
async function takePicture(t: ExecutionContext, page: Page, scheme: string): Promise<void> {
	const picture = join(tmpdir(), 'bauta-specs', `browser-${scheme}.png`);
	await page.screenshot({ path: picture });
	t.log(`screenshot: ${picture}`);
}

const WAYS: readonly (readonly [name: string, flag: (address: string) => string])[] = [
	['socks5', (address) => `--proxy-server=socks5://${address}`],
	['http', (address) => `--proxy-server=http://${address}`],
	['proxy.pac', (address) => `--proxy-pac-url=http://${address}/proxy.pac`],
];

for (const [name, flag] of WAYS) {
	needs(test, 'chromium')(`Chromium loads a page with everything on it by ${name}`, async (t) => {
		const origin = await startWebOrigin(t, { handler: serve });
		// A name that only the gateway can resolve: what arrives has come through it.
		const dns = await startDns(t, zone({ 'page.test A': { addresses: ['127.0.0.1'] }, 'page.test AAAA': {} }));
		const config = `[resolver]\nservers = ["${dns.address}"]\n[pac]\nenabled = ${name === 'proxy.pac'}\n`;
		const gateway = await startGateway(t, ['--allow-private', '--allow-ports', 'all'], { config });
		const page = await (await launch(t, flag(gateway.address))).newPage();
		await page.goto(`http://page.test:${origin.port}/`);
		for (const text of ARRIVED) await page.getByText(text).waitFor();
		t.true(await page.locator('img').evaluate((img) => (img as unknown as { naturalWidth: number }).naturalWidth > 0));
		await takePicture(t, page, name);
		const asked = origin.requests.map((request) => request.url);
		for (const path of [...Object.keys(FILES), '/data']) t.true(asked.includes(path), `${path} reached the origin`);
	});
}
