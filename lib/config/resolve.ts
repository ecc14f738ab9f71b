// From what was written to a `Config`: every value parsed, sections compared with each other, the users file read, the
// result frozen. Everything wrong is found in one go.
import type { AdminConfig, Config, ConfigInput, UserConfig } from './config.ts';
import { findingsOf } from './findings.ts';
import { listsOf } from './lists.ts';
import { pageOf } from './page.ts';
import { ConfigError, type Finding, type Path, placeOf, problemOf } from './problem.ts';
import { redisOf, redisProblems } from './redis.ts';
import { configSchema, type Sections, sectionSchemas } from './schema.ts';
import { parseToken, pathOf, readSecretFile } from './secret-file.ts';
import { readUsersFile, type UsersFile } from './users.ts';
import { unknownTag, unknownWord, waysOut, wrong } from './ways-out.ts';

/** Those made here: they need no second look. */
const resolved: WeakSet<object> = new WeakSet();

/** A ready `Config` as it is, an input checked and completed. Throws ConfigError. Reads the users file, if one is named. */
export function resolveConfig(config: Config | ConfigInput): Config {
	if (resolved.has(config)) return config as Config;
	const result = check(config);
	if (result.config) return result.config;
	throw new ConfigError(result.findings.map((finding) => problemOf(finding, placeOf('configuration'))));
}

/** A config, or why there is none. `alone`: sections are not compared, because some of what was written is missing. */
export function check(
	input: unknown,
	{ alone = false }: { alone?: boolean } = {},
): { readonly config: Config | null; readonly findings: readonly Finding[] } {
	const parsed = configSchema.safeParse(input);
	const findings = parsed.success ? [] : findingsOf(input, parsed.error.issues);
	const sections = parsed.success ? parsed.data : soundSections(input);
	const users = alone ? null : usersOf(sections.users ?? usersAsWritten(input), findings);
	const token = sections.admin && !alone ? tokenOf(sections.admin, findings) : null;
	const redis = alone || !sections.redis ? null : redisOf(sections.redis, findings);
	const page = alone || !sections.exit ? null : pageOf(sections.exit.page, findings);
	if (!alone) for (const compare of COMPARISONS) findings.push(...compare(sections));
	if (!parsed.success || findings.length > 0) return { config: null, findings };
	const config = configOf({ ...parsed.data, exit: { ...parsed.data.exit, page }, users, redis }, token);
	resolved.add(config);
	return { config, findings };
}

/** The sections that are well formed, where not all are. */
function soundSections(input: unknown): Partial<Sections> {
	const sound: Record<string, unknown> = {};
	for (const [key, schema] of Object.entries(sectionSchemas)) {
		const parsed = schema.safeParse((input as Record<string, unknown> | null)?.[key]);
		if (parsed.success) sound[key] = parsed.data;
	}
	return sound;
}

function configOf(
	{ upstream, group, source, list, route, rule, admin, ...rest }: Omit<Sections, 'exit' | 'users' | 'redis'> & Read,
	token: AdminConfig['token'],
): Config {
	const { listen, hosts } = admin;
	return deepFreeze({
		...rest,
		upstreams: upstream,
		groups: group,
		sources: source,
		lists: list,
		route: route || null,
		rules: rule,
		admin: { listen, token, hosts },
	});
}

/** What files had to say, too. */
type Read = Pick<Config, 'exit' | 'users' | 'redis'>;

/** Bytes of an address cannot be frozen; nobody writes to them. */
function deepFreeze<T extends object>(value: T): T {
	if (ArrayBuffer.isView(value)) return value;
	for (const inner of Object.values(value)) if (typeof inner === 'object' && inner !== null) deepFreeze(inner);
	return Object.freeze(value);
}

type Compare = (sections: Partial<Sections>) => Iterable<Finding>;

/** `words` must differ; each repetition is a finding. */
function* repeated(words: readonly (string | null)[], pathOf: (i: number) => Path, what: string): Iterable<Finding> {
	for (const [i, word] of words.entries()) {
		if (word === null || words.indexOf(word) === i) continue;
		yield wrong(pathOf(i), `expected another ${what}, found ${JSON.stringify(word)} a second time`);
	}
}

const COMPARISONS: readonly Compare[] = [
	({ listen = [] }) =>
		repeated(
			listen.map(({ host, port }) => (port === 0 ? null : `${host ?? ''}:${port}`)),
			(i) => ['listen', i],
			'address',
		),
	({ upstream = [], group = [], source = [] }) => {
		const places = [...placesOf('upstream', upstream), ...placesOf('group', group), ...placesOf('source', source)];
		return repeated(
			[...upstream, ...group, ...source].map(({ tag }) => tag),
			(i) => places[i] as Path,
			'tag',
		);
	},
	({ list = [] }) =>
		repeated(
			list.map(({ tag }) => tag),
			(i) => ['list', i, 'tag'],
			'tag',
		),
	waysOut,
	({ rule = [] }) =>
		repeated(
			rule.map(({ name }) => name),
			(i) => ['rule', i, 'name'],
			'name',
		),

	function* routes({ rule = [], upstream, group, source }) {
		for (const [i, { action, route }] of rule.entries()) {
			const path = ['rule', i, 'route'];
			if (route === null) continue;
			if (action !== 'allow') yield wrong(path, `expected no route where the action is "${action}", found one`);
			else if (upstream && group && source) yield* unknownTag(path, route, [...upstream, ...group, ...source]);
		}
	},

	function* inbounds({ rule = [], listen }) {
		if (!listen) return;
		const tags = listen.map(({ tag }) => tag);
		for (const [i, { inbounds }] of rule.entries()) {
			for (const [j, tag] of inbounds.entries()) yield* unknownWord(['rule', i, 'inbound', j], tag, tags);
		}
	},

	listsOf,
	({ redis }) => (redis ? redisProblems(redis) : []),
	function* advertised({ udp, bind, listen }) {
		if (!listen) return;
		const tags = listen.map(({ tag }) => tag);
		for (const [section, key] of [[udp, 'udp'] as const, [bind, 'bind'] as const]) {
			for (const [i, { inbound }] of (section?.advertised ?? []).entries())
				if (inbound !== null) yield* unknownWord([key, 'advertise', i], inbound, tags);
		}
	},

	function* sessions({ session }) {
		if (!session || session.ttlMs <= session.maxTtlMs) return;
		yield wrong(['session', 'ttl'], 'expected no more than session.max_ttl, found more');
	},

	function* ttls({ resolver }) {
		if (!resolver || resolver.minTtlMs <= resolver.maxTtlMs) return;
		yield wrong(['resolver', 'min_ttl'], 'expected no more than resolver.max_ttl, found more');
	},
];

function placesOf(section: string, ways: readonly unknown[]): Path[] {
	return ways.map((_, i) => [section, i, 'tag']);
}

/** Users of the list and of the file together; null when neither is there. What is wrong goes to `findings`. */
function usersOf(section: Sections['users'], findings: Finding[]): readonly UserConfig[] | null {
	if (section.list.length === 0 && section.file === '') return null;
	const names = section.list.map(({ name }) => name);
	findings.push(...repeated(names, (i) => ['users', 'list', i], 'name'));
	const file = section.file === '' ? NO_USERS : usersOfFile(section.file, names);
	findings.push(...file.findings);
	return [...section.list, ...file.users];
}

/** The token as it is written or as its file has it. */
function tokenOf({ listen, token, token_file: file }: Sections['admin'], findings: Finding[]): AdminConfig['token'] {
	if (token !== null && file !== '')
		findings.push(wrong(['admin', 'token_file'], 'expected one of token and token_file, found both'));
	if (file !== '') return tokenOfFile(file, findings);
	if (token === null && listen.kind === 'tcp')
		findings.push(
			wrong(['admin', 'listen'], 'expected admin.token or admin.token_file where TCP leads to it, found none'),
		);
	return token;
}

function tokenOfFile(file: string, findings: Finding[]): AdminConfig['token'] {
	const read = readSecretFile(file);
	const parsed = 'wrong' in read ? read : parseToken(read.value.reveal());
	if (!('wrong' in parsed)) return parsed.value;
	findings.push(wrong(['admin', 'token_file'], `${parsed.wrong}, found ${parsed.found}`));
	return null;
}

/** Where the list is broken, the file can still be looked at. */
function usersAsWritten(input: unknown): Sections['users'] {
	const file = (input as { users?: { file?: unknown } } | null)?.users?.file;
	return { list: [], file: typeof file === 'string' ? file : '' };
}

const NO_USERS: UsersFile = { users: [], findings: [] };

function usersOfFile(name: string, taken: readonly string[]): UsersFile {
	const refused = (message: string): UsersFile => ({ users: [], findings: [wrong(['users', 'file'], message)] });
	const path = pathOf(name);
	if ('wrong' in path) return refused(`${path.wrong}, found ${path.found}`);
	try {
		return readUsersFile(path.value, taken);
	} catch (error) {
		const code = (error as NodeJS.ErrnoException).code ?? 'error';
		return refused(`expected a readable file, found ${JSON.stringify(name)} (${code})`);
	}
}
