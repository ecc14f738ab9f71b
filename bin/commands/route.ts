// `bauta route TARGET`: which rule decides and which way out it takes, with the place in the configuration that says so.
// Nothing is connected to and no name is looked up. Exit 0, or 1 for a target that is refused.
import { CommanderError } from 'commander';
import type { Config } from '../../lib/config/config.ts';
import { type Loaded, loadConfig } from '../../lib/config/load.ts';
import { formatPlace, type Path } from '../../lib/config/problem.ts';
import { chainText } from '../../lib/config/upstream.ts';
import { formatIp, parseIp } from '../../lib/core/ip.ts';
import { authorityOf, type Target, targetOfHost } from '../../lib/core/target.ts';
import { type Explanation, explain, type Question } from '../../lib/explain.ts';
import { type ReadList, readListNow } from '../../lib/lists.ts';
import { LiveList } from '../../lib/policy/list-condition.ts';
import { lineOf } from '../../lib/policy/list-finder.ts';
import { EXIT } from '../exit-codes.ts';
import { type FlagValues, layerOf } from '../flags.ts';

export interface RouteValues {
	readonly user?: string;
	readonly client?: string;
	readonly inbound?: string;
	readonly at?: string;
	readonly json?: boolean;
}

/** A client of nobody's (RFC 5737), where none is named. */
const ANY_CLIENT = '192.0.2.1';

/** Prints what would come of it. Throws ConfigError, and CommanderError for a target that cannot be one. */
export async function route(text: string, values: FlagValues & RouteValues): Promise<void> {
	// Here --user asks, elsewhere it configures.
	const flags = layerOf({ ...values, user: undefined });
	const loaded = await loadConfig({ file: values.config, env: process.env, flags });
	const question = questionOf(text, values, loaded.config);
	const lists = await readLists(loaded.config);
	const live = new Map(
		Array.from(lists, ([tag, { list }]) => [tag, Object.assign(new LiveList(tag), { current: list })]),
	);
	const explanation = explain(loaded.config, question, live);
	const places = await placesOf(explanation, question, loaded, lists);
	if (values.json) process.stdout.write(`${JSON.stringify(jsonOf(explanation, loaded.config, places))}\n`);
	else console.log((await linesOf(explanation, question, loaded, places)).join('\n'));
	if (explanation.refusal !== null) process.exitCode = EXIT.refused;
}

function questionOf(text: string, { user, client, inbound, at }: RouteValues, config: Config): Question {
	const ip = parseIp(client ?? ANY_CLIENT);
	const time = at === undefined ? new Date() : new Date(at);
	if (ip === null) throw refused('expected an address as --client');
	if (Number.isNaN(time.getTime())) throw refused('expected a time as --at such as "2026-11-23T12:00"');
	const tags = config.listen.map(({ tag }) => tag);
	if (inbound !== undefined && !tags.includes(inbound))
		throw refused(`expected one of ${tags.join(', ')} as --inbound`);
	const asked = { user: user ?? null, client: ip, inbound: inbound ?? (tags[0] as string), at: time };
	const request = requestOf(text);
	return { target: targetOf(text), ...asked, ...(request && { request }) };
}

/** `host:port`, a URL, or a host alone, which is asked for as a browser would: by HTTPS. */
function targetOf(text: string): Target {
	const [, scheme, rest] = /^(?:(https?):\/\/)?([^/?#]*)/i.exec(text) as unknown as [string, string?, string?];
	const match = /^(\[[^\]]*\]|[^:]*|[0-9a-f]*:[0-9a-f:.]*:[0-9a-f:.]*)(?::(\d{1,5}))?$/i.exec(rest ?? '');
	const port = match?.[2] === undefined ? (scheme?.toLowerCase() === 'http' ? 80 : 443) : Number(match[2]);
	const target = match && port > 0 && port <= 65_535 ? targetOfHost(match[1] as string, port) : null;
	if (target === null) throw refused('expected a target such as example.com:443');
	return target;
}

/** What a browser would ask of a URL of http:, which alone is plain HTTP to a gateway. */
function requestOf(text: string): Question['request'] | null {
	const match = /^http:\/\/[^/?#]*([^#]*)/i.exec(text);
	if (!match) return null;
	const path = match[1] as string;
	return { method: 'GET', path: path.startsWith('/') ? path : `/${path}` };
}

type Lists = ReadonlyMap<string, ReadList>;

async function readLists({ lists }: Config): Promise<Lists> {
	return new Map(await Promise.all(lists.map(async (spec) => [spec.tag, await readListNow(spec)] as const)));
}

/** By the name of a rule: the list by which it was met, and the line of the list. */
async function placesOf(
	{ lists: hits }: Explanation,
	{ target }: Question,
	loaded: Loaded,
	lists: Lists,
): Promise<ReadonlyMap<string, string>> {
	const places = new Map<string, string>();
	for (const [rule, tag] of hits) {
		const { bytes, path } = lists.get(tag) as ReadList;
		const line = lineOf(bytes, target.ip === null ? target.host : null, target.ip);
		const index = loaded.config.lists.findIndex((list) => list.tag === tag);
		const found = await loaded.place(['list', index, 'items', (line ?? 1) - 1]);
		// An address inside another one has no line of its own.
		const where = path === null ? found && formatPlace(found) : line === null ? path : `${path}:${line}`;
		places.set(rule, `${tag}${where ? ` (${where})` : ''}`);
	}
	return places;
}

function refused(message: string): CommanderError {
	console.error(`bauta: ${message}`);
	return new CommanderError(EXIT.usage, 'bauta.route', message);
}

async function linesOf(
	explanation: Explanation,
	{ target }: Question,
	loaded: Loaded,
	places: ReadonlyMap<string, string>,
): Promise<string[]> {
	const { config } = loaded;
	const { refusal, rule, reports, route: way, user, session } = explanation;
	const lines = [`target    ${authorityOf(target)}`];
	if (user !== null) lines.push(`user      ${user}`);
	if (session !== null) lines.push(`session   ${sessionText(explanation)}`);
	if (rule !== null) lines.push(`rule      ${config.rules[rule]?.name}${await at(loaded, ['rule', rule])}`);
	else if (typeof refusal !== 'string') lines.push('rule      none');
	const list = rule === null ? undefined : places.get(config.rules[rule]?.name as string);
	if (list !== undefined) lines.push(`list      ${list}`);
	for (const report of reports) {
		const by = places.get(report);
		lines.push(`reported  ${report}${by === undefined ? '' : ` by list ${by}`}`);
	}
	if (refusal !== null) return [...lines, `refused   ${refusalText(explanation)}`];
	if (way) lines.push(`way out   ${way.tag}${wayText(config, way.tag)}${await at(loaded, pathOf(config, way.tag))}`);
	if (explanation.awaitsAddress)
		lines.push('then      resolved here; each of its addresses is judged before it is dialled');
	for (const name of explanation.awaitsAnswer)
		lines.push(`then      rule ${name} looks at the media type of the answer`);
	return lines;
}

function sessionText({ session }: Explanation): string {
	const { name, ttlMs, sliding, exit, strict } = session as NonNullable<Explanation['session']>;
	const kept = name === null ? [] : [name, `${ttlMs / 1_000}s ${sliding ? 'from its last use' : 'from its first use'}`];
	return [...kept, ...(exit === null ? [] : [`exit ${exit}`]), ...(strict ? ['strict'] : [])].join(', ');
}

function refusalText({ refusal, rule }: Explanation): string {
	if (refusal === null || typeof refusal === 'string') return refusal ?? '';
	return rule === null ? `${refusal.code}: ${refusal.note}` : refusal.code;
}

/** What a way out is made of. */
function wayText(config: Config, tag: string): string {
	const upstream = config.upstreams.find((one) => one.tag === tag);
	if (upstream) return `, ${chainText(upstream.hops)}`;
	const group = config.groups.find((one) => one.tag === tag);
	if (group) return `, ${group.source.kind === 'members' ? group.source.members.length : 'a list of'} members`;
	const { source } = config.sources.find((one) => one.tag === tag) ?? config.egress;
	if (tag === 'block') return '';
	return source.length === 0 ? '' : `, from ${source.map(({ ip, bits }) => `${formatIp(ip)}/${bits}`).join(', ')}`;
}

function pathOf({ upstreams, groups, sources, egress }: Config, tag: string): Path {
	const upstream = upstreams.findIndex((one) => one.tag === tag);
	if (upstream >= 0) return ['upstream', upstream];
	const group = groups.findIndex((one) => one.tag === tag);
	if (group >= 0) return ['group', group];
	const source = sources.findIndex((one) => one.tag === tag);
	if (source >= 0) return ['source', source];
	return tag === 'direct' && egress.source.length > 0 ? ['egress', 'source'] : [];
}

/** Where it was written, if it was. */
async function at(loaded: Loaded, path: Path): Promise<string> {
	const found = path.length === 0 ? null : await loaded.place(path);
	return found === null ? '' : ` (${formatPlace(found)})`;
}

function jsonOf(
	{ refusal, rule, reports, route: way, session }: Explanation,
	config: Config,
	places: ReadonlyMap<string, string>,
): object {
	const error = refusal === null || typeof refusal === 'string' ? refusal : refusal.code;
	const name = rule === null ? null : config.rules[rule]?.name;
	return {
		allowed: refusal === null,
		error,
		rule: name,
		list: places.get(name ?? '') ?? null,
		reports,
		route: way?.tag ?? null,
		session: session?.name ?? null,
	};
}
