// Whether this machine can do what a configuration asks of it: what `bauta check --system` says.
import { formatIp } from '../core/ip.ts';
import { isLocal } from '../io/local-routes.ts';
import type { SystemFacts } from '../io/system.ts';
import type { Prefix } from '../policy/prefix.ts';
import { usableOf } from '../policy/source-choice.ts';
import type { Config } from './config.ts';

export interface SystemLine {
	/** `warning`: something that the configuration asks for will fail, or stop earlier than it says. */
	readonly level: 'ok' | 'warning';
	readonly text: string;
}

/** What a listener asks of the kernel. */
const BACKLOG = 4_096;

/** Beside two for each connection: listeners, logs, lookups, the runtime. */
const OTHER_DESCRIPTORS = 256;

/** `locals`: the local routes of this machine. */
export function systemLines(config: Config, facts: SystemFacts, locals: readonly Prefix[]): SystemLine[] {
	const egress = [config.egress, ...config.sources];
	const sources = egress.flatMap(({ source }) => source);
	return [
		ok(`system calls: ${facts.native ? 'yes' : 'none here, so each source gives each of its ports once'}`),
		...sources.map((source) => sourceLine(source, facts, locals)),
		...portLines(config, sources, facts),
		...(egress.some(({ mark }) => mark !== 0) ? [markLine(facts)] : []),
		...(egress.some(({ device }) => device !== '') && !facts.native ? [warning('device: wants system calls')] : []),
		...descriptorLines(config, facts),
		...queueLines(facts),
	];
}

function ok(text: string): SystemLine {
	return { level: 'ok', text };
}

function warning(text: string): SystemLine {
	return { level: 'warning', text };
}

function sourceLine(source: Prefix, facts: SystemFacts, locals: readonly Prefix[]): SystemLine {
	const text = `${formatIp(source.ip)}/${source.bits}`;
	const six = typeof source.ip === 'number' ? '' : '-6 ';
	if (!isLocal(source, locals))
		return warning(`source ${text}: no local route: ip ${six}route add local ${text} dev lo`);
	const whole = source.bits < (six ? 128 : 32);
	if (six && whole && !facts.native && facts.nonlocalBind6 === false)
		return warning(`source ${text}: without system calls it needs sysctl net.ipv6.ip_nonlocal_bind=1`);
	const { count } = usableOf(source);
	return ok(`source ${text}: local, ${count > 2 ** 32 ? 'more addresses than can be used up' : `${count} addresses`}`);
}

function portLines({ limits }: Config, sources: readonly Prefix[], { ports, native }: SystemFacts): SystemLine[] {
	if (ports === null) return [];
	if (native || sources.length === 0) return [ok(`ports: ${ports} from each address to each target`)];
	const addresses = sources.reduce((sum, source) => sum + usableOf(source).count, 0);
	const enough = limits.ceilings.totalConnections > 0 && ports * addresses >= limits.ceilings.totalConnections;
	const text = `ports: ${ports} from each source in all (sysctl net.ipv4.ip_local_port_range)`;
	return [enough ? ok(text) : warning(`${text}, fewer than limits.total_connections`)];
}

function markLine({ native, netAdmin }: SystemFacts): SystemLine {
	if (!native) return warning('mark: wants system calls');
	return netAdmin === false ? warning('mark: wants CAP_NET_ADMIN') : ok('mark: permitted');
}

function descriptorLines({ limits }: Config, { descriptors }: SystemFacts): SystemLine[] {
	if (descriptors === null) return [];
	const wanted = 2 * limits.ceilings.totalConnections + OTHER_DESCRIPTORS;
	const text = `descriptors: ${descriptors}`;
	if (limits.ceilings.totalConnections > 0 && wanted <= descriptors) return [ok(text)];
	const most = Math.max(0, Math.floor((descriptors - OTHER_DESCRIPTORS) / 2));
	return [warning(`${text}, for ${most} connections at once; limits.total_connections wants ${wanted}`)];
}

function queueLines({ somaxconn }: SystemFacts): SystemLine[] {
	if (somaxconn === null || somaxconn >= BACKLOG) return [];
	return [
		warning(`sysctl net.core.somaxconn=${somaxconn}: bursts of more are refused; ${BACKLOG} is the kernel's default`),
	];
}
