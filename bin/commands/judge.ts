// `bauta judge`: sends requests full of what identifies through a proxy to an origin of its own, beside the same requests
// without the proxy, and says what differs. Without --through it judges a gateway that it starts itself, as the flags and
// the configuration say. Exit 0 when every grade is as good as --expect, 1 when one is not, 69 when one could not be given.
import { randomBytes } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { CommanderError } from 'commander';
import { maskChain, parseHop } from '../../lib/config/upstream.ts';
import { Canaries } from '../../lib/judge/canaries.ts';
import { GRADES, type Grade, meets } from '../../lib/judge/grade.ts';
import { EXIT } from '../exit-codes.ts';
import type { FlagValues } from '../flags.ts';
import { isHere, type Stage, startStage } from '../judge/stage.ts';
import { jsonOf, linesOf, overall, type Verdict } from '../judge/verdict.ts';
import type { Endpoint, ProxyUrl } from '../judge/ways.ts';

export interface JudgeValues {
	readonly through?: readonly string[];
	readonly origin?: string;
	readonly dns?: string;
	readonly zone?: string;
	readonly expect?: string;
	readonly json?: boolean;
}

/** Prints the verdict. Throws CommanderError for options that do not do, ConfigError and ListenError of a gateway of its own. */
export async function judge(values: FlagValues & JudgeValues): Promise<void> {
	const expected = expectedOf(values);
	const proxies = (values.through ?? []).map((url) => ({ url: maskChain(url), proxy: proxyOf(url) }));
	// A password in an argument is for everybody to read in the list of processes.
	if (proxies.length > 0 || values.upstream || values.user) process.title = 'bauta judge';
	const stage = await stageOf(
		values,
		proxies.map(({ proxy }) => proxy),
	);
	try {
		const verdicts = proxies.length === 0 ? [await stage.judgeOwn(values)] : [];
		for (const { url, proxy } of proxies) verdicts.push(await stage.judgeProxy(url, proxy));
		say(verdicts, expected, values.json ?? false);
	} finally {
		stage.close();
	}
}

function say(verdicts: readonly Verdict[], expected: Grade, json: boolean): void {
	const grade = overall(verdicts);
	process.stdout.write(
		`${
			json
				? jsonOf(verdicts, expected)
				: verdicts
						.flatMap((one) => [...linesOf(one), ''])
						.join('\n')
						.trimEnd()
		}\n`,
	);
	if (grade === null) process.exitCode = EXIT.unavailable;
	else if (!meets(grade, expected)) process.exitCode = EXIT.refused;
}

function expectedOf({ expect = 'elite' }: JudgeValues): Grade {
	const grade = GRADES.find((one) => one === expect);
	if (grade === undefined) throw refused(`expected one of ${GRADES.join(', ')} as --expect`);
	return grade;
}

/** The URL is not repeated: there may be a password in it. */
function proxyOf(url: string): ProxyUrl {
	const parsed = parseHop(url);
	if ('wrong' in parsed) throw refused(`${parsed.wrong} as --through, found ${parsed.found}`);
	const { type, ...rest } = parsed.value;
	if (type === 'tor') throw refused('expected socks5:// as --through for Tor, found tor://');
	return { type, ...rest };
}

async function stageOf(values: JudgeValues, proxies: readonly ProxyUrl[]): Promise<Stage> {
	const { origin, ports } = await originOf(values, proxies);
	const dns = values.dns === undefined ? null : endpointOf(values.dns, '--dns');
	if (values.zone !== undefined && dns === null) throw refused('expected --dns beside --zone, found none');
	const canaries = new Canaries(randomBytes(3).toString('hex'));
	const zone = values.zone ?? `${canaries.seed}.example.com`;
	try {
		return await startStage({ canaries, host: origin.host, address: origin.address, ports, dns, zone });
	} catch (error) {
		const { code = 'error', syscall = 'listen' } = error as NodeJS.ErrnoException;
		console.error(`bauta: the judge's origin cannot ${syscall} there (${code})`);
		throw new CommanderError(code === 'EACCES' ? EXIT.noPermission : EXIT.unavailable, 'bauta.judge', code);
	}
}

interface Named {
	/** As proxies are told it. */
	readonly host: string;
	readonly address: string;
}

async function originOf(
	{ origin }: JudgeValues,
	proxies: readonly ProxyUrl[],
): Promise<{ origin: Named; ports: number[] }> {
	if (origin === undefined) {
		if (!proxies.every(({ host }) => isHere(host)))
			throw refused('expected --origin, an address of this machine that the proxy can reach, found none');
		return { origin: { host: '127.0.0.1', address: '127.0.0.1' }, ports: [0] };
	}
	const [first = '', ...more] = origin.split(',');
	const { host, port } = endpointOf(first, '--origin');
	const ports = more.map((text) => endpointOf(`x:${text}`, '--origin').port);
	const address =
		isIP(host) > 0
			? host
			: await lookup(host, { family: 4 }).then(
					({ address: found }) => found,
					() => null,
				);
	if (address === null)
		throw refused('expected a name that leads to this machine as --origin, found one without an address');
	return { origin: { host, address }, ports: [port, ...ports] };
}

/** `host:port`, IPv6 in brackets. */
function endpointOf(text: string, flag: string): Endpoint {
	const [, host, ip6, port] = /^(?:([^:[\]]+)|\[([^\]]+)\]):(\d{1,5})$/.exec(text) ?? [];
	const name = host ?? ip6;
	if (name === undefined || Number(port) > 65_535) throw refused(`expected host:port as ${flag}, found another form`);
	return { host: name, port: Number(port) };
}

function refused(message: string): CommanderError {
	console.error(`bauta: ${message}`);
	return new CommanderError(EXIT.usage, 'bauta.judge', message);
}
