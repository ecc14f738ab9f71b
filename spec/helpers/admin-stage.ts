// A gateway and its admin listener in the process of a spec.
import { type AdminDeps, AdminServer } from '../../lib/admin/server.ts';
import { viewOf } from '../../lib/admin/view.ts';
import type { AdminConfig } from '../../lib/config/config.ts';
import { type ConfigInput, createGateway, Metrics, observers, Secret, Tally } from '../../lib/index.ts';
import type { Where } from '../../lib/io/bind.ts';
import type { Scope } from './scope.ts';

export const TOKEN = 'a-token-of-this-spec';
/** What shows it. */
export const SHOWN: { readonly headers: { readonly Authorization: string } } = {
	headers: { Authorization: `Bearer ${TOKEN}` },
};
export const LOOPBACK: Where = { host: '127.0.0.1', port: 0 };

export interface Setting {
	readonly where?: Where;
	readonly access?: Partial<AdminConfig>;
	readonly config?: ConfigInput;
	readonly deps?: Partial<AdminDeps>;
}

export interface Stage {
	readonly admin: AdminServer;
	readonly at: string;
	/** Of the gateway that is looked at. */
	readonly port: number;
	readonly bugs: unknown[];
}

/** A gateway of this process and an admin listener that looks at it, until the scope ends. */
export async function staged(scope: Scope, { where = LOOPBACK, access, config, deps }: Setting = {}): Promise<Stage> {
	const tally = new Tally();
	const metrics = new Metrics(tally, { version: '1.2.3' });
	const bugs: unknown[] = [];
	const observer = observers(tally, metrics, { bug: (bug) => bugs.push(bug) });
	const open: ConfigInput = { listen: ['127.0.0.1:0'], exit: { allow_private: true, ports: 'all' } };
	const gateway = createGateway({ ...open, ...config }, { observer });
	await gateway.start();
	const told: AdminDeps = {
		gateway,
		view: viewOf({ gateway, tally, version: '1.2.3', lastReload: () => null }),
		metrics,
		reload: () => Promise.resolve([]),
		upgrade: () => Promise.resolve([]),
		drain: () => void gateway.drain(),
		...deps,
	};
	const token = new Secret(TOKEN);
	const admin = new AdminServer({ listen: { kind: 'off' }, token, hosts: [], ...access }, told, observer);
	scope.teardown(async () => {
		await admin.stop();
		await gateway.close();
		metrics.close();
	});
	await admin.start(where);
	return { admin, at: admin.address!, port: Number(gateway.addresses[0]!.split(':')[1]), bugs };
}
