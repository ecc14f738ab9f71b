// 32 bits of a text, well mixed, the same on every machine: FNV-1a and the finalizer of MurmurHash3. Not for secrets.

export function hashOf(text: string, seed = 0): number {
	let hash = 0x811c9dc5 ^ seed;
	for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
	return mix(hash);
}

/** Another 32 bits for each 32 bits. */
export function mix(bits: number): number {
	let hash = bits;
	hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
	hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
	return (hash ^ (hash >>> 16)) >>> 0;
}
