// The grades of proxies, and what stands between a proxy and a better one. The first three are the trade's own words.

/** From the worst to the best. */
export const GRADES = ['transparent', 'anonymous', 'elite', 'byte-true'] as const;

/**
 * `transparent`: the origin sees the client's address. `anonymous`: not the address, but that there is a proxy, or what
 * others told the proxy of the client. `elite`: neither, but not every byte is a direct client's. `byte-true`: every byte is.
 */
export type Grade = (typeof GRADES)[number];

/** Where something was found. */
export type Place = 'request' | 'reply' | 'tunnel' | 'source' | 'dns';

/** One thing that a proxy does which keeps it from byte-true. Texts are latin1, a character a byte. */
export interface Finding {
	readonly place: Place;
	/** In words, as `added`. Equal things have equal words, whatever their bytes. */
	readonly what: string;
	/** The field's name as it arrived, `request line`, `body`; null where there is none. */
	readonly field: string | null;
	/** The best grade that a proxy can have which does this. */
	readonly allows: Exclude<Grade, 'byte-true'>;
	/** Where in the bytes that arrived; null where that means nothing. */
	readonly offset: number | null;
	/** The bytes of a direct client there; null: none. */
	readonly direct: string | null;
	/** The bytes that came through the proxy; null: none. */
	readonly through: string | null;
}

/** The grade of a proxy of which this was found. */
export function gradeOf(findings: readonly Pick<Finding, 'allows'>[]): Grade {
	const ranks = findings.map(({ allows }) => GRADES.indexOf(allows));
	return GRADES[Math.min(GRADES.length - 1, ...ranks)] as Grade;
}

/** Whether a grade is as good as another, or better. */
export function meets(grade: Grade, expected: Grade): boolean {
	return GRADES.indexOf(grade) >= GRADES.indexOf(expected);
}
