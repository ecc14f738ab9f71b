// What tables are made of. Text only ever goes in as text; what stays is changed in place, so that focus and a reader of
// screens stay where they are.

export const byId = (id) => document.getElementById(id);

export function element(name, className, ...children) {
	const made = document.createElement(name);
	if (className) made.className = className;
	made.append(...children);
	return made;
}

/** Sets the text where it is another one. */
export function say(node, text) {
	if (node.textContent !== text) node.textContent = text;
}

/** A bar that `fillBar` fills. */
export function bar(kind = '') {
	return element('span', `bar ${kind}`.trim(), element('span', 'fill'));
}

/** What is more than nothing can be seen. */
export function fillBar(node, part, whole) {
	node.firstChild.style.width = whole === 0 ? '0' : `${Math.max(part > 0 ? 1.5 : 0, (part / whole) * 100)}%`;
}

/** Children of `parent` for `items`, by key: made when a key is new, told what is now, gone with their key. */
export function keepChildren(parent, items, { keyOf, make, tell }) {
	const before = new Map(Array.from(parent.children, (child) => [child.dataset.key, child]));
	for (const [i, item] of items.entries()) {
		const key = keyOf(item);
		const child = before.get(key) ?? make(item);
		child.dataset.key = key;
		before.delete(key);
		tell(child, item);
		if (parent.children[i] !== child) parent.insertBefore(child, parent.children[i] ?? null);
	}
	for (const gone of before.values()) gone.remove();
}
