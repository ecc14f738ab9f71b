// Sets of ports, their text, and the ports that everybody may be carried to. The default is a list of what to allow, not of
// what to refuse, because the next service to be attacked is on no list yet. It starts from Tor's ReducedExitPolicy and
// Squid's Safe_ports and leaves out what either has and an open endpoint is abused for:
//   mail 25, 465, 587, 2525; news 119, 563 (spam; Tor's own default refuses them, too);
//   guessing of passwords: ssh 22, telnet 23 and 992, FTP 20, 21, 989, 990, POP and IMAP in clear 110, 143, 220, LDAP 389
//   and 636, Kerberos 88, 464, 749, rsh 543, 544, VMware 902-904, RDP 3389, VNC 5900, panels 981, 4643, 10000, 19638;
//   worms and amplifiers: 19, 69, 111, 123, 135-139, 161, 445, 1900, 11211; databases 1433, 3306, 5432, 6379, 9200, 27017;
//   cameras and phones: 554, 1755, 5060; printers 515, 631, 9100; other people's proxies 1080, 3128, 8118, 9050;
//   IRC in clear 194, 6660-6669 (botnets; browsers refuse it); file sharing 1214, 4661-4666, 6346-6429, 6699, 6881-6999;
//   and everything else above 1023, which Safe_ports lets through whole.
// `default,22` is how an operator adds to it. A Tor client behind bauta dials its guards, and relays listen on any port: with
// the default it reaches those on 80, 443, 8080, 8443, 9001 and 9030, which are most, and tries others until one of them
// answers. `FascistFirewall 1` in torrc saves it the tries, `all` here the question.

/** First and last port, both included. */
export type PortRange = readonly [first: number, last: number];

const DEFAULTS: readonly (readonly [ports: string, why: string])[] = [
	['43', 'whois'],
	['53', 'DNS over TCP: clients that resolve through the proxy; one cannot forge its source, so it amplifies nothing'],
	['70', 'gopher'],
	['80-81', 'web'],
	['443', 'web; also DNS over HTTPS, TURN, ssh.github.com and whatever wants to pass firewalls'],
	['853', 'DNS over TLS'],
	['873', 'rsync: mirrors of Linux distributions'],
	['993', 'IMAP over TLS: reading mail, not sending it'],
	['995', 'POP3 over TLS: the same'],
	['1194', 'OpenVPN over TCP'],
	['1965', 'gemini'],
	['2052-2053', 'web behind Cloudflare'],
	['2082-2083', 'web behind Cloudflare'],
	['2086-2087', 'web behind Cloudflare'],
	['2095-2096', 'web behind Cloudflare'],
	['3478', 'TURN over TCP: calls in a browser that has no UDP'],
	['3690', 'Subversion'],
	['4321', 'rwhois'],
	['5222-5223', 'XMPP; Apple push'],
	['5228-5230', 'Google push'],
	['5349', 'TURN over TLS'],
	['6697', 'IRC over TLS'],
	['8000', 'web, radio'],
	['8008', 'web'],
	['8080-8081', 'web'],
	['8088', 'web'],
	['8333', 'Bitcoin'],
	['8443', 'web'],
	['8880', 'web behind Cloudflare'],
	['8888', 'web'],
	['9001', 'Tor relays: the port of the sample torrc'],
	['9030', 'Tor directories'],
	['9418', 'git'],
	['11371', 'OpenPGP keys'],
	['18080', 'Monero'],
	['50001-50002', 'Electrum'],
	['64738', 'Mumble'],
];

/** Any of the ports 1 to 65535, a bit each: 8 KiB. Port 0 is in no set. */
export class PortSet {
	readonly #bits: Uint8Array = new Uint8Array(8_192);

	/** What of a range is no port is left out. */
	constructor(ranges: readonly PortRange[]) {
		for (const [first, last] of ranges)
			for (let port = Math.max(1, first); port <= Math.min(65_535, last); port++)
				this.#bits[port >>> 3] = (this.#bits[port >>> 3] as number) | (1 << (port & 7));
	}

	has(port: number): boolean {
		return ((this.#bits[port >>> 3] as number) & (1 << (port & 7))) !== 0;
	}
}

/** Reads `80,443,1000-2000`, `all`, or `default` with more behind it. Returns what is wrong as text. */
export function parsePorts(text: string): PortSet | string {
	const ranges = text.split(',').flatMap((item): (PortRange | null)[] => {
		const word = item.trim();
		return word === 'default' ? [...DEFAULT_PORT_RANGES] : [parseRange(word)];
	});
	if (ranges.includes(null)) return 'expected ports such as "80,443,8000-8099", "default,22" or "all"';
	return new PortSet(ranges as PortRange[]);
}

function parseRange(word: string): PortRange | null {
	if (word === 'all') return [1, 65_535];
	const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(word);
	if (!match) return null;
	const first = Number(match[1]);
	const last = Number(match[2] ?? match[1]);
	return first >= 1 && first <= last && last <= 65_535 ? [first, last] : null;
}

/** The ports everybody may be carried to, in rising order. */
export const DEFAULT_PORT_RANGES: readonly PortRange[] = DEFAULTS.map(([ports]) => parseRange(ports) as PortRange);

export const DEFAULT_PORTS: PortSet = new PortSet(DEFAULT_PORT_RANGES);
