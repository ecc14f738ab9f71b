// What package.json says about the program.
import { readFileSync } from 'node:fs';

interface Manifest {
	readonly version: string;
	readonly description: string;
}

/** Reads it. */
export function manifest(): Manifest {
	return JSON.parse(readFileSync(new URL(import.meta.resolve('bauta/package.json')), 'utf8')) as Manifest;
}
