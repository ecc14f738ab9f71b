// A session as a user name asks for one.
import type { Session } from '../../lib/core/session.ts';

export const SESSION: Session = {
	key: 'k',
	owner: 'user alice',
	name: 'a',
	ttlMs: 1_000,
	sliding: false,
	exit: null,
	strict: false,
	exitEndsMs: Number.POSITIVE_INFINITY,
};
