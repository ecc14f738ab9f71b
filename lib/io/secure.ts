// TLS to a hop, over any link. The certificate is verified against the authorities that node brings and those that this
// system trusts. Nothing of a certificate gets into an error: its texts are the peer's.

import {
	connect,
	createSecureContext,
	getCACertificates,
	type SecureContext,
	type TLSSocket,
	type ConnectionOptions as TlsConnectOptions,
} from 'node:tls';
import { abortError } from '../core/dialer.ts';
import { type Code, GatewayError } from '../core/error.ts';
import type { Halt } from '../core/halt.ts';
import type { Link } from '../core/link.ts';
import type { Target } from '../core/target.ts';
import { StreamLink } from './link.ts';
import { LinkDuplex } from './link-duplex.ts';

export interface SecureOptions {
	/** PEM certificates of the only authorities to trust. Default: node's and the system's. */
	readonly ca?: readonly string[];
}

/** The near end of TLS with one hop. */
export class SecureClient {
	readonly #options: TlsConnectOptions;

	constructor(hop: Target, options: SecureOptions = {}) {
		this.#options = {
			host: hop.host,
			// RFC 6066 section 3: no addresses in SNI.
			servername: hop.kind === 'name' ? hop.host : '',
			secureContext: options.ca === undefined ? usualContext() : contextOf(options.ca),
			ALPNProtocols: ['http/1.1'],
		};
	}

	/**
	 * A paused link inside `link`, which it owns. Rejects with GatewayError, phase `hop`, and closes `link`: `tls_*`,
	 * `hop_unavailable` when the hop leaves, or why `signal` was aborted.
	 */
	secure(link: Link, signal: Halt): Promise<Link> {
		return new Promise((resolve, reject) => {
			if (signal.aborted) {
				link.destroy();
				reject(abortError(signal));
				return;
			}
			const socket = connect({ ...this.#options, socket: new LinkDuplex(link) });
			const fail = (error: GatewayError): void => {
				over();
				socket.destroy();
				link.destroy();
				reject(error);
			};
			const onSecure = (): void => {
				over();
				resolve(new SecureLink(socket, link));
			};
			const onError = (error: NodeJS.ErrnoException): void => fail(tlsError(socket, error));
			const onClose = (): void => fail(hopError('hop_unavailable', 'closed inside its handshake'));
			const onAbort = (): void => fail(abortError(signal));
			const over = (): void => {
				socket.off('secureConnect', onSecure).off('error', onError).off('close', onClose);
				signal.removeEventListener('abort', onAbort);
			};
			socket.on('secureConnect', onSecure).on('error', onError).on('close', onClose);
			signal.addEventListener('abort', onAbort);
		});
	}
}

/** Its RST is that of the link beneath. */
class SecureLink extends StreamLink {
	readonly #beneath: Link;

	constructor(socket: TLSSocket, beneath: Link) {
		super(socket, { side: 'hop' });
		this.#beneath = beneath;
	}

	override reset(): void {
		this.#beneath.reset();
		this.destroy();
	}
}

/** Made once for all hops: it takes some 100 ms, and a list may have thousands of them. */
let usual: SecureContext | null = null;

function usualContext(): SecureContext {
	usual ??= contextOf([...getCACertificates('default'), ...getCACertificates('system')]);
	return usual;
}

function contextOf(authorities: readonly string[]): SecureContext {
	return createSecureContext({ ca: [...new Set(authorities)] });
}

/** The note is a word of node's or OpenSSL's own: CERT_HAS_EXPIRED, ERR_SSL_WRONG_VERSION_NUMBER ... */
function tlsError(socket: TLSSocket, error: NodeJS.ErrnoException): GatewayError {
	const note = /^[A-Z0-9_]{1,80}$/.test(error.code ?? '') ? (error.code as string) : 'TLS';
	return hopError(tlsCodeOf(socket, note), note);
}

function hopError(code: Code, note: string): GatewayError {
	return new GatewayError(code, { side: 'hop', phase: 'hop', retry: 'next', note });
}

function tlsCodeOf(socket: TLSSocket, errno: string): Code {
	if (socket.authorizationError) return 'tls_certificate_error';
	if (errno.includes('_ALERT_')) return 'tls_alert_received';
	return errno.startsWith('ERR_SSL_') || errno === 'EPROTO' ? 'tls_protocol_error' : 'hop_unavailable';
}
