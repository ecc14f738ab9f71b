// What sticks to an exit together.
import type { Flow } from '../core/flow.ts';
import type { Target } from '../core/target.ts';
import { siteOf } from './site.ts';

export type Sticky = 'none' | 'client' | 'session' | 'site';

/**
 * The key; null: nothing sticks. Keys of different clients differ, also those of sessions that share a name. A user has the
 * same session from everywhere; who has no user name has it from one place alone. Without a session the client counts.
 */
export function stickyKeyOf(sticky: Sticky, flow: Flow, target: Target): string | null {
	switch (sticky) {
		case 'none':
			return null;
		case 'client':
			return clientOf(flow);
		case 'session':
			return sessionOf(flow) ?? clientOf(flow);
		case 'site':
			// In the middle of a chain the target is the next hop: the site is where the client goes.
			return siteOf(flow.target ?? target);
	}
}

/** Whose session it is stands in its key. */
function sessionOf({ session }: Flow): string | null {
	return session === null || session.key === null ? null : `session\n${session.key}`;
}

function clientOf({ user, client }: Flow): string {
	return user === null ? `client\n${client}` : `user\n${user}`;
}
