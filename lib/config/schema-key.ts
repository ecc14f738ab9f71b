// How a key of the schema is written: its form, its default, and one line why it is that.
import { z } from 'zod';
import { type Parsed, parseDuration, parseDurationOrOff } from './values.ts';

/** A key that may be left out: then it is `byDefault`, because of `why`. */
export function key<S extends z.ZodType>(schema: S, byDefault: z.input<S>, why: string): z.ZodPrefault<S> {
	return z.prefault(schema, byDefault).meta({ description: why });
}

/** Text that a function of ours reads. */
export function text<T>(parse: (text: string) => Parsed<T>): z.ZodType<T, string> {
	return z.string().transform((input, context) => {
		const parsed = parse(input);
		if (!('wrong' in parsed)) return parsed.value;
		const found = parsed.found ?? JSON.stringify(input.slice(0, 80));
		context.issues.push({ code: 'custom', input, message: `${parsed.wrong}, found ${found}` });
		return z.NEVER;
	});
}

/** Text that a function of the policy room reads, which says what is wrong as text. */
export function policyText<T extends object>(parse: (text: string) => T | string): z.ZodType<T, string> {
	return text((input) => {
		const value = parse(input);
		return typeof value === 'string' ? { wrong: value } : { value };
	});
}

/** A time above zero, as `30s`, in milliseconds. */
export function duration(): z.ZodType<number, string> {
	return text(parseDuration);
}

/** A time, or `off` as 0. */
export function durationOrOff(): z.ZodType<number, string> {
	return text(parseDurationOrOff);
}

/** A number of things, 0 among them. */
export function count(): z.ZodNumber {
	return z.int().min(0);
}

/** A name that a client or an operator gives. */
export function name(): z.ZodString {
	return z.string().min(1).max(255);
}
