// How much a client may. One interface for limits in memory and limits that a fleet shares.

export interface Limiter {
	/**
	 * Called at accept, before a byte is read. Takes a place among the handshakes in progress and starts to ask for
	 * admission, so that the answer is there when the handshake is over. Null: no place is free, close unheard.
	 */
	enter(client: string): Admission | null;
}

/** One connection's place. Released once, whatever happened; releasing again does nothing. */
export interface Admission {
	/**
	 * The handshake is over: says whether a flow may open and turns the handshake's place into a flow's. Rejects with
	 * GatewayError `client_limit_reached` (with `retryAfterMs`) or `connection_limit_reached` (the gateway is full); the
	 * place is then kept until `release`, because a refused connection is there until it is closed.
	 */
	admit(user: string | null): Promise<void>;
	release(): void;
}
