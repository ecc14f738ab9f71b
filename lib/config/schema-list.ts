// `[[list]]`: names, addresses and expressions that rules ask about. Every key with its form, its default and why that default.
import { z } from 'zod';
import { type ListSpec, textOfItems } from '../lists.ts';
import { atOnce, compileList } from '../policy/list.ts';
import { type EntrySink, readLine } from '../policy/list-line.ts';
import { MOST_SET_STEPS } from '../policy/pattern-set.ts';
import type { ConfigInput } from './config.ts';
import type { ListInput } from './config-lists.ts';
import { parseListUrl } from './group.ts';
import { duration, key, text } from './schema-key.ts';
import { type Parsed, parseTag } from './values.ts';

/** Whoever only wants to know whether a line is one. */
const NOBODY: EntrySink = { name() {}, prefix() {}, pattern: () => null };

function parseItem(input: string): Parsed<string> {
	if (!/[\r\n]/.test(input) && readLine(input, NOBODY) === 'entry') return { value: input };
	return {
		wrong: 'expected a line of a list such as "example.com", "@@||example.com^", "192.0.2.0/24" or "/^ads\\d/"',
	};
}

const shape = z.strictObject({
	tag: text(parseTag).meta({ description: 'the name of the list, for `list` of rules, logs and metrics' }),
	items: key(
		z.array(text(parseItem)),
		[],
		'none here; else names, addresses and expressions, as the lines of a file are: docs/filter.md',
	),
	file: key(z.string(), '', 'no file; else a list, read again when it changes'),
	url: key(text(parseListUrl), '', 'no URL; else the same list from the web, fetched again and again'),
	through: key(z.string(), 'direct', 'the tag of the way out by which the list is fetched: from here'),
	refresh: key(duration(), '1d', 'how often the list is fetched; those who make lists ask for no more'),
	keep: key(
		z.string(),
		'',
		'nowhere; else the file that has the last good list, without which a start lets everything pass until it is fetched',
	),
});

const list: z.ZodType<ListSpec, ListInput> = shape.transform((item, context): ListSpec => {
	const { tag, items, file, url, through, refresh, keep } = item;
	if ([items.length > 0, file !== '', url !== null].filter(Boolean).length !== 1)
		context.issues.push({
			code: 'custom',
			input: item,
			message: 'expected one of items, file and url, found another number',
		});
	const [tooMuch] = items.length > 0 ? atOnce(compileList(textOfItems(items))).badLines : [];
	if (tooMuch !== undefined)
		context.issues.push({
			code: 'custom',
			input: item,
			path: ['items', tooMuch - 1],
			message: `expected expressions of ${MOST_SET_STEPS} steps together at most, found more`,
		});
	if (url !== null) return { tag, source: { kind: 'url', url, through, refreshMs: refresh, keep: keep || null } };
	return { tag, source: file === '' ? { kind: 'items', items } : { kind: 'file', path: file } };
});

/** `[[list]]`. */
export const lists: z.ZodType<ListSpec[], ConfigInput['list']> = key(
	z.array(list),
	[],
	'none; else lists of names and addresses for rules to name, of any length, from files and from the web',
);
