#!/usr/bin/env node
// Starts the packed program. It parses on any Node since 18: where that is older than bauta needs, it runs the Node that
// came along as an optional dependency, hands signals on and ends as that one ends. A service should call that Node itself.
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { isatty } from 'node:tty';
import { fileURLToPath } from 'node:url';

const [major, minor] = process.versions.node.split('.').map(Number);

if (major > 24 || (major === 24 && minor >= 12)) await import('../dist/bin/bauta.js');
else runOwnNode();

function runOwnNode() {
	const node = ownNode();
	if (!node) {
		console.error(`bauta: needs Node.js 24.12 or newer, this is ${process.version}`);
		process.exit(78);
	}
	// Before there is anybody to hand signals on to: one that comes in between must not end the launcher alone.
	let child;
	// A terminal sends its SIGINT to both of us; a second one would cut the drain short.
	process.on('SIGINT', () => isatty(0) || child.kill('SIGINT'));
	for (const signal of ['SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2']) process.on(signal, () => child.kill(signal));
	child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: 'inherit' });
	child.on('exit', (code, signal) => {
		// What the loader says when a library is missing, and what it needs on a Debian without a compiler.
		if (code === 127) console.error('bauta: its own Node does not start; Debian, Ubuntu: apt-get install libatomic1');
		if (signal) {
			process.removeAllListeners(signal);
			process.kill(process.pid, signal);
		} else process.exitCode = code;
	});
}

/** The path of the bundled Node, or undefined where there is none for this machine. */
function ownNode() {
	const { resolve } = createRequire(import.meta.url);
	for (const name of [`node-${process.platform}-${process.arch}`, `node-bin-${process.platform}-${process.arch}`]) {
		try {
			return resolve(`${name}/bin/node`);
		} catch {
			// the other name, or none
		}
	}
}
