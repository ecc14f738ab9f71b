// `bauta user hash [NAME]`: a line for the users file. The password comes from standard input or, at a terminal, from a
// person who types it unseen; never from an argument, which everybody could read. The questions go to standard error.
import { createInterface } from 'node:readline/promises';
import { CommanderError } from 'commander';
import { parseUser, userOf } from '../../lib/config/users.ts';
import type { Parsed } from '../../lib/config/values.ts';
import { hashPassword } from '../../lib/policy/password-hash.ts';
import type { PlainUser } from '../../lib/policy/users.ts';

/** Prints `name:$scrypt$...`. Throws CommanderError for what cannot be a user. */
export async function userHash(name: string | undefined): Promise<void> {
	const parsed = process.stdin.isTTY ? await asked(name) : await piped(name);
	if ('wrong' in parsed) throw refused(`${parsed.wrong}, found ${parsed.found}`);
	const { value } = parsed;
	process.stdout.write(`${value.name}:${await hashPassword(value.password.reveal())}\n`);
}

/** The first line of standard input: the password, or `name:password` where no name was given. */
async function piped(name: string | undefined): Promise<Parsed<PlainUser>> {
	const lines = createInterface({ input: process.stdin });
	const { value: line = '' } = await lines[Symbol.asyncIterator]().next();
	lines.close();
	return name === undefined ? parseUser(line) : userOf(name, line);
}

async function asked(name: string | undefined): Promise<Parsed<PlainUser>> {
	const who = name ?? (await askName());
	const [password, again] = (await askUnseen(['Password: ', 'Again: '])) as [string, string];
	if (password !== again) throw refused('expected the same password twice, found two');
	return userOf(who, password);
}

async function askName(): Promise<string> {
	const terminal = createInterface({ input: process.stdin, output: process.stderr });
	const name = await terminal.question('Name: ');
	terminal.close();
	return name;
}

/** Reads a line for each question in raw mode, where the terminal shows nothing of them. Ctrl-C and Ctrl-D give up. */
function askUnseen(questions: readonly string[]): Promise<string[]> {
	const { stdin, stderr } = process;
	const answers: string[] = [];
	let typed = '';
	stdin.setRawMode(true).setEncoding('utf8').resume();
	stderr.write(questions[0] as string);
	return new Promise((resolve, reject) => {
		const done = (act: () => void): void => {
			stdin.off('data', onData).setRawMode(false).pause();
			act();
		};
		const onData = (text: string): void => {
			for (const key of text) {
				if (key === '\x03' || key === '\x04') return done(() => reject(refused('gave up')));
				if (key === '\x7f' || key === '\b') typed = Array.from(typed).slice(0, -1).join('');
				else if (key !== '\r' && key !== '\n') typed += key;
				else {
					answers.push(typed);
					typed = '';
					stderr.write(`\n${questions[answers.length] ?? ''}`);
					if (answers.length === questions.length) return done(() => resolve(answers));
				}
			}
		};
		stdin.on('data', onData);
	});
}

function refused(message: string): CommanderError {
	console.error(`bauta: ${message}`);
	return new CommanderError(64, 'bauta.userHash', message);
}
