// What is more than a number: causes, limits, protocols, and who answers.
import { countText, durationText, percentText, wordsOf } from './format.js';
import { bar, byId, element, fillBar, keepChildren, say } from './parts.js';

/** A row each: words, a bar, a count. Greatest first; what stands instead of none. */
function rows(list, counts, { empty, words = wordsOf }) {
	const entries = Object.entries(counts).sort(([, a], [, b]) => b - a);
	const most = entries[0]?.[1] ?? 0;
	const items = entries.length > 0 ? entries : [['', null]];
	keepChildren(list, items, {
		keyOf: ([word]) => word,
		make: ([word]) =>
			word === ''
				? element('li', 'empty')
				: element('li', '', element('span', 'word', words(word)), bar(), element('span', 'count')),
		tell(item, [word, count]) {
			if (word === '') return say(item, empty);
			fillBar(item.children[1], count, most);
			say(item.children[2], countText(count));
		},
	});
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

/** Processes that serve together; nothing where one does it all. */
export function showWorkers({ workers }) {
	byId('workers-card').hidden = workers.length === 0;
	const named = workers.map(({ index, pid, state, flows, restarts }) => {
		const more = [state === 'serving' ? '' : `, ${state}`, restarts === 0 ? '' : `, restarted ${restarts}×`];
		return [`${index}: process ${pid}${more.join('')}`, flows];
	});
	rows(byId('workers'), Object.fromEntries(named), { empty: '', words: (word) => word });
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
