// Completion for fish, 3.0 or newer.
import { type ArgumentNode, type CommandNode, type FlagNode, spellings, type Takes, withDescendants } from './tree.ts';

/** The text of a file `bauta.fish` in a folder of fish_complete_path, which can be sourced as well. */
export function fishCompletion(program: CommandNode): string {
	const nodes = withDescendants(program);
	const name = program.path[0] as string;
	const valued = nodes.flatMap(({ flags }) => flags).filter(({ takes }) => takes !== 'nothing');
	const paths = nodes.slice(1).map(({ path }) => quoted(path.join(' ')));
	return `# Completion of ${name} for fish: made by \`${name} completion fish\`.
function __${name}_at --description 'whether the words before the cursor name this command'
	set -l path ${name}
	set -l skip no
	for word in (commandline -opc)[2..-1]
		if test $skip = yes
			set skip no
		else if contains -- $word ${[...new Set(valued.flatMap(spellings))].join(' ')}
			set skip yes
		else if contains -- "$path $word" ${paths.join(' ')}
			set path "$path $word"
		end
	end
	test "$path" = "$argv"
end

complete -c ${name} -f
${nodes.flatMap(linesOf).join('\n')}
`;
}

function linesOf(node: CommandNode): string[] {
	const start = `complete -c ${node.path[0]} -n ${quoted(`__${node.path[0]}_at ${node.path.join(' ')}`)}`;
	return [
		...node.commands.map(({ path, description }) => `${start} -a ${path.at(-1)} -d ${quoted(description)}`),
		...node.arguments.flatMap((argument) => argumentLine(start, argument)),
		...node.flags.map((flag) => flagLine(start, flag)),
	];
}

function argumentLine(start: string, { takes, description }: ArgumentNode): string[] {
	return takes === 'word' ? [] : [`${start}${valueWords(takes)} -d ${quoted(description)}`];
}

function flagLine(start: string, { short, long, description, takes }: FlagNode): string {
	const names = `${short === null ? '' : ` -s ${short}`} -l ${long}`;
	return `${start}${names}${valueWords(takes)} -d ${quoted(description)}`;
}

function valueWords(takes: Takes): string {
	if (takes === 'nothing') return '';
	if (takes === 'file') return ' -r -F';
	return takes === 'word' ? ' -x' : ` -x -a ${quoted(takes.choices.join(' '))}`;
}

function quoted(text: string): string {
	return `'${text.replace(/[\\']/g, '\\$&')}'`;
}
