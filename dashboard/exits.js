// The ways out, each with its share, its dials and how it is; behind a group its exits: all of a few, of many those that
// fail and those that carry the most.
import { countText, dialText, durationText, percentText, wordsOf } from './format.js';
import { bar, byId, element, fillBar, keepChildren, say } from './parts.js';

/** Of dials. Targets that are not there are among those that fail, so some always do. */
const MANY_FAIL = 0.2;
const MOST_FAIL = 0.5;

/** Of the exits of a group: in a long list some are always out. */
const MANY_OUT = 0.1;

/** Groups whose exits somebody has folded away. */
const folded = new Set();
let redraw = () => {};

/** Words and mood. `dials` are those that are looked at: of late, or all. */
function healthOf({ members, type, opened, failed }, dials) {
	if (type === 'block') return ['refuses', 'idle'];
	const asked = dials.opened + dials.failed;
	const share = asked === 0 ? 0 : dials.failed / asked;
	const fails = `${percentText(dials.failed, asked)} of dials fail`;
	const mood = share > MOST_FAIL ? 'bad' : share > MANY_FAIL ? 'warn' : 'good';
	if (members !== null) {
		if (members.total === 0) return ['no exits', 'bad'];
		const total = countText(members.total);
		const words =
			members.open === members.total ? `all ${total} in use` : `${countText(members.open)} of ${total} in use`;
		if (members.open + members.halfOpen === 0) return [words, 'bad'];
		const fewer = members.open <= members.total * (1 - MANY_OUT);
		return [share > MANY_FAIL ? `${words}, ${fails}` : words, fewer ? 'warn' : mood];
	}
	if (asked === 0) return [opened + failed === 0 ? 'not used yet' : 'idle', 'idle'];
	return [share === 0 ? 'all dials open' : fails, mood];
}

/** Of one exit of a group. */
function stateOf({ state, restsSeconds, opened, failed, failedBy }) {
	const [why] = Object.entries(failedBy).toSorted(([, a], [, b]) => b - a)[0] ?? [];
	const reason = why === undefined ? '' : `: ${wordsOf(why)}`;
	if (state === 'ejected') return [`left alone for ${durationText(restsSeconds)}${reason}`, 'bad'];
	if (state === 'half-open') return [`on trial${reason}`, 'warn'];
	if (opened + failed === 0) return ['not used yet', 'idle'];
	if (failed === 0) return ['in use', 'good'];
	return [`in use, ${countText(failed)} failed${reason}`, failed > opened * MANY_FAIL ? 'warn' : 'good'];
}

export function showExits({ exits }, history) {
	redraw = () => showExits({ exits }, history);
	// What is there in every gateway says nothing until it is used.
	const shown = exits.filter(({ type, opened, failed }) => type !== 'block' || opened + failed > 0);
	const lately = shown.map(({ tag }) => history.recent(tag));
	const isLate = lately.some((dials) => dials !== null && dials.opened + dials.failed > 0);
	const dials = isLate ? lately : shown;
	const all = dials.reduce((sum, { opened }) => sum + opened, 0);
	const rows = shown.flatMap((exit, i) => rowsOf(exit, dials[i], all));
	keepChildren(byId('exits'), rows, { keyOf: ({ key }) => key, make: makeRow, tell: tellRow });
	say(byId('exits-caption'), captionOf(all, isLate));
}

function captionOf(all, isLate) {
	if (all === 0) return `No connection has gone out ${isLate ? 'in the last minute' : 'yet'}.`;
	return isLate
		? 'Share and health of the last minute; dial: the mean since the start. Exits of a group: their uses since the start.'
		: 'Share, health and the mean of dials since the start.';
}

/** What the rows of one way out say: its own, those of its exits, and what is left out. */
function rowsOf(exit, dials, all) {
	const { tag, type, members } = exit;
	const [words, mood] = healthOf(exit, dials);
	const own = {
		key: tag,
		kind: exit.default ? `${type}, default` : type,
		name: tag,
		part: dials.opened,
		whole: all,
		open: exit.open,
		dialSeconds: exit.dialSeconds,
		words,
		mood,
		folds: members !== null && members.shown.length > 0 ? tag : null,
	};
	if (own.folds === null || folded.has(tag)) return [own];
	const uses = members.shown.reduce((sum, { opened }) => sum + opened, 0);
	const inner = members.shown.map((member) => memberRow(tag, member, uses));
	const more = members.total - inner.length;
	return [own, ...inner, ...(more > 0 ? [{ key: `${tag}\nmore`, more: moreText(more, tag) }] : [])];
}

function moreText(more, tag) {
	return `and ${countText(more)} more; all of them: bauta exits ${tag}`;
}

function memberRow(tag, member, uses) {
	const [words, mood] = stateOf(member);
	const { name, opened, open, dialSeconds } = member;
	return { key: `${tag}\n${name}`, name, part: opened, whole: uses, open, dialSeconds, words, mood, isMember: true };
}

function makeRow({ more, isMember, folds }) {
	if (more !== undefined) {
		const cell = element('td', 'quiet');
		cell.colSpan = 5;
		return element('tr', 'more', cell);
	}
	const tag = element('span', 'tag');
	const name = element('th', '', tag, ...(isMember ? [] : [element('span', 'kind')]));
	name.scope = 'row';
	if (folds && !isMember) tag.after(foldButton(folds));
	const cell = (label, className, ...children) => {
		const made = element('td', className, ...children);
		made.dataset.label = label;
		return made;
	};
	return element(
		'tr',
		isMember ? 'member' : '',
		name,
		cell('Share', 'share', bar(), element('span', 'count')),
		cell('Open', 'right'),
		cell('Dial', 'right'),
		cell('Health', '', element('span', 'mood')),
	);
}

function foldButton(tag) {
	const button = element('button', 'fold');
	button.type = 'button';
	button.setAttribute('aria-label', `Exits of ${tag}`);
	button.addEventListener('click', () => {
		if (!folded.delete(tag)) folded.add(tag);
		redraw();
	});
	return button;
}

function tellRow(row, told) {
	if (told.more !== undefined) return say(row.firstChild, told.more);
	const [, share, open, dial, health] = row.children;
	say(row.querySelector('.tag'), told.name);
	if (!told.isMember) say(row.querySelector('.kind'), told.kind);
	row.querySelector('.fold')?.setAttribute('aria-expanded', String(!folded.has(told.name)));
	fillBar(share.firstChild, told.part, told.whole);
	say(share.lastChild, percentText(told.part, told.whole));
	say(open, countText(told.open));
	say(dial, dialText(told.dialSeconds));
	say(health.firstChild, told.words);
	health.firstChild.dataset.mood = told.mood;
}

/** The addresses that are left from. */
export function showSources({ sources }) {
	byId('sources-card').hidden = sources.length === 0;
	const most = Math.max(...sources.map(({ open }) => open), 0);
	const items = sources.toSorted((a, b) => b.open - a.open);
	keepChildren(byId('sources'), items, {
		keyOf: ({ tag, source }) => `${tag}\n${source}`,
		make: () =>
			element('li', '', element('span', 'word'), bar(), element('span', 'count'), element('span', 'quiet under')),
		tell(item, { tag, source, addresses, open, rests }) {
			const [word, fill, count, under] = item.children;
			say(word, source.replace(/\/(?:32|128)$/, ''));
			fillBar(fill, open, most);
			say(count, countText(open));
			const many = addresses > 1 ? `${addressesText(addresses)}, ` : '';
			say(under, rests ? 'none of its addresses does' : `${many}${tag}`);
			under.classList.toggle('wrong', rests);
		},
	});
}

function addressesText(addresses) {
	return addresses < 1e9 ? `${countText(addresses)} addresses` : 'very many addresses';
}
