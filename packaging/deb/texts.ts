// What dpkg, apt and a reader of Debian's own files find out about the package.
import type { Package } from './modules.ts';

/**
 * Who answers for the package: whoever builds it, by the variables of Debian's own tools (DEBFULLNAME, DEBEMAIL). For
 * something that is built for the own machine nobody has to give a name.
 */
function maintainer(): string {
	const { DEBFULLNAME = 'bauta', DEBEMAIL = 'bauta@localhost' } = process.env;
	return `${DEBFULLNAME} <${DEBEMAIL}>`;
}

/** What Node's own build and koffi load; Node needs libatomic1 since version 25. The last one makes the user of the service. */
const DEPENDS = [
	'libatomic1',
	'libc6 (>= 2.28)',
	'libgcc-s1',
	'libstdc++6 (>= 5.2)',
	'systemd | systemd-standalone-sysusers | systemd-sysusers',
];

/** The file DEBIAN/control. `sizeKib` is what it takes on a disk. */
export function control(arch: string, version: string, sizeKib: number): string {
	return `Package: bauta
Version: ${version}
Architecture: ${arch}
Maintainer: ${maintainer()}
Installed-Size: ${sizeKib}
Depends: ${DEPENDS.join(', ')}
Suggests: redis-server, tor
Section: net
Priority: optional
Description: anonymizing open-proxy gateway
 One port takes every proxy handshake (SOCKS4, 4a, 5, HTTP CONNECT, plain
 HTTP), takes off whatever names the client, and sends the traffic out
 directly or through chains of other proxies, Tor among them.
 .
 It comes with a Node.js of its own. Installing it opens no port: the service
 is neither enabled nor started, and listens on loopback until it is told
 otherwise.
`;
}

/** The changelog in Debian's form: what the newest part of ours says. */
export function changelog(ours: string, version: string, epoch: number): string {
	const [, newest = ''] = ours.split(/^## .*$/m);
	const items = newest
		.trim()
		.split(/^- /m)
		.filter(Boolean)
		.map((item) => wrapped(item).join('\n    '));
	const date = new Date(epoch * 1_000).toUTCString().replace('GMT', '+0000');
	return `bauta (${version}) unstable; urgency=medium\n\n${items.map((item) => `  * ${item}\n`).join('')}\n -- ${maintainer()}  ${date}\n`;
}

const LINE = 76;

/** Lines of the words of `text`. */
function wrapped(text: string): readonly string[] {
	const lines: string[] = [];
	for (const word of text.split(/\s+/).filter(Boolean)) {
		const longer = `${lines.at(-1) ?? ''} ${word}`.trim();
		if (lines.length > 0 && longer.length <= LINE) lines.splice(-1, 1, longer);
		else lines.push(word);
	}
	return lines;
}

/** Every licence that comes along, each as its owner wrote it. */
export function copyright(
	ours: string,
	node: { readonly version: string; readonly text: string },
	packages: readonly Package[],
): string {
	const parts = packages.map(({ name, version, license, text }) =>
		part(`${name} ${version} (${license})`, text || `Licence: ${license}`),
	);
	return [
		part('bauta', ours),
		part(`Node.js ${node.version}, in /usr/lib/bauta/node: as the Node.js project released it`, node.text),
		...parts,
	].join('\n');
}

function part(title: string, text: string): string {
	return `${'='.repeat(72)}\n${title}\n${'='.repeat(72)}\n\n${text.replaceAll('\r', '').trim()}\n`;
}
