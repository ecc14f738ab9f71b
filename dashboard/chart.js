// A sparkline: an area, a line and a dot where now is, as SVG. No axes; what they would say stands beside it in words.

const SVG = 'http://www.w3.org/2000/svg';
const WIDTH = 300;
const HEIGHT = 64;
/** Room for the width of the line. */
const EDGE = 3;

function make(name, attributes) {
	const element = document.createElementNS(SVG, name);
	for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
	return element;
}

/** Draws into `host` and again with each call of what it gives back: `draw(points, label)`, points as `[time, value]`. */
export function chart(host) {
	const svg = make('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img' });
	const area = make('path', { class: 'area' });
	const line = make('path', { class: 'line', 'vector-effect': 'non-scaling-stroke' });
	svg.append(area, line);
	const dot = document.createElement('span');
	dot.className = 'dot';
	host.append(svg, dot);
	return (points, label) => {
		svg.setAttribute('aria-label', label);
		const [[first, begin], [last, end]] = [points[0], points.at(-1)];
		const top = Math.max(...points.map(([, value]) => value)) || 1;
		const xOf = (time) => ((time - first) / (last - first)) * WIDTH;
		const yOf = (value) => HEIGHT - EDGE - (value / top) * (HEIGHT - 2 * EDGE);
		// A single moment is a level line.
		const path =
			last > first
				? points.map(([time, value]) => `${xOf(time).toFixed(1)} ${yOf(value).toFixed(1)}`).join('L')
				: `0 ${yOf(begin)}L${WIDTH} ${yOf(end)}`;
		line.setAttribute('d', `M${path}`);
		area.setAttribute('d', `M0 ${HEIGHT}L${path}L${WIDTH} ${HEIGHT}Z`);
		dot.style.top = `${(yOf(end) / HEIGHT) * 100}%`;
	};
}
