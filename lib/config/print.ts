// A configuration as TOML: what was written with every default filled in and every secret as `***`. It can be read back.
import { stringify } from 'smol-toml';
import type { ConfigInput } from './config.ts';
import type { GroupInput, UpstreamInput } from './config-exits.ts';
import { defaultInput } from './json-schema.ts';
import { isTable, type Table } from './layers.ts';
import { maskChain } from './upstream.ts';

/** `input` must be one that loaded. */
export function printConfig(input: ConfigInput): string {
	const full = filled(defaultInput() as Table, input as Table) as ConfigInput;
	const list = full.users?.list?.map((user) => user.replace(/:.*$/s, ':***'));
	const admin = { ...full.admin, token: full.admin?.token ? '***' : '' };
	const redis = { ...full.redis, url: full.redis?.url?.map(maskChain) };
	return stringify({
		...full,
		upstream: full.upstream?.map(maskUpstream),
		group: full.group?.map(maskGroup),
		list: full.list?.map((item) => ({ ...item, url: maskUrl(item.url ?? '') })),
		users: { ...full.users, list },
		admin,
		redis,
	});
}

function filled(defaults: Table, over: Table): Table {
	const full: Table = { ...defaults };
	for (const [key, value] of Object.entries(over)) {
		const there = full[key];
		full[key] = isTable(value) && isTable(there) ? filled(there, value) : value;
	}
	return full;
}

function maskUpstream(item: string | UpstreamInput): string | UpstreamInput {
	return typeof item === 'string' ? maskChain(item) : { ...item, via: item.via.map(maskChain) };
}

function maskGroup(group: GroupInput): GroupInput {
	const { members = [], url = '' } = group;
	return { ...group, members: members.map(maskChain), url: maskUrl(url) };
}

/** What follows the `?` of a provider's list is often a key. */
function maskUrl(url: string): string {
	return url.replace(/^([^:]*:\/\/[^:/?#]*):[^/?#]*@/s, '$1:***@').replace(/\?.*$/s, '?***');
}
