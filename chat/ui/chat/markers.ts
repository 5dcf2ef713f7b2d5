// The markers "[1]" of an answer, and which citation each of them is (chat/cite.c numbers them the same way: in the
// order of the text; of markers that stand together a repeated handle is the citation that it was).
import type { Citation } from '../base/types';

export interface Marker { start: number; end: number; handle: number; ordinal: number }

/** Those of text, numbered on from `before`. A blank line before text ends what stood together. */
export function markersOf(text: string, before = 0): Marker[] {
	const found: Marker[] = [];
	let group = new Map<number, number>(), end = -1;
	for (const match of text.matchAll(/\[(\d{1,6})\]/g)) {
		const handle = Number(match[1]);
		if (end < 0 || /[^ ]/.test(text.slice(end, match.index))) {
			group = new Map();
		}
		const ordinal = group.get(handle) ?? ++before;
		group.set(handle, ordinal);
		end = match.index + match[0].length;
		found.push({ start: match.index, end, handle, ordinal });
	}
	return found;
}

/** The citation that a chip stands for; by its handle alone where the answer was shortened or numbered otherwise. */
export const citationOf = (citations: Citation[], ordinal: number, handle: number): Citation | undefined =>
	citations.find((c) => c.ordinal === ordinal && c.handle === handle) ?? citations.find((c) => c.handle === handle);

/** The answer without its markers, as it is read out. */
export const withoutMarkers = (text: string): string => text.replace(/ ?\[\d{1,6}\]/g, '');
