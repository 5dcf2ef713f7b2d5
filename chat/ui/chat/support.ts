// Quiet marks on what the server could not verify (chat/support.h): a dotted line under the sentence, drawn by the CSS
// Custom Highlight API so that the text stays as it is, and a note at its chips, which is read out too.
import { t } from '../base/i18n';
import type { Citation } from '../base/types';
import { markersOf, withoutMarkers, type Marker } from './markers';

const WORD = /[\p{L}\p{N}]/gu;
const words = (text: string) => text.match(WORD)?.length ?? 0;
const drawn = new WeakMap<Element, Map<Element, Range>>(); // of an answer, by chip

function highlight(): Highlight | null {
	if (typeof Highlight === 'undefined') {
		return null;
	}
	let all = CSS.highlights.get('unsure');
	if (!all) {
		CSS.highlights.set('unsure', (all = new Highlight()));
	}
	return all;
}

/** The letters before the chip that belong to its sentence, as a range of its block. */
function sentenceBefore(chip: Element, letters: number): Range | null {
	const block = chip.closest('p, li, td, th, h3, h4, h5, h6, blockquote, .block')!;
	const walker = document.createTreeWalker(block, NodeFilter.SHOW_TEXT);
	const range = document.createRange();
	range.setEndBefore(chip);
	walker.currentNode = chip;
	let left = letters, found = false;
	for (let node = walker.previousNode() as Text | null; node && left > 0; node = walker.previousNode() as Text | null) {
		if (node.parentElement!.closest('.cite')) {
			continue;
		}
		const at = [...node.data.matchAll(WORD)].map((m) => m.index);
		if (at.length) {
			range.setStart(node, at[Math.max(0, at.length - left)]!);
			left -= at.length;
			found = true;
		}
	}
	return found ? range : null;
}

const isUnsure = (c: Citation) => !c.gone && (c.support === 'unverified' || c.support === 'partial');

function note(chip: Element, c: Citation): void {
	chip.classList.add('unsure', c.support!);
	chip.setAttribute('aria-label', `${t('chat.source', { n: c.handle })}, ${t(`chat.support.${c.support}`)}`);
	chip.setAttribute('title', t(`chat.support.${c.support}`));
}

/** The letters of the answer from where the sentence begins to its marker. */
function lettersBefore(bytes: Uint8Array, answer: string, c: Citation, marker: Marker): number {
	const upTo = new TextEncoder().encode(answer.slice(0, marker.start)).length;
	return words(withoutMarkers(new TextDecoder().decode(bytes.subarray(c.answerStart, upTo))));
}

/** Marks the chips and sentences in `box`, where the answer was rendered, that are not marked yet. */
export function markSupport(box: Element, answer: string, citations: Citation[]): void {
	const unsure = new Map(citations.filter(isUnsure).map((c) => [c.ordinal, c]));
	const all = highlight(), ranges = drawn.get(box) ?? new Map<Element, Range>();
	drawn.set(box, ranges);
	for (const [chip, range] of ranges) {
		if (!chip.isConnected) { // its block was read again
			all?.delete(range);
			ranges.delete(chip);
		}
	}
	if (!unsure.size) {
		return;
	}
	let bytes: Uint8Array | undefined, markers: Map<number, Marker> | undefined;
	for (const chip of box.querySelectorAll<HTMLElement>('.cite:not(.unsure)')) {
		const c = unsure.get(Number(chip.dataset.ordinal));
		if (!c) {
			continue;
		}
		note(chip, c);
		bytes ??= new TextEncoder().encode(answer);
		markers ??= new Map(markersOf(answer).reverse().map((m) => [m.ordinal, m]));
		const marker = markers.get(c.ordinal);
		const range = marker && c.answerStart !== undefined ? sentenceBefore(chip, lettersBefore(bytes, answer, c, marker)) : null;
		if (range) {
			ranges.set(chip, range);
			all?.add(range);
		}
	}
}

/** Takes the marks of an answer away that leaves the page. */
export function unmarkSupport(box: Element): void {
	drawn.get(box)?.forEach((range) => CSS.highlights?.get('unsure')?.delete(range));
	drawn.delete(box);
}
