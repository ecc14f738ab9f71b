// The Debian package, for those who install it, and what they reach through it.
import { join } from 'node:path';
import { run } from './process.ts';
import type { Scope } from './scope.ts';

const BUILD = join(import.meta.dirname, '../../packaging/deb/build.ts');

/** Builds it into a folder and returns the file; not compressed, which would take most of the time. */
export async function buildDeb(scope: Scope, out: string, ...flags: string[]): Promise<string> {
	const always = [BUILD, '--compression', 'none', '--out', out];
	const { code, stdout, stderr } = await run(scope, process.execPath, [...always, ...flags]);
	if (code !== 0) throw new Error(stderr);
	return stdout.toString().trim();
}

/** A program: an origin at 127.0.0.1:8080, which ends its answer to /hold when /go is asked for. */
export const ORIGIN = `let held;
require('node:http').createServer((request, answer) => {
	if (request.url === '/hold') { held = answer; return void answer.write('begun '); }
	if (request.url === '/go') held.end('ended');
	answer.end('hello from the origin');
}).listen(8080, '127.0.0.1');
`;
