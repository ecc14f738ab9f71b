// Whether a client may go where it wants to, asked twice: `judge` before anything is resolved or dialled, `judgeAddress`
// for each address that a name resolved to and before that one is dialled. Pure and synchronous. In order:
//
//   1. our own listeners       refused always: a loop, and the way into the admin port
//   2. rules                   the first that matches; a deny refuses, a report does not
//   3. special names           unless --allow-private or the rule opens them; .onion by Tor alone, .alt only with a rule's route
//   4. ports                   unless listed or opened by the rule
//   5. special addresses       unless --allow-private or the rule opens them; IPv4 inside IPv6 counts
//   6. this machine's own      unless --allow-private or the rule opens that one
//
// A rule with media types is heard when the answer to a plain HTTP request has come (`judgeAnswer`), if none above it decides.
//
// In report mode 2 to 6 let pass and are reported, a deny as though the rule were not there; names that must not be asked
// for (.onion, .alt) stay refused. Address rules and 5 and 6 judge what is resolved here: behind a hop that resolves
// names itself they see literals only.
import { type Code, GatewayError } from '../core/error.ts';
import { type Ip, ip4Within, isMapped } from '../core/ip.ts';
import { type Target, targetOfIp4 } from '../core/target.ts';
import { suffixesOf } from './name-set.ts';
import { type OwnAddresses, OwnMachine } from './own-addresses.ts';
import type { PortSet } from './ports.ts';
import type { Rule, Subject } from './rules.ts';
import { embeddedIp4s, specialRangeOf } from './special-addresses.ts';
import { specialNameOf } from './special-names.ts';
import type { SpecialRange } from './special-ranges.ts';

export type { Subject } from './rules.ts';

export interface ExitPolicyOptions {
	readonly allowPrivate: boolean;
	readonly ports: PortSet;
	readonly mode: 'enforce' | 'report';
	readonly rules: readonly Rule[];
	/** Tags of the ways out that lead into Tor. Names under .onion go by the first of them unless a rule names another one. */
	readonly onionRoutes?: readonly string[];
	/** What is this machine now; asked for each connection, so it answers from memory. */
	ownAddresses(): OwnAddresses;
}

export type Verdict =
	| {
			readonly allow: true;
			/** What would have refused, by rule name; empty when enforcing. */
			readonly reports: readonly string[];
			/** Tag of the way out, null for the default. */
			readonly route: string | null;
			/** The rule that decided, by name; null: none matched. */
			readonly rule: string | null;
			/** That rule is about the exit that the name wishes for. */
			readonly readsExit: boolean;
			/**
			 * Only a rule with addresses can still allow this name: it must be resolved here and `judgeAddress` be asked. A
			 * way out that sends names on refuses it with `http_request_denied`.
			 */
			readonly needsAddress: boolean;
			/** Rules that wait for the answer to this request; for `judgeAnswer`. */
			readonly awaiting: readonly Rule[];
	  }
	| {
			readonly allow: false;
			readonly error: GatewayError;
			/** Who says no: an operator's rule by its name, else `port`, `own address`, `special address: loopback` and so on. */
			readonly rule: string;
	  };

/** Why not. `firm`: in report mode, too. */
interface Refusal {
	readonly rule: string;
	readonly code: Code;
	readonly note: string;
	readonly firm: boolean;
}

/** What came of weighing everything. */
interface Weighed {
	readonly refusal: Refusal | null;
	/** The one that decided. */
	readonly rule: Rule | null;
	readonly reports: readonly string[];
	readonly awaiting: readonly Rule[];
}

const NOTHING: readonly string[] = [];
const NO_RULES: readonly Rule[] = [];
/** Where reports go of who refuses: there are none. */
const UNHEARD: string[] = [];
const NOWHERE: Target = targetOfIp4(0, 0);
const PASSED: Verdict = {
	allow: true,
	reports: NOTHING,
	route: null,
	rule: null,
	readsExit: false,
	needsAddress: false,
	awaiting: [],
};

/** Note of the error when a rule about content refuses: whoever meets that is no scanner. */
export const FILTERED = 'filter';

const LOOP: Refusal = { rule: 'own listener', code: 'proxy_loop_detected', note: 'own listener', firm: true };
const PORT: Refusal = { rule: 'port', code: 'http_request_denied', note: 'port not listed', firm: false };
const OWN: Refusal = { rule: 'own address', code: 'destination_ip_prohibited', note: 'own address', firm: false };
const ROUTE: Refusal = {
	rule: 'route',
	code: 'http_request_denied',
	note: 'rule sends this address another way',
	firm: false,
};

const LOOPED: Weighed = { refusal: LOOP, rule: null, reports: NOTHING, awaiting: NO_RULES };
const CLEAR: Weighed = { refusal: null, rule: null, reports: NOTHING, awaiting: NO_RULES };

/** The judge of one gateway. Keeps nothing about those it judges. */
export class ExitPolicy {
	readonly #allowPrivate: boolean;
	readonly #enforces: boolean;
	readonly #ports: PortSet;
	readonly #rules: readonly Rule[];
	/** Whether a rule does. */
	readonly #readsNames: boolean;
	readonly #onionRoutes: readonly string[];
	readonly #machine: OwnMachine;

	constructor(options: ExitPolicyOptions) {
		this.#allowPrivate = options.allowPrivate;
		this.#enforces = options.mode === 'enforce';
		this.#ports = options.ports;
		this.#rules = options.rules;
		this.#readsNames = options.rules.some(({ readsNames }) => readsNames);
		this.#onionRoutes = options.onionRoutes ?? NOTHING;
		this.#machine = new OwnMachine(() => options.ownAddresses());
	}

	/** Before anything is resolved or dialled. An error has phase `policy`. */
	judge(subject: Subject): Verdict {
		const ip = subject.target.ip;
		return ip === null ? this.#judgeName(subject) : this.#judgeLiteral(subject, plain(ip));
	}

	/**
	 * Before a target is known: what the rules that are about clients alone say. The first of them decides; those that have
	 * an eye on targets are heard when there is one.
	 */
	judgeClient(subject: Omit<Subject, 'target'>): Verdict {
		const reports: string[] = [];
		for (const rule of this.#rules) {
			if (!rule.isOfClients || !rule.concerns({ ...subject, target: NOWHERE }, NOTHING)) continue;
			if (rule.allows) return passed({ reports, rule });
			if (this.#stands(rule)) return refused(denial(rule));
			reports.push(rule.name);
		}
		return passed({ reports });
	}

	/** Whether an address is one of this machine's. */
	isLocal(ip: Ip): boolean {
		return this.#isOwn(plain(ip));
	}

	/**
	 * An address that the subject's name resolved to; null permits it. `report` hears what report mode lets pass. Codes:
	 * `destination_ip_prohibited`, `http_request_denied` by a rule, `proxy_loop_detected`.
	 */
	judgeAddress(subject: Subject, ip: Ip, report: (rule: string) => void): GatewayError | null {
		const { refusal, rule, reports } = this.#weigh(subject, plain(ip), false);
		for (const name of reports) report(name);
		if (refusal) return errorOf(refusal);
		if (!rule?.awaitsAddress || rule.route === null || subject.target.ip !== null) return null;
		const verdict = this.#judgeName(subject, false);
		if (verdict.allow && verdict.route === rule.route) return null;
		if (this.#enforces) return errorOf(ROUTE);
		report(ROUTE.rule);
		return null;
	}

	/**
	 * The answer to a request that was let go, by its Content-Type fields; null lets it pass. `awaiting` is of the request's
	 * verdict. `report` as above.
	 */
	judgeAnswer(
		{ subject, awaiting }: { readonly subject: Subject; readonly awaiting: readonly Rule[] },
		types: readonly string[],
		report: (rule: string) => void,
	): GatewayError | null {
		for (const rule of awaiting) {
			if (!rule.isOfType(types)) continue;
			rule.count(subject, subject.target.ip);
			if (this.#stands(rule)) return errorOf(denial(rule));
			report(rule.name);
		}
		return null;
	}

	/** Whether a rule that does not allow refuses. */
	#stands(rule: Rule): boolean {
		return this.#enforces && !rule.reports;
	}

	#judgeLiteral(subject: Subject, ip: Ip): Verdict {
		const weighed = this.#weigh(subject, ip, true);
		return weighed.refusal ? refused(weighed.refusal) : passed(weighed);
	}

	/**
	 * Everything, the address being known. What report mode lets pass is in `reports`. `first`: nothing was judged before;
	 * else lists that had their say about the name are not counted again.
	 */
	#weigh(subject: Subject, ip: Ip, first: boolean): Weighed {
		if (this.#isLoop(ip, subject.target.port)) return LOOPED;
		if (this.#rules.length === 0 && this.#enforces) {
			const refusal = this.#closed(subject, null, ip, UNHEARD);
			return refusal === null ? CLEAR : { ...CLEAR, refusal };
		}
		return this.#weighRules(subject, ip, first);
	}

	#weighRules(subject: Subject, ip: Ip, first: boolean): Weighed {
		const reports: string[] = [];
		const awaiting: Rule[] = [];
		const suffixes = this.#suffixes(subject);
		for (const rule of this.#rules) {
			if (!rule.concerns(subject, suffixes) || rule.met(subject, ip) !== true) continue;
			if (rule.awaitsAnswer) {
				awaiting.push(rule);
				continue;
			}
			if (first || (subject.target.ip === null && rule.met(subject, null) === 'later')) rule.count(subject, ip);
			if (rule.allows) return { refusal: this.#closed(subject, rule, ip, reports), rule, reports, awaiting };
			if (this.#stands(rule)) return { refusal: denial(rule), rule, reports, awaiting };
			reports.push(rule.name);
		}
		return { refusal: this.#closed(subject, null, ip, reports), rule: null, reports, awaiting };
	}

	/**
	 * The address not being known yet, rules that wait for it are passed over, but not their say: if nothing else allows
	 * the name and one of those might, the answer is "yes, once its address is judged". Those that deny are heard then.
	 */
	#judgeName(subject: Subject, first = true): Verdict {
		const reports: string[] = [];
		const awaiting: Rule[] = [];
		let hope: Rule | null = null;
		let decided: Rule | null = null;
		const suffixes = this.#suffixes(subject);
		for (const rule of this.#rules) {
			if (!rule.concerns(subject, suffixes)) continue;
			const met = rule.met(subject, null);
			if (met === false) continue;
			if (met === 'later') hope ??= this.#mightAllow(subject, rule) ? rule : null;
			else if (rule.awaitsAnswer) awaiting.push(rule);
			else {
				if (first) rule.count(subject, null);
				if (rule.allows || this.#stands(rule)) {
					decided = rule;
					break;
				}
				reports.push(rule.name);
			}
		}
		const refusal = decided?.allows === false ? denial(decided) : this.#closed(subject, decided, null, reports);
		const about = { reports, awaiting };
		if (refusal === null) return passed({ ...about, rule: decided, elsewhere: this.#onionRoute(subject.target.host) });
		return hope === null ? refused(refusal) : passed({ ...about, rule: hope, needsAddress: true });
	}

	#suffixes({ target }: Subject): readonly string[] {
		return target.ip === null && this.#readsNames ? suffixesOf(target.host) : NOTHING;
	}

	#mightAllow(subject: Subject, rule: Rule): boolean {
		return rule.allows && this.#closed(subject, rule, null, []) === null;
	}

	/** What is refused by default and not opened by the rule that matched, if one did. */
	#closed({ target, portless = false }: Subject, rule: Rule | null, ip: Ip | null, reports: string[]): Refusal | null {
		return (
			this.#sift(target.ip === null ? this.#closedName(target.host, rule) : null, reports) ??
			this.#sift(portless || this.#ports.has(target.port) || rule?.opensPort(target.port) ? null : PORT, reports) ??
			this.#sift(ip === null ? null : this.#closedAddress(ip, rule), reports)
		);
	}

	/** The refusal if it stands; in report mode most become a report. */
	#sift(refusal: Refusal | null, reports: string[]): Refusal | null {
		if (refusal === null || this.#enforces || refusal.firm) return refusal;
		reports.push(refusal.rule);
		return null;
	}

	#closedName(host: string, rule: Rule | null): Refusal | null {
		const special = specialNameOf(host);
		if (special === null || (this.#allowPrivate && special.reach === 'private')) return null;
		const elsewhere = special.reach === 'elsewhere';
		if (special.suffix === 'onion' && this.#leadsToTor(rule)) return null;
		if (rule?.opensName(host) && (!elsewhere || rule.route !== null)) return null;
		const note = special.suffix === '' ? 'single-label name' : `special name: ${special.suffix}`;
		return { rule: note, code: 'http_request_denied', note, firm: elsewhere };
	}

	#leadsToTor(rule: Rule | null): boolean {
		if (this.#onionRoutes.length === 0) return false;
		return rule === null || rule.route === null || this.#onionRoutes.includes(rule.route);
	}

	/** Where a name goes that no rule gives a route: null for the default, Tor for its own. */
	#onionRoute(host: string): string | null {
		return host.endsWith('.onion') ? (this.#onionRoutes[0] ?? null) : null;
	}

	#closedAddress(ip: Ip, rule: Rule | null): Refusal | null {
		// Nearly every address is ordinary: only another is worth a closure.
		let range = specialRangeOf(ip);
		if (range !== null) range = specialRangeOf(ip, (each) => this.#permits(each, ip, rule));
		if (range !== null) {
			const note = `special address: ${range.name}`;
			return { rule: note, code: 'destination_ip_prohibited', note, firm: false };
		}
		return this.#allowPrivate || rule?.opensOwn(ip) || !this.#isOwn(ip) ? null : OWN;
	}

	#permits(range: SpecialRange, ip: Ip, rule: Rule | null): boolean {
		if (range.reach === 'yes' || (range.reach === 'private' && this.#allowPrivate)) return true;
		return rule?.opensRange(range, ip) ?? false;
	}

	#isLoop(ip: Ip, port: number): boolean {
		if (this.#machine.listens(ip, port)) return true;
		return typeof ip !== 'number' && embeddedIp4s(ip).some((inner) => this.#machine.listens(inner, port));
	}

	#isOwn(ip: Ip): boolean {
		if (this.#machine.isLocal(ip)) return true;
		return typeof ip !== 'number' && embeddedIp4s(ip).some((inner) => this.#machine.isLocal(inner));
	}
}

/** IPv4-mapped is IPv4: the kernel would dial that. */
function plain(ip: Ip): Ip {
	return typeof ip !== 'number' && isMapped(ip) ? ip4Within(ip, 12) : ip;
}

/** What a verdict that allows is made of; `elsewhere`: the way out where no rule names one. */
interface Passed {
	readonly reports: readonly string[];
	readonly rule?: Rule | null;
	readonly awaiting?: readonly Rule[];
	readonly needsAddress?: boolean;
	readonly elsewhere?: string | null;
}

function passed({
	reports,
	rule = null,
	awaiting = NO_RULES,
	needsAddress = false,
	elsewhere = null,
}: Passed): Verdict {
	const route = rule?.route ?? elsewhere;
	if (reports.length + awaiting.length === 0 && route === null && rule === null && !needsAddress) return PASSED;
	const { name = null, readsExit = false } = rule ?? {};
	return { allow: true, reports, route, rule: name, readsExit, needsAddress, awaiting };
}

function refused(refusal: Refusal): Verdict {
	return { allow: false, error: errorOf(refusal), rule: refusal.rule };
}

function denial(rule: Rule): Refusal {
	const note = rule.filters ? FILTERED : 'rule';
	return { rule: rule.name, code: 'http_request_denied', note, firm: false };
}

function errorOf({ code, note }: Refusal): GatewayError {
	return new GatewayError(code, { side: 'gateway', phase: 'policy', note });
}
