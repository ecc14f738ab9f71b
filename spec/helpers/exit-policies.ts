// A judge and its questions, for specs of the exit policy.
import type { Code } from '../../lib/core/error.ts';
import { type Ip, parseIp } from '../../lib/core/ip.ts';
import { targetOfHost } from '../../lib/core/target.ts';
import { ExitPolicy, type ExitPolicyOptions, type Subject, type Verdict } from '../../lib/policy/exit-policy.ts';
import type { LiveList } from '../../lib/policy/list-condition.ts';
import type { OwnAddresses } from '../../lib/policy/own-addresses.ts';
import { DEFAULT_PORTS, type PortSet, parsePorts } from '../../lib/policy/ports.ts';
import { compileRules, type RuleSpec } from '../../lib/policy/rules.ts';

export function ip(text: string): Ip {
	const parsed = parseIp(text);
	if (parsed === null) throw new Error(text);
	return parsed;
}

/** A server: a public address, one in the provider's network, a proxy on every address and an admin port on loopback. */
const OWN: OwnAddresses = {
	listeners: [
		{ ip: 0, port: 1080 },
		{ ip: ip('127.0.0.1'), port: 9090 },
	],
	interfaces: ['127.0.0.1', '::1', '45.0.0.5', '10.0.0.5', '2a01:4f8::5'].map(ip),
	prefixes: [],
};

export const ALL: PortSet = parsePorts('all') as PortSet;

export interface Setting extends Partial<Omit<ExitPolicyOptions, 'rules'>> {
	readonly rules?: readonly (Partial<RuleSpec> & Pick<RuleSpec, 'action'>)[];
	/** Those that the rules name. */
	readonly lists?: ReadonlyMap<string, LiveList>;
}

export function policy({ rules = [], lists = new Map(), ...options }: Setting = {}): ExitPolicy {
	const specs = rules.map((spec, i) => ({ name: `rule-${i + 1}`, ...spec }));
	const compiled = compileRules(specs, { lists });
	if (compiled.problems.length > 0) throw new Error(JSON.stringify(compiled.problems));
	return new ExitPolicy({
		allowPrivate: false,
		ports: DEFAULT_PORTS,
		mode: 'enforce',
		ownAddresses: () => OWN,
		...options,
		rules: compiled.rules,
	});
}

export function to(host: string, port = 443, more: Partial<Subject> = {}): Subject {
	const target = targetOfHost(host, port);
	if (target === null) throw new Error(`no target: ${host}`);
	return { client: { ip: ip('203.0.113.9'), key: 'k', network: null }, user: null, inbound: 'in', target, ...more };
}

/** `allow`, or the code that refuses. */
export function word(verdict: Verdict): 'allow' | Code {
	return verdict.allow ? 'allow' : verdict.error.code;
}

export function resolved(judge: ExitPolicy, subject: Subject, address: string): 'allow' | Code {
	return judge.judgeAddress(subject, ip(address), () => {})?.code ?? 'allow';
}

/** An address of no special kind. */
export const PUBLIC = '93.184.216.34';
