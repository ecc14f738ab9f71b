// Light or dark: as the system says, until somebody has chosen. A script of its own, before the style sheet, so that
// nothing flashes.
(() => {
	const KEY = 'bauta-theme';
	const root = document.documentElement;
	const system = matchMedia('(prefers-color-scheme: dark)');
	let chosen = stored();

	function stored() {
		try {
			return localStorage.getItem(KEY);
		} catch {
			return null; // a browser that keeps nothing
		}
	}

	function apply() {
		const isDark = chosen === null ? system.matches : chosen === 'dark';
		root.dataset.theme = isDark ? 'dark' : 'light';
		const word = document.getElementById('theme-word');
		if (word) word.textContent = isDark ? 'Light' : 'Dark';
		document.getElementById('theme')?.setAttribute('aria-label', `Switch to ${isDark ? 'light' : 'dark'} theme`);
	}

	function toggle() {
		chosen = root.dataset.theme === 'dark' ? 'light' : 'dark';
		try {
			localStorage.setItem(KEY, chosen);
		} catch {
			// it holds for this page, then
		}
		apply();
	}

	apply();
	system.addEventListener('change', apply);
	document.addEventListener('DOMContentLoaded', () => {
		document.getElementById('theme').addEventListener('click', toggle);
		apply();
	});
})();
