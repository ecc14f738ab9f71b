// What a client asked of its exit by its user name, behind the name itself: `alice-session-abc123-ttl-10m-exit-de-strict`.
// Read once, before authentication (policy/session-grammar.ts); from then on the name is `alice` and this is apart.

export interface Session {
	/**
	 * Under which an exit is remembered, or null: nothing is to stick, there is a wish alone. Opaque; two users never have
	 * the same one, and on an endpoint without users two clients neither.
	 */
	readonly key: string | null;
	/** Who pays for what is remembered: the user, else the client. Opaque. */
	readonly owner: string;
	/** As the client calls it, for rules; null without a key. */
	readonly name: string | null;
	/** How long the exit stays the same: from its choice on, or from its last use if `sliding`. */
	readonly ttlMs: number;
	readonly sliding: boolean;
	/** The way out, or the member of a group, that the client would like; null for any. */
	readonly exit: string | null;
	/** A session whose exit is gone fails; a soft one gets another exit. */
	readonly strict: boolean;
	/** When the exit that was found for its last dial ends to be its own, by the gateway's clock; written where exits are found. */
	exitEndsMs: number;
}
