// Where a list comes from, be it of members or of names to filter by: bytes that may change while the gateway runs.

/** Takes a list. False: it is none. */
export type Found = (bytes: Buffer) => boolean | Promise<boolean>;

export interface Discovery {
	/**
	 * Tells the bytes it has, now and whenever there are others; `found` says whether they were any good, and those that
	 * were not change nothing. The next are told when `found` has answered. Resolves when what can be had without waiting
	 * for the network has been told. Never rejects.
	 */
	start(found: Found): Promise<void>;
	/** Tells nothing more. */
	close(): void;
}

/** What a discovery has to say; `event` is constant text, and no fact holds an address or a URL. */
export type Note = (level: 'debug' | 'info' | 'warn', event: string, facts?: Readonly<Record<string, unknown>>) => void;

/** Far more than ten thousand members with names and passwords have; an endless answer ends here. */
export const MAX_LIST_BYTES = 16_777_216;
