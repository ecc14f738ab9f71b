// The shape of a list as it is written: as config.ts has it for all the rest.

/** One `[[list]]`. */
export interface ListInput {
	readonly tag: string;
	readonly items?: readonly string[] | undefined;
	readonly file?: string | undefined;
	readonly url?: string | undefined;
	readonly through?: string | undefined;
	readonly refresh?: string | undefined;
	readonly keep?: string | undefined;
}
