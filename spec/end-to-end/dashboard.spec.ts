// The dashboard in a real browser, with traffic running: over TCP with its token, and by a tunnel to a socket in the file
// system, as `ssh -L` makes one. The screenshots are for a person to look at; their places are in the test's log.
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { type Browser, chromium, type Page } from 'playwright-core';
import type { Watched } from '../../lib/admin/snapshot.ts';
import { viewOf } from '../../lib/admin/view.ts';
import type { MemberReport } from '../../lib/core/dialer.ts';
import type { LimitsMode } from '../../lib/core/observer.ts';
import { Tally } from '../../lib/index.ts';
import { post } from '../helpers/admin.ts';
import { staged } from '../helpers/admin-stage.ts';
import { startDns, zone } from '../helpers/dns-server.ts';
import { type GatewayProcess, startGateway, temporaryFolder } from '../helpers/gateway-process.ts';
import { handshakeOf, readReply } from '../helpers/handshakes.ts';
import { needs, program } from '../helpers/programs.ts';
import { connectRaw, type RawClient } from '../helpers/raw-client.ts';
import { scopeOfFile } from '../helpers/scope.ts';
import { startLoad } from '../helpers/steady-load.ts';
import { echo, startTcpOrigin } from '../helpers/tcp-origins.ts';

const FLAGS = ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-sync'];
const TOKEN = 'the-token-of-this-spec';
const WIDTHS = [1280, 400];
const OPEN = ['--allow-private', '--allow-ports', 'all'];

const scope = scopeOfFile(test);

/** One for all tests, each with a profile of its own. */
let launched: Promise<Browser> | null = null;

async function launch(): Promise<Browser> {
	const browser = await chromium.launch({ executablePath: program('chromium'), headless: true, args: FLAGS });
	scope.teardown(() => browser.close());
	return browser;
}

/** A page and all that its console complains about. */
async function open(url: string): Promise<{ page: Page; complaints: string[] }> {
	launched ??= launch();
	const page = await (await launched).newPage({ colorScheme: 'light', viewport: { width: 1280, height: 900 } });
	const complaints: string[] = [];
	page.on('pageerror', (error) => complaints.push(error.message));
	page.on('console', (message) => {
		if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
	});
	await page.goto(url);
	return { page, complaints };
}

async function takePictures(t: ExecutionContext, page: Page, name: string): Promise<void> {
	const theme = await themeOf(page);
	for (const width of WIDTHS) {
		await page.setViewportSize({ width, height: 900 });
		const reach = await page.evaluate('document.documentElement.scrollWidth');
		t.true((reach as number) <= width, `nothing sticks out at ${width}`);
		const path = join(tmpdir(), 'bauta-specs', `dashboard-${name}-${theme}-${width}.png`);
		await page.screenshot({ path, fullPage: true });
		t.log(`screenshot: ${path}`);
	}
}

const themeOf = (page: Page): Promise<string | null> => page.locator('html').getAttribute('data-theme');

const focused = (page: Page): Promise<unknown> => page.evaluate('document.activeElement.id');

async function press(page: Page, ...keys: string[]): Promise<unknown> {
	for (const key of keys) await page.keyboard.press(key);
	return focused(page);
}

/** Resolves when an element says something that matches. */
function says(page: Page, selector: string, text: RegExp): Promise<void> {
	return page.locator(selector).filter({ hasText: text }).first().waitFor();
}

/** An open tunnel. */
async function tunnel(t: ExecutionContext, port: number): Promise<RawClient> {
	const origin = await startTcpOrigin(t, echo);
	const client = await connectRaw(t, port);
	client.write(handshakeOf('socks5', '127.0.0.1', origin.port));
	await readReply(client, 'socks5');
	return client;
}

needs(test, 'chromium')('the dashboard shows live traffic, in both themes and widths, and nobody in it', async (t) => {
	const dns = await startDns(t, zone({ 'whither.test A': { addresses: ['127.0.0.1'] }, 'whither.test AAAA': {} }));
	const config = `resolver.servers = ["${dns.address}"]\nadmin.token = "${TOKEN}"`;
	const gateway = await startGateway(t, [...OPEN, '--admin', '127.0.0.1:0'], { config });
	const admin = String((await gateway.record(({ msg }) => msg === 'admin listening')).address);
	const { page, complaints } = await open(`http://${admin}/`);

	// By keyboard alone: the theme, the token, the button.
	await page.locator('#login').waitFor();
	t.is(await focused(page), 'token');
	t.is(await press(page, 'Shift+Tab'), 'theme');
	await press(page, 'Tab');
	await page.keyboard.type('another');
	await press(page, 'Enter');
	await says(page, '#login-wrong', /That is not the token/);
	await page.keyboard.type(TOKEN);
	await press(page, 'Tab', 'Enter');
	await page.locator('#board').waitFor();

	await tunnel(t, gateway.port);
	const origin = await startTcpOrigin(t, echo);
	const named = await connectRaw(t, gateway.port);
	named.write(handshakeOf('socks5h', 'whither.test', origin.port, { user: 'somebody', password: 's3cret' }));
	await readReply(named, 'socks5h');
	const refused = await connectRaw(t, gateway.port);
	refused.write('CONNECT nowhere.test:443 HTTP/1.1\r\nHost: nowhere.test\r\n\r\n');
	await refused.readToEnd();
	const load = await startLoad(t, gateway.port, 2);

	await says(page, '#tile-started [data-value]', /[1-9]/);
	await says(page, '#tile-down .number', /[1-9].*B\/s/);
	await says(page, '#exits', /direct.*all dials open|direct.* of dials fail/s);
	await says(page, '#protocols', /SOCKS5/);
	await says(page, '#causes', /destination not found|dns error/);
	await says(page, '#keeper', /Kept by this process/);
	await says(page, '#state', /serving/);
	// More than one client may begin: what is refused is shown, too.
	await says(page, '#refused', /connections/);
	t.deepEqual(
		load.failures.filter((heard) => !/ 429 /.test(heard)),
		[],
	);
	const text = (await page.locator('html').textContent())!;
	for (const secret of ['whither', 'nowhere', 'somebody', 's3cret', TOKEN, `:${origin.port}`])
		t.false(text.includes(secret), secret);

	t.is(await themeOf(page), 'light');
	await takePictures(t, page, 'live');
	await page.locator('#theme').focus();
	await press(page, 'Enter');
	t.is(await themeOf(page), 'dark');
	await takePictures(t, page, 'live');

	// The tab keeps the token and the theme; what the button forgets is gone.
	await page.reload();
	await page.locator('#board').waitFor();
	t.is(await themeOf(page), 'dark');
	await page.locator('#forget').focus();
	t.is(await press(page, 'Tab'), 'theme');
	t.is(await press(page, 'Shift+Tab'), 'forget');
	await page.keyboard.press('Enter');
	await page.locator('#login').waitFor();
	// Chromium itself says of each 401 that it was one: no token, another one, and none again.
	t.deepEqual(
		complaints.filter((complaint) => !/status of 401/.test(complaint)),
		[],
	);
	t.is(complaints.length, 3);
	await load.stop();
});

/** A port of loopback that leads to whatever listens at `path`, as `ssh -L` makes it. */
async function startForward(t: ExecutionContext, path: string): Promise<string> {
	const sockets = new Set<Socket>();
	const server = createServer((near) => {
		const far = connect(path);
		for (const [one, other] of [
			[near, far],
			[far, near],
		] as const) {
			sockets.add(one);
			one.on('error', () => {}).on('close', () => other.destroy());
			one.pipe(other);
		}
	});
	server.listen(0, '127.0.0.1');
	await once(server, 'listening');
	t.teardown(() => {
		for (const socket of sockets) socket.destroy();
		server.close();
	});
	return `127.0.0.1:${(server.address() as { port: number }).port}`;
}

needs(test, 'chromium')('a page says that the gateway drains, that it is gone, and comes back with it', async (t) => {
	const path = join(temporaryFolder(t), 'admin.sock');
	const start = (): Promise<GatewayProcess> => startGateway(t, [...OPEN, '--admin', path]);
	const first = await start();
	await first.record(({ msg }) => msg === 'admin listening');
	const { page, complaints } = await open(`http://${await startForward(t, path)}/`);
	await page.locator('#board').waitFor();
	await says(page, '#well-of', /Here it will say why/);
	await says(page, '#exits-caption', /No connection has gone out yet/);
	await takePictures(t, page, 'empty');
	const client = await tunnel(t, first.port);
	await says(page, '#tile-open [data-value]', /^1$/);
	t.deepEqual(complaints, []);

	await post(path, '/v1/drain');
	await says(page, '#notice', /Draining: no new connections are taken\. One open connection may finish\./);
	await says(page, '#state', /draining/);
	await takePictures(t, page, 'draining');
	client.socket.destroy();
	t.is(await first.exit(), 0);
	await says(page, '#notice', /Connection lost: the gateway does not answer/);
	t.regex(String(await page.locator('body').getAttribute('class')), /stale/);
	await takePictures(t, page, 'lost');

	const second = await start();
	await second.record(({ msg }) => msg === 'admin listening');
	await page.locator('#retry').focus();
	await press(page, 'Enter');
	await says(page, '#state', /serving/);
	t.false(await page.locator('#notice').isVisible());
	await says(page, '#about', new RegExp(`process ${second.pid}`));
});

function reportOf(name: string, part: Partial<MemberReport> = {}): MemberReport {
	return { name, state: 'open', restsMs: 0, latencyMs: 48, opened: 0, faults: new Map(), inner: null, ...part };
}

/** The exits of a group of five: one rests, one is on trial. */
const FIVE: readonly MemberReport[] = [
	reportOf('pool:1', { opened: 60 }),
	reportOf('pool:2', { opened: 30, faults: new Map([['connection_timeout', 2]]) }),
	reportOf('pool:3', {
		state: 'ejected',
		restsMs: 41_000,
		latencyMs: null,
		faults: new Map([['connection_refused', 9]]),
	}),
	reportOf('pool:4', { state: 'half-open', latencyMs: null, faults: new Map([['nothing came', 1]]) }),
	reportOf('pool:5', { opened: 10 }),
];

function* many(count: number): Iterable<MemberReport> {
	for (let i = 1; i <= count; i++) yield reportOf(`long:${i}`, { opened: i % 7 });
}

/** A group that has lost a member, a long one, sources, Redis that should be there, and a reload that was refused. */
const AILING: Watched = {
	state: 'serving',
	addresses: ['127.0.0.1:1080'],
	liveFlows: 0,
	exits: [
		{ tag: 'pool', type: 'group', members: { open: 3, ejected: 1, halfOpen: 1, total: 5 }, reports: () => FIVE },
		{
			tag: 'long',
			type: 'group',
			members: { open: 10_000, ejected: 0, halfOpen: 0, total: 10_000 },
			reports: () => many(10_000),
		},
		{ tag: 'spare', type: 'group', members: { open: 0, ejected: 2, halfOpen: 0, total: 2 }, reports: () => [] },
		{ tag: 'direct', type: 'direct', members: null, reports: () => [] },
	],
	sources: [
		{ tag: 'direct', source: '203.0.113.0/28', addresses: 14, open: 37, rests: false },
		{ tag: 'direct', source: '2001:db8:1::/64', addresses: 2 ** 64, open: 12, rests: false },
		{ tag: 'office', source: '192.0.2.7/32', addresses: 1, open: 0, rests: true },
	],
	config: { redis: {} },
};

needs(test, 'chromium')(
	'who keeps the limits, exits that are left out and a refused reload are seen at once',
	async (t) => {
		const tally = new Tally();
		const path = join(temporaryFolder(t), 'admin.sock');
		await staged(t, {
			where: { path },
			deps: {
				view: viewOf({
					gateway: AILING,
					tally,
					version: '1.2.3',
					lastReload: () => ({ at: '2026-01-02T03:04:05.000Z', ok: false }),
				}),
			},
		});
		const { page, complaints } = await open(`http://${await startForward(t, path)}/`);
		const modes: readonly [mode: LimitsMode, words: RegExp, mood: string][] = [
			['shared', /Kept in Redis/, 'good'],
			['local', /Kept by this process alone/, 'warn'],
			['closed', /Everybody is refused/, 'bad'],
			['open', /Kept by nobody/, 'bad'],
		];
		for (const [mode, words, mood] of modes) {
			tally.limits(mode);
			await page.reload();
			await says(page, '#keeper', words);
			t.is(await page.locator('#keeper').getAttribute('data-mood'), mood);
		}
		await says(page, '#exits', /pool.*3 of 5 in use.*all 10,000 in use.*spare.*0 of 2 in use.*direct.*not used yet/s);
		await says(page, '#exits', /pool:1.*60 %.*48 ms.*in use/s);
		await says(
			page,
			'#exits',
			/pool:2.*in use, 2 failed: connection timeout.*pool:3.*left alone for 41 s: connection refused/s,
		);
		await says(page, '#exits', /pool:4.*on trial: nothing came/s);
		await says(page, '#exits', /and 9,996 more; all of them: bauta exits long/);
		await says(
			page,
			'#sources',
			/203\.0\.113\.0\/28.*37.*14 addresses, direct.*very many addresses.*192\.0\.2\.7.*none of its addresses does/s,
		);
		// A group folds away by keyboard, and stays so while the numbers change.
		await page.locator('#exits .fold').first().focus();
		await press(page, 'Enter');
		await page.locator('#exits [aria-expanded="false"]').waitFor();
		t.is(await page.locator('#exits .member').filter({ hasText: 'pool:' }).count(), 0);
		t.is(await page.evaluate('document.activeElement.ariaLabel'), 'Exits of pool');
		await press(page, 'Enter');
		await says(page, '#exits', /pool:5/);
		await says(page, '#about', /last reload refused/);
		await takePictures(t, page, 'ailing');
		t.deepEqual(complaints, []);
	},
);
