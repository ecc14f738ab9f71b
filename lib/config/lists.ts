// Lists and what rules want of them compared with each other: every list that is named is there, its file can be read, its
// way out is one, and what a rule asks of plain HTTP can be asked together.
import { fitTogether, parsePathPattern } from '../policy/request-condition.ts';
import type { Finding } from './problem.ts';
import type { Sections } from './schema.ts';
import { unknownTag, unknownWord, unreadable, wrong } from './ways-out.ts';

/** Everything wrong with lists, and with conditions of rules that are about content. */
export function* listsOf({ list, rule = [], upstream, group, source }: Partial<Sections>): Iterable<Finding> {
	const ways = upstream && group && source ? [...upstream, ...group, ...source] : null;
	for (const [i, each] of (list ?? []).entries()) {
		if (each.source.kind === 'file') yield* unreadable(['list', i, 'file'], each.source.path);
		if (each.source.kind === 'url' && ways) yield* unknownTag(['list', i, 'through'], each.source.through, ways);
	}
	for (const [i, { lists, action, types, paths, addresses }] of rule.entries()) {
		if (list) {
			const tags = list.map(({ tag }) => tag);
			for (const [j, tag] of lists.entries()) yield* unknownWord(['rule', i, 'list', j], tag, tags);
		}
		if (types.length > 0 && action === 'allow')
			yield wrong(['rule', i, 'type'], 'expected no media types where the action is "allow": it is too late to ask');
		if (types.length > 0 && addresses.length > 0)
			yield wrong(['rule', i, 'type'], 'expected media types or addresses in one rule, found both');
		if (!fitTogether(paths.map(parsePathPattern).filter((path) => typeof path !== 'string')))
			yield wrong(['rule', i, 'path'], 'expected fewer or shorter expressions');
	}
}
