// The four numbers, and the curve of refusals: each a number of now, and how it came to it.
import { chart } from './chart.js';
import { bytesParts, countText, durationText, rateText } from './format.js';

const perSecond = (rate) => [rateText(rate), '/s'];
const count = (value) => [countText(value), ''];
const bytesPerSecond = (rate) => {
	const [value, unit] = bytesParts(rate);
	return [value, `${unit}/s`];
};

const TILES = [
	{ id: 'tile-started', name: 'started', parts: perSecond },
	{ id: 'tile-open', name: 'open', parts: count },
	{ id: 'tile-down', name: 'down', parts: bytesPerSecond },
	{ id: 'tile-up', name: 'up', parts: bytesPerSecond },
	{ id: 'limits', name: 'refused', parts: perSecond },
];

/** Gives back what draws them all. */
export function tiles() {
	const all = TILES.map(tile);
	return (history) => {
		for (const draw of all) draw(history);
	};
}

function tile({ id, name, parts }) {
	const section = document.getElementById(id);
	const part = (key) => section.querySelector(`[data-${key}]`);
	const draw = chart(part('chart'));
	const say = (key, text) => {
		const element = part(key);
		if (element) element.textContent = text;
	};
	return (history) => {
		const points = history.curve.map((point) => [point.atMs, point[name]]);
		const [value, unit] = parts(history.now[name]);
		const most = Math.max(...points.map(([, each]) => each));
		const peak = parts(most).join(' ').trim();
		const span = spanText(history.seconds);
		say('value', value);
		say('unit', unit);
		say('low', name === 'refused' ? `${value} refused a second` : most === 0 ? 'quiet so far' : `peak ${peak}`);
		say('span', span);
		draw(points, `${span}: now ${value} ${unit}, at most ${peak}`);
	};
}

function spanText(seconds) {
	if (seconds >= 3_590) return 'last hour';
	if (seconds >= 60 && seconds < 120) return 'last minute';
	return `last ${durationText(seconds < 60 ? Math.max(1, seconds) : Math.floor(seconds / 60) * 60)}`;
}
