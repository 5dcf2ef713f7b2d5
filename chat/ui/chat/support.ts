// Quiet marks on what the server could not verify (chat/support.h): a dotted line under the sentence, drawn by the CSS
// Custom Highlight API so that the text stays as it is, and a note at its chips, which is read out too.
import { t } from '../base/i18n';
import type { Citation } from '../base/types';
import { markersOf, type Marker } from './markers';

const WORD = /[\p{L}\p{N}]/gu;
const words = (text: string) => text.match(WORD)?.length ?? 0;
const drawn = new WeakMap<Element, Range[]>();

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

/** Marks the chips and sentences in `box`, where the answer was rendered; gives back how to take the marks away. */
export function markSupport(box: Element, answer: string, citations: Citation[]): () => void {
	const unsure = citations.filter(isUnsure);
	const all = highlight();
	const ranges: Range[] = [];
	if (unsure.length) {
		const bytes = new TextEncoder().encode(answer);
		const markers = new Map<number, Marker>();
		markersOf(answer).forEach((m) => markers.has(m.ordinal) || markers.set(m.ordinal, m));
		for (const c of unsure) {
			const chips = box.querySelectorAll(`.cite[data-ordinal="${c.ordinal}"]`);
			chips.forEach((chip) => {
				chip.classList.add('unsure', c.support!);
				chip.setAttribute('aria-label', `${t('chat.source', { n: c.handle })}, ${t(`chat.support.${c.support}`)}`);
				chip.setAttribute('title', t(`chat.support.${c.support}`));
			});
			const marker = markers.get(c.ordinal);
			if (chips[0] && marker && c.answerStart !== undefined) {
				const start = new TextDecoder().decode(bytes.subarray(0, c.answerStart)).length;
				const said = answer.slice(start, marker.start).replace(/\[\d{1,6}\]/g, '');
				const range = sentenceBefore(chips[0], words(said));
				range && ranges.push(range);
			}
		}
	}
	drawn.get(box)?.forEach((r) => all?.delete(r));
	drawn.set(box, ranges);
	ranges.forEach((r) => all?.add(r));
	return () => ranges.forEach((r) => all?.delete(r));
}
