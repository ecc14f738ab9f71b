// What the admin API answers when it does not do what it was asked: a status of HTTP, a word for programs and a sentence
// for people.

/** Every word there is, with its status. */
export const ADMIN_ERRORS = {
	/** The body is no JSON, or says something else than the route wants. */
	invalid_request: 400,
	/** No token, or another one. */
	unauthorized: 401,
	/** A page of another origin asks. */
	forbidden_origin: 403,
	not_found: 404,
	/** `Allow` says which ones. */
	method_not_allowed: 405,
	/** The gateway drains, or is not serving yet. */
	conflict: 409,
	body_too_large: 413,
	/** What changes something is asked with `Content-Type: application/json`. */
	unsupported_media_type: 415,
	/** Called by a name that is not its own: see admin.hosts. */
	misdirected: 421,
	/** The configuration is no good; `problems` says why, and nothing has changed. */
	invalid_configuration: 422,
	/** A bug of ours. */
	internal: 500,
	/** The next process did not start; this one serves on. */
	upgrade_failed: 500,
	/** As many event streams as there may be. */
	too_many_streams: 503,
} as const;

export type AdminErrorCode = keyof typeof ADMIN_ERRORS;

export class AdminError extends Error {
	readonly code: AdminErrorCode;
	/** For `invalid_configuration` and `upgrade_failed`: a line for each problem. */
	readonly problems: readonly string[] | undefined;

	/** `message`: a sentence of ours, nothing received. */
	constructor(code: AdminErrorCode, message: string, problems?: readonly string[]) {
		super(message);
		this.name = 'AdminError';
		this.code = code;
		this.problems = problems;
	}

	get status(): number {
		return ADMIN_ERRORS[this.code];
	}
}
