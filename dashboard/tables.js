// What is more than a number: ways out, causes, limits, protocols, and who answers. Text only ever goes in as text.
import { countText, dialText, durationText, percentText, wordsOf } from './format.js';

const byId = (id) => document.getElementById(id);

function element(name, className, ...children) {
	const made = document.createElement(name);
	if (className) made.className = className;
	made.append(...children);
	return made;
}

function bar(part, whole, kind = '') {
	const fill = element('span', 'fill');
	fill.style.width = whole === 0 ? '0' : `${Math.max(part > 0 ? 1.5 : 0, (part / whole) * 100)}%`;
	return element('span', `bar ${kind}`.trim(), fill);
}

/** A row each: words, a bar, a count. Greatest first. */
function rows(list, counts, { empty, words = wordsOf, kind = '' }) {
	const entries = Object.entries(counts).sort(([, a], [, b]) => b - a);
	const most = entries[0]?.[1] ?? 0;
	const items = entries.map(([word, count]) =>
		element(
			'li',
			'',
			element('span', 'word', words(word)),
			bar(count, most, kind),
			element('span', 'count', countText(count)),
		),
	);
	list.replaceChildren(...(items.length > 0 ? items : [element('li', 'empty', empty)]));
}

const PROTOCOLS = {
	socks4: 'SOCKS4',
	socks4a: 'SOCKS4a',
	socks5: 'SOCKS5',
	connect: 'HTTP CONNECT',
	http: 'plain HTTP',
	unknown: 'not known yet',
};

export function showProtocols({ flows }) {
	rows(byId('protocols'), flows.openByProtocol, {
		empty: 'Nobody is connected.',
		words: (word) => PROTOCOLS[word] ?? wordsOf(word),
	});
}

export function showCauses({ flows }) {
	const { closed = 0, ...others } = flows.endedByCause;
	byId('well').textContent = flows.ended === 0 ? '' : percentText(closed, flows.ended);
	byId('well-of').textContent =
		flows.ended === 0
			? 'None has ended yet. Here it will say why.'
			: `of ${countText(flows.ended)} ended well. The others:`;
	const isGood = flows.ended > 0 && closed === flows.ended;
	rows(byId('causes'), others, { empty: isGood ? 'None: every one so far was closed by its ends.' : '' });
}

/** Who keeps the limits: words, why, and how bad that is. */
function keeperOf({ mode, redis }) {
	switch (mode) {
		case 'shared':
			return ['Kept in Redis', 'One count for all gateways that share it.', 'good'];
		case 'open':
			return ['Kept by nobody', 'Redis does not answer, and limits.when_down lets everybody in.', 'bad'];
		case 'closed':
			return ['Everybody is refused', 'Redis does not answer, and limits.when_down closes.', 'bad'];
		default:
			return redis
				? ['Kept by this process alone', 'Redis does not answer; counts are not shared until it does.', 'warn']
				: ['Kept by this process', 'No Redis is configured.', 'good'];
	}
}

export function showLimits({ limits }) {
	const [words, why, mood] = keeperOf(limits);
	byId('keeper').textContent = words;
	byId('keeper').dataset.mood = mood;
	byId('keeper-why').textContent = why;
	rows(byId('refused'), limits.refused, { empty: 'Nobody was refused.' });
}

/** Of dials. Targets that are not there are among those that fail, so some always do. */
const MANY_FAIL = 0.2;
const MOST_FAIL = 0.5;

/** Words and mood. `dials` are those that are looked at: of late, or all. */
function healthOf({ members, type, opened, failed }, dials) {
	if (type === 'block') return ['refuses', 'idle'];
	const asked = dials.opened + dials.failed;
	const share = asked === 0 ? 0 : dials.failed / asked;
	const fails = `${percentText(dials.failed, asked)} of dials fail`;
	const mood = share > MOST_FAIL ? 'bad' : share > MANY_FAIL ? 'warn' : 'good';
	if (members !== null) {
		const words = `${members.open} of ${members.total} in use`;
		if (members.open === 0) return [words, 'bad'];
		return [share > MANY_FAIL ? `${words}, ${fails}` : words, members.open < members.total ? 'warn' : mood];
	}
	if (asked === 0) return [opened + failed === 0 ? 'not used yet' : 'idle', 'idle'];
	return [share === 0 ? 'all dials open' : fails, mood];
}

export function showExits({ exits }, history) {
	// What is there in every gateway says nothing until it is used.
	const shown = exits.filter(({ type, opened, failed }) => type !== 'block' || opened + failed > 0);
	const lately = shown.map(({ tag }) => history.recent(tag));
	const isLate = lately.some((dials) => dials !== null && dials.opened + dials.failed > 0);
	const dials = isLate ? lately : shown;
	const all = dials.reduce((sum, { opened }) => sum + opened, 0);
	byId('exits').replaceChildren(...shown.map((exit, i) => exitRow(exit, dials[i], all)));
	byId('exits-caption').textContent =
		all === 0
			? `No connection has gone out ${isLate ? 'in the last minute' : 'yet'}.`
			: isLate
				? 'Share and health of the last minute; dial: the mean since the start.'
				: 'Share, health and the mean of dials since the start.';
}

function exitRow(exit, dials, all) {
	const name = element(
		'th',
		'',
		element('span', 'tag', exit.tag),
		element('span', 'kind', exit.default ? `${exit.type}, default` : exit.type),
	);
	name.scope = 'row';
	const [words, mood] = healthOf(exit, dials);
	const health = element('span', 'mood', words);
	health.dataset.mood = mood;
	const cell = (label, className, ...children) => {
		const made = element('td', className, ...children);
		made.dataset.label = label;
		return made;
	};
	return element(
		'tr',
		'',
		name,
		cell('Share', 'share', bar(dials.opened, all), element('span', 'count', percentText(dials.opened, all))),
		cell('Open', 'right', countText(exit.open)),
		cell('Dial', 'right', dialText(exit.dialSeconds)),
		cell('Health', '', health),
	);
}

export function showAbout({ version, node, pid, uptimeSeconds, listening, reload }) {
	const at =
		reload === null ? '' : new Date(reload.at).toLocaleString('en', { dateStyle: 'medium', timeStyle: 'short' });
	const last = element(
		'span',
		reload?.ok === false ? 'wrong' : '',
		reload === null ? '' : `last reload ${reload.ok ? 'applied' : 'refused'} ${at}`,
	);
	const parts = [
		`bauta ${version}`,
		`Node.js ${node}`,
		`process ${pid}`,
		`listening on ${listening.join(', ') || 'nothing'}`,
	];
	const uptime = element('span', 'narrow-only', `up ${durationText(uptimeSeconds)}`);
	byId('about').replaceChildren(uptime, ...parts.map((part) => element('span', '', part)), last);
}

export function showState({ state, uptimeSeconds }) {
	byId('state').dataset.state = state;
	// A reader of screens hears it when it changes, not each second.
	if (byId('state').textContent !== state) byId('state').textContent = state;
	byId('uptime').textContent = `up ${durationText(uptimeSeconds)}`;
}
