// bin/bauta.js as it is packed: in a folder with a `dist` that says what runs it, and a bundled Node under its package's
// name. Whether the Node that starts it is old is told by a preload, which the bundled one does not get.
import { cpSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { temporaryFolder } from '../helpers/gateway-process.ts';
import { type Finished, run, startProcess } from '../helpers/process.ts';

const OLD =
	'data:text/javascript,Object.defineProperty(process,"versions",{value:{...process.versions,node:"20.20.2"}})';

const PROGRAM = `process.on('SIGTERM', () => process.exit(7));
console.log(process.versions.node, process.argv.slice(2).join(' '));
if (process.argv[2] === 'wait') setInterval(() => {}, 1_000);
else if (process.argv[2] === 'die') process.kill(process.pid, 'SIGKILL');
else process.exitCode = Number(process.argv[2]);`;

/** Lays out a package; gives back the path of its launcher. */
function packed(t: ExecutionContext): string {
	const folder = temporaryFolder(t);
	const bundled = join(folder, `node_modules/node-${process.platform}-${process.arch}/bin`);
	for (const path of [join(folder, 'bin'), join(folder, 'dist/bin'), bundled]) mkdirSync(path, { recursive: true });
	cpSync(join(import.meta.dirname, '../../bin/bauta.js'), join(folder, 'bin/bauta.js'));
	writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
	writeFileSync(join(folder, 'dist/bin/bauta.js'), PROGRAM);
	symlinkSync(process.execPath, join(bundled, 'node'));
	return join(folder, 'bin/bauta.js');
}

const launch = (t: ExecutionContext, args: string[]): Promise<Finished> => run(t, process.execPath, args);

test('a Node that is new enough runs the program itself', async (t) => {
	const { code, stdout } = await launch(t, [packed(t), '3', 'two words']);
	t.deepEqual([code, stdout.toString()], [3, `${process.versions.node} 3 two words\n`]);
});

test('an old Node hands over to the bundled one, with arguments and exit code', async (t) => {
	const { code, stdout } = await launch(t, ['--import', OLD, packed(t), '3', 'two words']);
	t.deepEqual([code, stdout.toString()], [3, `${process.versions.node} 3 two words\n`]);
});

test('an old Node without a bundled one says what is needed', async (t) => {
	const launcher = packed(t);
	rmSync(join(launcher, '../../node_modules'), { recursive: true });
	const { code, stdout, stderr } = await launch(t, ['--import', OLD, launcher]);
	t.deepEqual([code, stdout.toString()], [78, '']);
	t.regex(stderr, /^bauta: needs Node\.js 24\.12 or newer/);
});

test("signals reach the program behind an old Node, and its end is the launcher's", async (t) => {
	const child = startProcess(t, process.execPath, ['--import', OLD, packed(t), 'wait']);
	const exited = new Promise((resolve) => child.once('exit', (code, signal) => resolve([code, signal])));
	child.stdout!.once('data', () => child.kill('SIGTERM'));
	t.deepEqual(await exited, [7, null]);
});

test('a program that dies of a signal takes the launcher with it', async (t) => {
	const child = startProcess(t, process.execPath, ['--import', OLD, packed(t), 'die']);
	const exited = new Promise((resolve) => child.once('exit', (code, signal) => resolve([code, signal])));
	t.deepEqual(await exited, [null, 'SIGKILL']);
});
