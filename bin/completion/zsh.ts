// Completion for zsh: a function for each command, by _arguments.
import { quoted } from './quote.ts';
import { type ArgumentNode, type CommandNode, type FlagNode, type Takes, withDescendants } from './tree.ts';

/** The text of a file `_bauta` in a folder of fpath, which can be sourced as well. */
export function zshCompletion(program: CommandNode): string {
	const name = functionOf(program);
	return `#compdef ${program.path[0]}
# Completion of ${program.path[0]} for zsh: made by \`${program.path[0]} completion zsh\`.

${withDescendants(program).map(functionFor).join('\n')}
if [ "$funcstack[1]" = ${name} ]; then
	${name} "$@"
else
	compdef ${name} ${program.path[0]}
fi
`;
}

function functionOf({ path }: CommandNode): string {
	return `_${path.join('_')}`;
}

function functionFor(node: CommandNode): string {
	const specs = node.flags.map(flagSpec);
	if (node.commands.length > 0) return groupFor(node, specs);
	return `${functionOf(node)}() {
	_arguments -s ${[...specs, ...node.arguments.map(argumentSpec)].join(' \\\n\t\t')}
}
`;
}

/** A command with commands below it: the rest of the line is for one of them. */
function groupFor(node: CommandNode, specs: readonly string[]): string {
	const names = node.commands.map(({ path, description }) => quoted(`${path.at(-1)}:${escaped(description)}`));
	return `${functionOf(node)}() {
	local curcontext="$curcontext" state line
	local -a commands=(
		${names.join('\n\t\t')}
	)
	_arguments -s -C -A '-*' ${specs.join(' \\\n\t\t')} \\
		'(-): :->command' '(-)*:: :->rest'
	case $state in
	command) _describe -t commands command commands ;;
	rest)
		case $line[1] in
${node.commands.map((child) => `\t\t${child.path.at(-1)}) ${functionOf(child)} ;;`).join('\n')}
		esac
		;;
	esac
}
`;
}

function flagSpec({ short, long, description, takes, repeatable }: FlagNode): string {
	const told = quoted(`[${escaped(description)}]${valueSpec(long, takes)}`);
	if (short === null) return `${repeatable ? "'*'" : ''}--${long}${takes === 'nothing' ? '' : '='}${told}`;
	const before = repeatable ? "'*'" : quoted(`(-${short} --${long})`);
	const equals = takes === 'nothing' ? '' : '=';
	return `${before}{-${short}${equals && '+'},--${long}${equals}}${told}`;
}

function argumentSpec({ term, takes }: ArgumentNode): string {
	return quoted(`${term.startsWith('[') ? ':' : ''}${valueSpec(term.replace(/[<>[\]]/g, ''), takes)}`);
}

function valueSpec(label: string, takes: Takes): string {
	if (takes === 'nothing') return '';
	const offer = takes === 'file' ? '_files' : takes === 'word' ? '()' : `(${takes.choices.join(' ')})`;
	return `:${label}:${offer}`;
}

/** What has a meaning inside the brackets of a description. */
function escaped(text: string): string {
	return text.replace(/[\\[\]:]/g, '\\$&');
}
