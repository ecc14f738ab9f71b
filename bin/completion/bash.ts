// Completion for bash, 4.4 or newer, alone or with the package bash-completion.
import { quoted } from './quote.ts';
import { type CommandNode, type FlagNode, spellings, type Takes, withDescendants } from './tree.ts';

/** The text of a script that bash sources. */
export function bashCompletion(program: CommandNode): string {
	const nodes = withDescendants(program);
	const flags = flagsOf(nodes);
	const valued = flags.filter(({ takes }) => takes !== 'nothing');
	const name = program.path[0] as string;
	return `# Completion of ${name} for bash: made by \`${name} completion bash\`.
_${name}() {
	local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD - 1]} path=${name} i words flags
	# Bash takes --flag=value for three words.
	[[ $cur == = ]] && cur=
	[[ $prev == = ]] && prev=\${COMP_WORDS[COMP_CWORD - 2]}
	for ((i = 1; i < COMP_CWORD; i++)); do
		case \${COMP_WORDS[i]} in
		${patterns(valued)})
			[[ \${COMP_WORDS[i + 1]} == = ]] && ((i++))
			((i++))
			;;
		*)
			case "$path \${COMP_WORDS[i]}" in
			${nodes
				.slice(1)
				.map(({ path }) => quoted(path.join(' ')))
				.join(' | ')}) path+=" \${COMP_WORDS[i]}" ;;
			esac
			;;
		esac
	done
	COMPREPLY=()
	case $prev in
${values(valued)}
	esac
	case $path in
${nodes.map(wordsOf).join('\n')}
	esac
	# Flags when they are asked for, or when there is nothing else.
	[[ $cur == -* || -z $words ]] && words=$flags
	${matching('"$words"')}
}
complete -F _${name} ${name}
`;
}

/** Every flag once: one that takes a value takes it wherever it stands. Throws for a name that means two things. */
function flagsOf(nodes: readonly CommandNode[]): readonly FlagNode[] {
	const byName = new Map<string, FlagNode>();
	for (const flag of nodes.flatMap((node) => node.flags)) {
		const other = byName.get(flag.long);
		if (other && JSON.stringify(other.takes) !== JSON.stringify(flag.takes))
			throw new Error(`--${flag.long} takes one thing here and another there`);
		byName.set(flag.long, flag);
	}
	return [...byName.values()];
}

function patterns(flags: readonly FlagNode[]): string {
	return flags.flatMap(spellings).join(' | ');
}

/** What is offered behind a flag; nothing behind one that takes a word of the user's own. */
function values(flags: readonly FlagNode[]): string {
	const byOffer = Map.groupBy(flags, ({ takes }) => offer(takes));
	return [...byOffer].map(([words, some]) => `\t${patterns(some)})${words}\n\t\treturn\n\t\t;;`).join('\n');
}

function offer(takes: Takes): string {
	if (takes === 'file') return '\n\t\tcompopt -o filenames\n\t\tmapfile -t COMPREPLY < <(compgen -f -- "$cur")';
	return typeof takes === 'string' ? '' : `\n\t\t${matching(quoted(takes.choices.join(' ')))}`;
}

function matching(words: string): string {
	return `mapfile -t COMPREPLY < <(compgen -W ${words} -- "$cur")`;
}

function wordsOf({ path, flags, commands, arguments: taken }: CommandNode): string {
	const choices = taken.flatMap(({ takes }) => (typeof takes === 'string' ? [] : takes.choices));
	const words = [...commands.map((child) => child.path.at(-1) as string), ...choices];
	const spelled = flags.flatMap(spellings);
	return `\t${quoted(path.join(' '))}) words=${quoted(words.join(' '))} flags=${quoted(spelled.join(' '))} ;;`;
}
