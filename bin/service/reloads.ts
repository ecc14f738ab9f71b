// How reloads went, for whoever asks.
import type { LastReload } from '../../lib/admin/snapshot.ts';

/** How reloads went. */
export class Reloads {
	last: LastReload | null = null;
	succeeded = 0;
	failed = 0;

	note(ok: boolean): void {
		this.last = { at: new Date().toISOString(), ok };
		if (ok) this.succeeded++;
		else this.failed++;
	}
}
