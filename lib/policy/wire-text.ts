// Names of users and passwords are compared byte for byte. Codecs hand them on as text of one character a byte (latin1),
// because a client may send any bytes; a configuration is UTF-8. This is where the two meet.

/** Text of a configuration or a command line as a client would send it: its UTF-8 bytes, a character each. */
export function wireText(text: string): string {
	return Buffer.from(text, 'utf8').toString('latin1');
}

/** The bytes that such text stands for. What is no such text, from a program that uses the library, is taken as UTF-8. */
export function wireBytes(text: string): Buffer {
	const bytes = Buffer.from(text, 'latin1');
	return bytes.toString('latin1') === text ? bytes : Buffer.from(text, 'utf8');
}
