// A log line for a person at a terminal: time, level, message, then the facts as `name=value`. Made from the JSON line, so
// that there is one place that decides what is logged.
import { styleText } from 'node:util';
import type { LineSink } from './log-sink.ts';

type Style = Parameters<typeof styleText>[0];

const STYLES: Readonly<Record<string, Style>> = { debug: 'gray', info: 'green', warn: 'yellow', error: 'red' };

/** Turns lines of JSON into lines to read and hands them on. Colours as NO_COLOR and the like have it. */
export function prettySink(sink: LineSink): LineSink {
	return { write: (line) => sink.write(prettyLine(line)) };
}

/** `12:30:01.123 info  listening address=127.0.0.1:1080`; texts with spaces are quoted. A stack follows on lines of its own. */
export function prettyLine(line: string): string {
	const { time, level, msg, stack, ...facts } = JSON.parse(line) as Record<string, unknown>;
	const words = Object.entries(facts).map(([name, value]) => `${styleText('dim', `${name}=`)}${valueText(value)}`);
	const label = styleText(STYLES[String(level)] ?? 'white', String(level).padEnd(5));
	const text = [String(time).slice(11, 23), label, String(msg), ...words].join(' ');
	return typeof stack === 'string' ? `${text}\n${stack}\n` : `${text}\n`;
}

function valueText(value: unknown): string {
	const text = typeof value === 'string' ? value : JSON.stringify(value);
	return /^[^\s"=]+$/.test(text) || typeof value !== 'string' ? text : JSON.stringify(text);
}
