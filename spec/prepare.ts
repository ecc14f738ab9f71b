// Runs before the specs: finds the programs they need and, as root on a Debian, installs the missing ones without
// starting any service. Silent when everything is there. Where it may not install, it says what is missing and which
// specs are skipped for it; with CI=true that is a failure.
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { missing, PROGRAMS } from './helpers/programs.ts';

/** Debian's hook that says whether a package may start its service; 101 says no. */
const POLICY = '/usr/sbin/policy-rc.d';
const POLICY_KEPT = `${POLICY}.kept-by-bauta-specs`;

/** With `--apart` also what only the specs need that `npm test` leaves out. */
const wanted = Object.keys(PROGRAMS).filter((name) => !PROGRAMS[name]!.apart || process.argv.includes('--apart'));
const absent = missing(wanted);
if (absent.length > 0) process.exitCode = prepare(absent);

function prepare(names: string[]): number {
	const problem = mayInstall() ? install(packagesOf(names)) : 'only root on a system with apt-get can install it';
	const left = missing(names);
	const done = names.filter((name) => !left.includes(name));
	if (done.length > 0) console.log(`prepare: installed ${packagesOf(done).join(', ')}`);
	if (left.length === 0) return 0;
	complain(left, problem);
	return process.env.CI === 'true' ? 1 : 0;
}

function packagesOf(names: string[]): string[] {
	return [...new Set(names.map((name) => PROGRAMS[name]!.debian))];
}

function mayInstall(): boolean {
	return process.getuid?.() === 0 && existsSync('/usr/bin/apt-get');
}

/** Null when all went well, else what apt-get had to say. */
function install(packages: string[]): string | null {
	console.log(`prepare: installing ${packages.join(', ')} with apt-get ...`);
	// Ctrl-C reaches apt-get and us: we live on to take the policy back.
	const stay = (): void => {};
	process.on('SIGINT', stay);
	const restore = forbidServices();
	try {
		return aptGet(['update']) ?? aptGet(['install', '--yes', '--no-install-recommends', ...packages]);
	} finally {
		restore();
		process.off('SIGINT', stay);
	}
}

function forbidServices(): () => void {
	const had = existsSync(POLICY);
	if (had) renameSync(POLICY, POLICY_KEPT);
	writeFileSync(POLICY, '#!/bin/sh\nexit 101\n');
	chmodSync(POLICY, 0o755);
	return () => (had ? renameSync(POLICY_KEPT, POLICY) : rmSync(POLICY, { force: true }));
}

function aptGet(args: string[]): string | null {
	const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
	const options = ['--quiet', '--option', 'DPkg::Lock::Timeout=300'];
	const { status, stderr, error } = spawnSync('apt-get', [...options, ...args], { env, encoding: 'utf8' });
	return status === 0 ? null : `apt-get ${args[0]} failed: ${error?.message ?? stderr.trim().slice(-500)}`;
}

function complain(names: string[], problem: string | null): void {
	const line = '!'.repeat(80);
	const skipped = specsThatNeed(names).map((spec) => `  skipped, in part or whole: ${spec}`);
	const missed = names.map((name) => `  missing: ${name} (Debian package ${PROGRAMS[name]!.debian})`);
	console.error([line, 'NOT ALL SPECS CAN RUN', ...missed, ...skipped, problem ?? '', line].join('\n'));
}

function specsThatNeed(names: string[]): string[] {
	const specs = readdirSync(import.meta.dirname, { recursive: true, encoding: 'utf8' });
	return specs.filter((spec) => spec.endsWith('.spec.ts') && asksFor(spec, names)).sort();
}

function asksFor(spec: string, names: string[]): boolean {
	const asked = readFileSync(join(import.meta.dirname, spec), 'utf8').matchAll(/\bneeds\(([^)]*)\)/g);
	return [...asked].some((match) => names.some((name) => match[1]!.includes(`'${name}'`)));
}
