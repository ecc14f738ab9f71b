/** A worker that did not come to serve, or went away before it answered: its message says how. */
export class WorkerError extends Error {
	constructor(message: string) {
		super(message);
		this.name = 'WorkerError';
	}
}
