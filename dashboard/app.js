// The page's life: ask whether a token is wanted, show what comes, say so when nothing comes, and come back by itself.
import { showExits, showSources } from './exits.js';
import { History } from './history.js';
import { follow, get, Refused } from './status-stream.js';
import { showAbout, showCauses, showLimits, showProtocols, showState, showWorkers } from './tables.js';
import { tiles } from './tiles.js';

const TOKEN = 'bauta-token';
/** Between tries: longer each time, for there may be many pages. */
const WAITS_SECONDS = [1, 2, 4, 8, 10];

const byId = (id) => document.getElementById(id);
const drawTiles = tiles();
let token = sessionStorage.getItem(TOKEN);
let failures = 0;
/** Ends the wait before the next try. */
let hurry = () => {};

function show(what) {
	byId('login').hidden = what !== 'login';
	byId('board').hidden = what !== 'board';
	byId('forget').hidden = what !== 'board' || token === null;
}

function notice(text, mood = 'warn', canRetry = false) {
	const box = byId('notice');
	box.dataset.mood = mood;
	box.hidden = text === null;
	byId('retry').hidden = !canRetry;
	if (byId('notice-text').textContent !== (text ?? '')) byId('notice-text').textContent = text ?? '';
}

function told(status, history) {
	failures = 0;
	history.add(status);
	document.body.classList.remove('stale');
	if (byId('board').hidden) show('board');
	drawTiles(history);
	showExits(status, history);
	for (const each of [showState, showSources, showWorkers, showCauses, showLimits, showProtocols, showAbout])
		each(status);
	notice(status.state === 'draining' ? drainText(status.flows.open) : null);
	document.title = `${byId('tile-started').querySelector('[data-value]').textContent}/s · bauta`;
}

function drainText(open) {
	const left = open === 1 ? 'One open connection' : `${open} open connections`;
	return `Draining: no new connections are taken. ${open === 0 ? 'None is open any more.' : `${left} may finish.`}`;
}

/** Words for what went wrong. */
function lossText(error) {
	if (!(error instanceof Refused)) return 'Connection lost: the gateway does not answer.';
	if (error.code === 'too_many_streams') return 'Too many dashboards are open already.';
	if (error.code === 'misdirected') return 'The listener is not called by this name: see admin.hosts.';
	return `The gateway refuses: ${error.code.replaceAll('_', ' ')}.`;
}

async function lost(error) {
	document.body.classList.add('stale');
	document.title = 'lost · bauta';
	byId('state').dataset.state = 'lost';
	byId('state').textContent = 'connection lost';
	const seconds = WAITS_SECONDS[Math.min(failures++, WAITS_SECONDS.length - 1)];
	notice(`${lossText(error)} Trying again ${seconds === 1 ? 'in a second' : `in ${seconds} seconds`}.`, 'bad', true);
	await new Promise((resolve) => {
		const timer = setTimeout(resolve, seconds * 1_000);
		hurry = () => {
			clearTimeout(timer);
			resolve();
		};
	});
}

/** Resolves when somebody has given a token that is one. */
function login() {
	show('login');
	notice(null);
	byId('state').dataset.state = 'waiting';
	byId('state').textContent = 'locked';
	byId('uptime').textContent = '';
	document.title = 'bauta';
	byId('token').focus();
	return new Promise((resolve) => {
		byId('login-form').onsubmit = async (event) => {
			event.preventDefault();
			const wrong = await wrongWith(byId('token').value.trim());
			byId('login-wrong').textContent = wrong ?? '';
			if (wrong !== null) return byId('token').select();
			byId('token').value = '';
			resolve();
		};
	});
}

/** Null when `shown` opens; it is kept then. */
async function wrongWith(shown) {
	// What is no header would not even be sent.
	if (!/^[\x21-\x7e]+$/.test(shown)) return 'That is not the token.';
	try {
		await get('/v1/limits', shown);
	} catch (error) {
		return error.code === 'unauthorized' ? 'That is not the token.' : lossText(error);
	}
	token = shown;
	sessionStorage.setItem(TOKEN, shown);
	return null;
}

function forget() {
	token = null;
	sessionStorage.removeItem(TOKEN);
}

byId('retry').addEventListener('click', () => hurry());
byId('forget').addEventListener('click', () => {
	forget();
	location.reload();
});

for (;;) {
	try {
		const history = new History(await get('/v1/history', token));
		await follow(token, (status) => told(status, history));
	} catch (error) {
		if (error instanceof Refused && error.code === 'unauthorized') {
			forget();
			await login();
		} else await lost(error);
	}
}
