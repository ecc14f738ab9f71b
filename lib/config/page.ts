// The page that browsers get with a refusal: read with the configuration, so that what is wrong with it is said there.
import { readFileSync } from 'node:fs';
import type { Finding } from './problem.ts';
import { wrong } from './ways-out.ts';

/** It is sent with every refusal; a sentence and a picture have room. */
const MOST_BYTES = 65_536;

/** The text of the file; null for none. What is wrong with it goes to `findings`. */
export function pageOf(file: string, findings: Finding[]): string | null {
	if (file === '') return null;
	try {
		const bytes = readFileSync(file);
		if (bytes.length <= MOST_BYTES) return bytes.toString('utf8');
		findings.push(wrong(['exit', 'page'], `expected a file of ${MOST_BYTES} bytes at most, found a longer one`));
	} catch (error) {
		const code = (error as NodeJS.ErrnoException).code ?? 'error';
		findings.push(wrong(['exit', 'page'], `expected a readable file, found ${JSON.stringify(file)} (${code})`));
	}
	return null;
}
