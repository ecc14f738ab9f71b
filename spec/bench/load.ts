// The load generator of the benches, load.c, compiled where they run: it has to cost less than what it measures.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { temporaryFolder } from '../helpers/gateway-process.ts';
import { run, startProcess } from '../helpers/process.ts';
import { pathOf } from '../helpers/programs.ts';
import type { Scope } from '../helpers/scope.ts';

/** `login`: SOCKS5 with user and password "bench". `name`: SOCKS5 that asks for the origin by a name. */
export type Kind = 'socks5' | 'login' | 'name' | 'http';

/** See load.c. */
export type Mode = 'c' | 'd' | 'u' | 'r' | 'h' | 'i';

export interface Measured {
	readonly done: number;
	readonly bytes: number;
	/** Tunnels that were opened. */
	readonly open: number;
	readonly failures: number;
	readonly seconds: number;
	/** Of the proxy and all its descendants. */
	readonly cpuSeconds: number;
	readonly beforeKb: number;
	readonly afterKb: number;
}

export interface LoadOptions {
	readonly kind: Kind;
	readonly mode: Mode;
	readonly atOnce: number;
	readonly seconds: number;
	/** Tunnels that stand still meanwhile. */
	readonly hold?: number;
}

export class LoadGenerator {
	readonly #scope: Scope;
	readonly #program: string;
	readonly #origin: number;

	/** Compiles, and starts the origin. Throws where there is no C compiler. */
	static async start(scope: Scope): Promise<LoadGenerator> {
		const compiler = pathOf('cc');
		if (compiler === null) throw new Error('the load generator is C: apt-get install gcc libc6-dev');
		const program = join(temporaryFolder(scope), 'load');
		execFileSync(compiler, ['-O2', '-o', program, join(import.meta.dirname, 'load.c')]);
		const origin = startProcess(scope, program, ['origin'], { stdio: ['pipe', 'pipe', 'inherit'] });
		const [port] = (await once(createInterface({ input: origin.stdout! }), 'line')) as [string];
		return new LoadGenerator(scope, program, Number(port));
	}

	private constructor(scope: Scope, program: string, origin: number) {
		this.#scope = scope;
		this.#program = program;
		this.#origin = origin;
	}

	async run(proxy: { readonly port: number; readonly pid: number }, options: LoadOptions): Promise<Measured> {
		const { kind, mode, atOnce, seconds, hold = 0 } = options;
		const words = ['run', kind, proxy.port, this.#origin, mode, atOnce, seconds, proxy.pid, hold];
		const { code, stdout, stderr } = await run(this.#scope, this.#program, words.map(String));
		if (stderr !== '') console.error(stderr.trim());
		if (stdout.length === 0) throw new Error(`load ${words.join(' ')}: ended with ${code} and said nothing`);
		return JSON.parse(stdout.toString()) as Measured;
	}
}

/** As many tunnels as a proxy may have with the descriptors that this machine grants a process, two each. */
export function tunnelsUpTo(wanted: number): number {
	const granted = Number(execFileSync('sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' }));
	return Number.isNaN(granted) ? wanted : Math.min(wanted, (granted - 500) >> 1);
}

export function median(values: readonly number[]): number {
	return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}
