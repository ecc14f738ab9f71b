// Where the list of a group's members comes from, as text that may change while the gateway runs.

export interface Discovery {
	/**
	 * Tells the text it has, now and whenever there is another; `found` says whether it was any good, and one that was not
	 * changes nothing. Resolves when what can be had without waiting for the network has been told. Never rejects.
	 */
	start(found: (text: string) => boolean): Promise<void>;
	/** Tells nothing more. */
	close(): void;
}

/** What a discovery has to say; `event` is constant text, and no fact holds an address or a URL. */
export type Note = (level: 'debug' | 'info' | 'warn', event: string, facts?: Readonly<Record<string, unknown>>) => void;

/** Far more than ten thousand members with names and passwords have; an endless answer ends here. */
export const MAX_LIST_BYTES = 16_777_216;
