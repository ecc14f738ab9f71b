// Where a helper leaves what has to be undone: an ava test's own `t` is a scope, and a whole spec file can be one.
import type { TestFn } from 'ava';

export interface Scope {
	teardown(undo: () => void | Promise<void>): void;
}

/** A scope that ends with the spec file, for what its tests share. Undoes the last first. */
export function scopeOfFile(test: TestFn): Scope {
	const undos: (() => void | Promise<void>)[] = [];
	test.after.always('what the file shared is put away', async () => {
		for (const undo of undos.reverse()) await undo();
	});
	return { teardown: (undo) => void undos.push(undo) };
}
