// Which rule decides about a target, and which way out it takes, without going there: what `bauta route` says. Asked of the
// same policy, sessions and router that a gateway with this configuration has.
import type { Config } from './config/config.ts';
import type { GatewayError } from './core/error.ts';
import type { Ip } from './core/ip.ts';
import type { Session } from './core/session.ts';
import type { Target } from './core/target.ts';
import { Router } from './flow/router.ts';
import { InterfaceAddresses } from './io/own-addresses.ts';
import { clientOf } from './limits/client-key.ts';
import { keptFor, policyOf, resolverOf, sessionReaderOf, sourcePrefixesOf, waysOf } from './parts.ts';
import { FILTERED } from './policy/exit-policy.ts';
import { ListCondition, LiveList } from './policy/list-condition.ts';
import type { AskedRequest } from './policy/request-condition.ts';
import { wireText } from './policy/wire-text.ts';

/** Who wants to go where, and when. */
export interface Question {
	readonly target: Target;
	/** As a client would send it, with what it asks of its exit; null: none. */
	readonly user: string | null;
	readonly client: Ip;
	/** Tag of the listener. */
	readonly inbound: string;
	readonly at: Date;
	/** Where it is asked for by plain HTTP. */
	readonly request?: AskedRequest;
}

/** What would come of it. */
export interface Explanation {
	/** Why not, or null. */
	readonly refusal: GatewayError | 'unknown user' | 'session parameters' | 'no such exit' | null;
	/** Index of the rule that decided; null: none, the exit policy did. */
	readonly rule: number | null;
	/** What would have refused, where the exit policy only reports. */
	readonly reports: readonly string[];
	/** Tags of the lists by which rules were met, by the names of these rules. */
	readonly lists: ReadonlyMap<string, string>;
	/** Rules that wait for the answer's media type. */
	readonly awaitsAnswer: readonly string[];
	/** The user without what followed the name; null where there is none or it is only claimed. */
	readonly user: string | null;
	readonly session: Session | null;
	/** The way out; null when refused. */
	readonly route: { readonly tag: string; readonly type: string; readonly namesTravel: boolean } | null;
	/** Addresses of the target are judged when they are known, and one that is not permitted is not dialled. */
	readonly awaitsAddress: boolean;
}

const NOTHING = {
	rule: null,
	reports: [],
	lists: new Map<string, string>(),
	awaitsAnswer: [],
	session: null,
	route: null,
	awaitsAddress: false,
} as const;

const NO_LISTS: ReadonlyMap<string, LiveList> = new Map();

/** Asks; connects to nothing and looks up no name. `lists` are those of the configuration; one that is left out is empty. */
export function explain(
	config: Config,
	question: Question,
	lists: ReadonlyMap<string, LiveList> = NO_LISTS,
): Explanation {
	const { limits, users } = config;
	const client = clientOf(question.client, limits.prefixes);
	const sessions = sessionReaderOf(config);
	const name = question.user === null ? null : wireText(question.user);
	const named = (name !== null && sessions?.read(name)) || { user: name ?? '', words: null };
	const user = users === null || name === null ? null : named.user;
	if (users !== null && !users.some((one) => wireText(one.name) === user))
		return { ...NOTHING, user, refusal: 'unknown user' };
	if (named.words === 'wrong') return { ...NOTHING, user, refusal: 'session parameters' };
	const session =
		named.words && sessions ? sessions.sessionOf(named.words, named.user, users ? null : client.key) : null;
	const { inbound, target, request } = question;
	const subject = { client, user, inbound, target, session, ...(request && { request }) };
	return decide(config, question, subject, listsOf(config, lists));
}

type Asker = Parameters<ReturnType<typeof policyOf>['judge']>[0];

function decide(
	config: Config,
	{ at, target }: Question,
	subject: Asker,
	lists: ReadonlyMap<string, LiveList>,
): Explanation {
	const resolver = resolverOf(config);
	const { outbounds } = waysOf(config, keptFor(config), { resolver });
	const interfaces = new InterfaceAddresses().list(0);
	const own = { listeners: [], interfaces, prefixes: sourcePrefixesOf(config) };
	const verdict = policyOf(config, outbounds, () => own, { now: () => at, lists }).judge(subject);
	const { user, session = null } = subject;
	const named = verdict.allow ? [verdict.rule ?? '', ...verdict.reports] : [verdict.rule];
	const about = { ...NOTHING, user, session, lists: hitsOf(config, named, target, lists) };
	try {
		if (!verdict.allow) {
			const isRule = verdict.error.note === 'rule' || verdict.error.note === FILTERED;
			const rule = isRule ? ruleOf(config, verdict.rule) : null;
			return { ...about, refusal: verdict.error, rule };
		}
		const rule = ruleOf(config, verdict.rule);
		const outbound = new Router(outbounds).outbound(verdict.route);
		const { tag, type, namesTravel } = outbound;
		if (session?.exit && !verdict.readsExit && !outbound.offers?.(session.exit))
			return { ...about, refusal: 'no such exit', rule };
		const awaitsAddress = target.ip === null && !namesTravel && !isUnread(config, tag);
		return {
			...about,
			refusal: null,
			rule,
			reports: verdict.reports,
			awaitsAnswer: verdict.awaiting.map(({ name }) => name),
			route: { tag, type, namesTravel },
			awaitsAddress,
		};
	} finally {
		resolver.close();
	}
}

/** Every list of the configuration; what is not there is empty. */
function listsOf({ lists }: Config, there: ReadonlyMap<string, LiveList>): ReadonlyMap<string, LiveList> {
	return new Map(lists.map(({ tag }) => [tag, there.get(tag) ?? new LiveList(tag)]));
}

function hitsOf(
	{ rules }: Config,
	names: readonly string[],
	target: Target,
	lists: ReadonlyMap<string, LiveList>,
): ReadonlyMap<string, string> {
	const hits = new Map<string, string>();
	for (const rule of rules) {
		if (!names.includes(rule.name)) continue;
		const condition = new ListCondition(rule.lists.map((tag) => lists.get(tag) as LiveList));
		const found = condition.find(target.ip === null ? target.host : null, target.ip === null ? [] : [target.ip]);
		if (found) hits.set(rule.name, found.tag);
	}
	return hits;
}

/** What a list has is not known here, and members of lists are seldom told addresses. */
function isUnread({ groups }: Config, tag: string): boolean {
	return groups.some((group) => group.tag === tag && group.source.kind !== 'members');
}

function ruleOf({ rules }: Config, name: string | null): number | null {
	const index = rules.findIndex((rule) => rule.name === name);
	return index < 0 ? null : index;
}
