// Subjects with something in them to be found: for the specs of the fuzzer.
import type { Subject } from './subject.ts';

/** Fails for "bug", whatever is around it. */
export const PLANTED: Subject = {
	name: 'planted',
	seeds: [Buffer.from('good'), Buffer.from('b-u-g')],
	words: ['bug'],
	start: () => ({
		try(bytes) {
			const text = bytes.toString('latin1');
			if (text.includes('bug')) throw new Error(`found after ${text.length} bytes`);
			return String(text.length % 7);
		},
	}),
};

/** Never comes back from "hang". */
export const HANGING: Subject = {
	name: 'hanging',
	seeds: [Buffer.from('good')],
	words: ['hang'],
	start: () => ({
		try(bytes) {
			while (bytes.includes('hang'));
			return '';
		},
	}),
};

export const SUBJECTS: readonly Subject[] = [PLANTED, HANGING];
