// Listens for one connection of one peer, for BIND. Whoever else connects is closed at once, and the first who may come ends
// the listening.
import { createSocket } from 'node:dgram';
import { abortError, type Came, type Waiter } from '../core/dialer.ts';
import type { GatewayError } from '../core/error.ts';
import type { Halt } from '../core/halt.ts';
import { formatIp, type Ip, isSameIp, parseIp } from '../core/ip.ts';
import type { Link } from '../core/link.ts';
import { ListenError, type Listener, listen } from './listen.ts';
import type { PortTurns } from './port-choice.ts';

/** A connected UDP socket sends nothing until it is told to: any port does. */
const ANY_PORT = 9;

/** The address of this machine that a connection to or from `ip` has, by the routing table; null without a route. */
export function localIpTowards(ip: Ip): Promise<Ip | null> {
	const socket = createSocket(typeof ip === 'number' ? 'udp4' : 'udp6');
	return new Promise((resolve) => {
		const tell = (local: Ip | null): void => {
			socket.close();
			resolve(local);
		};
		socket.once('error', () => tell(null));
		const connected = (error?: Error): void => tell(error ? null : parseIp(socket.address().address));
		socket.connect(ANY_PORT, formatIp(ip), connected as () => void);
	});
}

/** Who may come. */
export interface Expected {
	/** These addresses; null: whoever `judge` lets in. */
	readonly peers: readonly Ip[] | null;
	/** Null permits. */
	judge(ip: Ip): GatewayError | null;
}

/** Documentation addresses (RFC 5737, RFC 3849): nobody has them, so the default route leads there. */
const OUT_THERE: { readonly ip4: Ip; readonly ip6: Ip } = {
	ip4: parseIp('192.0.2.1') as Ip,
	ip6: parseIp('2001:db8::1') as Ip,
};

/** The address of this machine by which the internet reaches it, as far as the machine can tell; null without a route. */
export function localIpOutwards(family: 'ip4' | 'ip6'): Promise<Ip | null> {
	return localIpTowards(OUT_THERE[family]);
}

/**
 * A listener on the address `told`, or on every address of that family where anybody may come. Rejects with
 * GatewayError, phase `connect`. It is closed by `came` or `close`.
 */
export async function waitForPeer(expected: Expected, told: Ip, ports: PortTurns): Promise<Waiter> {
	const waiter = new OneWaiter(expected, told);
	await ports.open((port) => waiter.listen(port));
	return waiter;
}

class OneWaiter implements Waiter {
	readonly ip: Ip;
	port = 0;
	readonly #expected: Expected;
	#listener: Listener | null = null;
	/** Who came before anybody asked. */
	#came: Came | null = null;
	#dropped: { stranger: number; refused: number } = { stranger: 0, refused: 0 };
	#resolve: ((came: Came) => void) | null = null;

	constructor(expected: Expected, told: Ip) {
		this.#expected = expected;
		this.ip = told;
	}

	get #local(): Ip {
		if (this.#expected.peers !== null) return this.ip;
		return typeof this.ip === 'number' ? 0 : new Uint8Array(16);
	}

	/** Itself, or an errno name. */
	async listen(port: number): Promise<this | string> {
		try {
			const onLink = (link: Link, ip: Ip, peerPort: number): void => this.#take({ link, ip, port: peerPort });
			this.#listener = await listen({ host: formatIp(this.#local), port }, { onLink, side: 'target' });
			this.port = this.#listener.address.port;
			return this;
		} catch (thrown) {
			if (thrown instanceof ListenError) return thrown.code;
			throw thrown;
		}
	}

	#take(came: Came): void {
		const why = this.#expected.peers?.some((peer) => isSameIp(peer, came.ip)) === false ? 'stranger' : 'refused';
		if (this.#came !== null || why === 'stranger' || this.#expected.judge(came.ip) !== null) {
			this.#dropped[why]++;
			came.link.destroy();
			return;
		}
		this.#came = came;
		void this.#listener?.stop();
		this.#resolve?.(came);
	}

	came(signal: Halt, dropped: (why: 'stranger' | 'refused', count: number) => void): Promise<Came> {
		return new Promise((resolve, reject) => {
			const over = (): void => {
				signal.removeEventListener('abort', onAbort);
				for (const why of ['stranger', 'refused'] as const)
					if (this.#dropped[why] > 0) dropped(why, this.#dropped[why]);
			};
			const onAbort = (): void => {
				over();
				this.close();
				reject(abortError(signal));
			};
			this.#resolve = (came) => {
				over();
				resolve(came);
			};
			if (this.#came) this.#resolve(this.#came);
			else if (signal.aborted) onAbort();
			else signal.addEventListener('abort', onAbort);
		});
	}

	close(): void {
		void this.#listener?.stop();
		this.#came?.link.destroy();
	}
}
