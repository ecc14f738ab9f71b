// What a worker and the process that supervises it say to each other: remarks, questions and answers over the channel that a
// child process has to its parent. What is said in one turn crosses in one message, in order.

/** As much of a child process, or of `process` in a child, as is needed. */
export interface Channel {
	readonly connected: boolean;
	send?(message: unknown): boolean;
	on(event: 'message', hear: (message: unknown) => void): unknown;
	once(event: 'disconnect', hear: () => void): unknown;
}

/** What can be asked of one side: each gives an answer, a promise of one, or nothing. Errors cross by their fields. */
export type Verbs = { readonly [verb: string]: (...args: never[]) => unknown };

type Answer<V> = V extends (...args: never[]) => infer R ? Awaited<R> : never;
type Args<V> = V extends (...args: infer A) => unknown ? A : never;

type Word =
	| readonly [kind: 'ask', id: number, verb: string, args: readonly unknown[]]
	| readonly [kind: 'tell', verb: string, args: readonly unknown[]]
	| readonly [kind: 'answer', id: number, value: unknown]
	| readonly [kind: 'fail', id: number, error: unknown];

interface Waiting {
	resolve(value: never): void;
	reject(error: unknown): void;
}

/** One side's end of the channel. `Theirs` is what the other side can be asked. */
export class Talk<Theirs extends Verbs> {
	readonly #channel: Channel;
	readonly #verbs: Verbs;
	readonly #waiting: Map<number, Waiting> = new Map();
	#words: Word[] = [];
	#lastId = 0;

	/** `verbs` is what this side can be asked. */
	constructor(channel: Channel, verbs: Verbs) {
		this.#channel = channel;
		this.#verbs = verbs;
		channel.on('message', (words) => this.#hear(words as readonly Word[]));
		channel.once('disconnect', () => this.#end());
	}

	/** False when there is nobody to talk to any more. */
	get open(): boolean {
		return this.#channel.connected;
	}

	/** Rejects with what the other side failed with, or with a plain Error when it is gone. */
	ask<V extends keyof Theirs & string>(verb: V, ...args: Args<Theirs[V]>): Promise<Answer<Theirs[V]>> {
		if (!this.open) return Promise.reject(gone());
		const id = ++this.#lastId;
		return new Promise((resolve, reject) => {
			this.#waiting.set(id, { resolve, reject });
			this.#say(['ask', id, verb, args]);
		});
	}

	/** Says something that needs no answer; nothing when nobody is there. */
	tell<V extends keyof Theirs & string>(verb: V, ...args: Args<Theirs[V]>): void {
		if (this.open) this.#say(['tell', verb, args]);
	}

	#say(word: Word): void {
		if (this.#words.push(word) > 1) return;
		queueMicrotask(() => {
			const words = this.#words;
			this.#words = [];
			// One that has gone in the meantime hears nothing.
			if (this.open) this.#channel.send?.(words);
		});
	}

	#hear(words: readonly Word[]): void {
		for (const word of words) {
			if (word[0] === 'ask') void this.#answer(word[1], word[2], word[3]);
			else if (word[0] === 'tell') this.#verbs[word[1]]?.(...(word[2] as never[]));
			else this.#settle(word[1], word[0], word[2]);
		}
	}

	async #answer(id: number, verb: string, args: readonly unknown[]): Promise<void> {
		try {
			const value = this.#verbs[verb]?.(...(args as never[]));
			this.#say(['answer', id, value instanceof Promise ? await value : value]);
		} catch (error) {
			this.#say(['fail', id, { ...(error as object), message: (error as Error).message }]);
		}
	}

	#settle(id: number, kind: 'answer' | 'fail', value: unknown): void {
		const waiting = this.#waiting.get(id);
		this.#waiting.delete(id);
		if (kind === 'answer') waiting?.resolve(value as never);
		else waiting?.reject(value);
	}

	#end(): void {
		for (const waiting of this.#waiting.values()) waiting.reject(gone());
		this.#waiting.clear();
	}
}

function gone(): Error {
	return new Error('the process is gone');
}
