// Places in a text: the server counts bytes of UTF-8, a string counts UTF-16.
const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

export const byteLength = (text: string): number => encoder.encode(text).length;

/** Cuts a text that begins at byte `start` at the given bytes (ascending); gives cuts.length + 1 parts. */
export function cutAtBytes(text: string, start: number, cuts: number[]): string[] {
	const bytes = encoder.encode(text);
	const parts: string[] = [];
	let from = 0;
	for (const cut of [...cuts, start + bytes.length]) {
		const to = Math.min(Math.max(cut - start, from), bytes.length);
		parts.push(decoder.decode(bytes.subarray(from, to)));
		from = to;
	}
	return parts;
}

/** Where a quotation stands in a text, in bytes from its beginning, blanks apart; null: nowhere. */
export function findQuote(text: string, quote: string): { start: number; end: number } | null {
	const words = quote.trim().split(/\s+/).filter(Boolean).map((w) => w.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
	const found = words.length ? new RegExp(words.join('\\s+')).exec(text) : null;
	if (!found) {
		return null;
	}
	const start = byteLength(text.slice(0, found.index));
	return { start, end: start + byteLength(found[0]) };
}
