// A gateway with an admin listener, as a service manager starts it: in a process of its own that may be followed by others.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Status } from '../../lib/admin/snapshot.ts';
import { answerOf } from './admin.ts';
import { BIN } from './command.ts';
import { GatewayProcess, temporaryFolder } from './gateway-process.ts';
import { startProcess } from './process.ts';
import type { Scope } from './scope.ts';

export interface ServiceProcess {
	readonly gateway: GatewayProcess;
	readonly folder: string;
	/** Its configuration. */
	readonly file: string;
	/** Path of its admin socket. */
	readonly admin: string;
	/** Writes another configuration. */
	readonly write: (text: string) => void;
	/** Of whichever process serves now. */
	readonly status: () => Promise<Status>;
}

export interface ServiceOptions {
	readonly args?: readonly string[];
	/** With FOLDER for the folder. */
	readonly env?: Readonly<Record<string, string>>;
	/** What is run in place of Node, with Node and its arguments behind it. */
	readonly by?: readonly string[];
	/** Extra files of the folder, by name. */
	readonly files?: Readonly<Record<string, string>>;
	/** False: the configuration says where the admin listener is, with FOLDER for the folder. */
	readonly adminFlag?: boolean;
}

/** Everything is allowed and nothing limited: for clients of this machine. */
export const OPEN_CONFIG = `listen = ["127.0.0.1:0"]
[exit]
allow_private = true
ports = "all"
[limits]
connections_per_second = 0
connections_open = 0
handshakes = 0
`;

/** Starts `bauta serve -c FILE` with its admin socket beside the file; resolves when it can be asked. */
export async function startService(
	scope: Scope,
	config: string = OPEN_CONFIG,
	{ args = [], env = {}, by = [], files = {}, adminFlag = true }: ServiceOptions = {},
): Promise<ServiceProcess> {
	const folder = temporaryFolder(scope);
	const [file, admin] = [join(folder, 'bauta.toml'), join(folder, 'admin.sock')];
	for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text, { mode: 0o600 });
	const write = (text: string): void => writeFileSync(file, text.replaceAll('FOLDER', folder));
	write(config);
	const line = [...by, process.execPath, BIN, 'serve', '-c', file, ...(adminFlag ? ['--admin', admin] : []), ...args];
	const variables = Object.fromEntries(
		Object.entries(env).map(([name, value]) => [name, value.replaceAll('FOLDER', folder)]),
	);
	const gateway = new GatewayProcess(
		startProcess(scope, line[0]!, line.slice(1), { env: { ...process.env, ...variables }, cwd: folder }),
	);
	const status = async (): Promise<Status> => (await answerOf(admin, '/v1/status')).json as Status;
	// Whoever serves by then may be nobody's child.
	scope.teardown(async () => {
		try {
			process.kill((await status()).pid, 'SIGKILL');
		} catch {} // nobody does
	});
	const { address } = await gateway.record(({ msg }) => msg === 'listening');
	gateway.port = Number(/:(\d+)$/.exec(String(address))![1]);
	await gateway.record(({ msg }) => msg === 'admin listening');
	return { gateway, folder, file, admin, write, status };
}
