// Which words of a passage are those of a question: alike but for case and accents, or with a common beginning. The server
// searches by stems and says exactly where; this only guides the eye through a list.

const WORD = /\p{Script=Han}+|(?:(?!\p{Script=Han})[\p{L}\p{N}\p{M}]|(?<=\p{L})['’](?=\p{L}))+/gu;
const HAN = /\p{Script=Han}/u;
const PREFIX = 4;
const COMMON = new Set(('a an and are as at be by can do does for from has have how i in is it may of on or that the this to was we what when where which who will with you ' +
	'am auf aus bei das dem den der des die ein eine einer eines er es für hat ich im in ist mit nach nicht oder sich sie sind und vom von was welche wenn wer wie wir wird wo zu zum zur').split(' '));

const fold = (word: string): string => word.normalize('NFD').replace(/\p{M}/gu, '').toLowerCase();

export interface Piece { text: string; marked: boolean }

interface Wanted { words: string[]; pairs: Set<string>; single: Set<string> }

function wantedOf(question: string): Wanted {
	const wanted: Wanted = { words: [], pairs: new Set(), single: new Set() };
	const words = [...question.matchAll(WORD)].map((m) => m[0]);
	for (const word of words) {
		const signs = [...word];
		if (!HAN.test(word)) {
			wanted.words.push(fold(word));
		} else if (signs.length === 1) {
			wanted.single.add(word);
		} else {
			signs.slice(1).forEach((sign, i) => wanted.pairs.add(signs[i] + sign));
		}
	}
	const rare = wanted.words.filter((w) => !COMMON.has(w));
	wanted.words = rare.length || wanted.pairs.size ? rare : wanted.words;
	return wanted;
}

function alike(a: string, b: string): boolean {
	if (a === b) {
		return true;
	}
	const least = Math.min(a.length, b.length);
	let common = 0;
	while (common < least && a[common] === b[common]) {
		common++;
	}
	return common >= PREFIX && common >= 0.8 * least;
}

/** The marked stretches of one run of Han signs, as [from, to) of the run. */
function hanSpans(run: string, wanted: Wanted): [number, number][] {
	const spans: [number, number][] = [];
	let at = 0, before = '';
	for (const sign of run) {
		const paired = wanted.pairs.has(before + sign);
		const from = paired ? at - before.length : at;
		if (paired || wanted.single.has(sign)) {
			const last = spans.at(-1);
			if (last && last[1] >= from) {
				last[1] = at + sign.length;
			} else {
				spans.push([from, at + sign.length]);
			}
		}
		before = sign;
		at += sign.length;
	}
	return spans;
}

function spansOf(text: string, question: string): [number, number][] {
	const wanted = wantedOf(question);
	const spans: [number, number][] = [];
	for (const { 0: word, index } of text.matchAll(WORD)) {
		if (HAN.test(word)) {
			spans.push(...hanSpans(word, wanted).map(([a, b]) => [index + a, index + b] as [number, number]));
		} else {
			const folded = fold(word);
			if (wanted.words.some((w) => alike(w, folded))) {
				spans.push([index, index + word.length]);
			}
		}
	}
	return spans;
}

/** The text in pieces, in order; those of the question are marked. */
export function markWords(text: string, question: string): Piece[] {
	const pieces: Piece[] = [];
	let at = 0;
	for (const [from, to] of spansOf(text, question)) {
		pieces.push({ text: text.slice(at, from), marked: false }, { text: text.slice(from, to), marked: true });
		at = to;
	}
	pieces.push({ text: text.slice(at), marked: false });
	return pieces.filter((p) => p.text);
}

/** The part of a long text where most different words of the question are together, whole words, with "…" where it was cut. */
export function excerpt(text: string, question: string, length = 420): string {
	if (text.length <= length * 1.2) {
		return text;
	}
	const spans = spansOf(text, question);
	let best = 0, most = 0;
	for (const [from] of spans) {
		const inside = new Set(spans.filter(([a, b]) => a >= from && b <= from + length * 0.8).map(([a, b]) => fold(text.slice(a, b))));
		if (inside.size > most) {
			most = inside.size;
			best = from;
		}
	}
	const wished = Math.max(0, best - length * 0.15);
	const start = wished === 0 ? 0 : wordStart(text, wished);
	const end = Math.min(text.length, wordStart(text, start + length));
	return `${start ? '… ' : ''}${text.slice(start, end).replace(start ? /^[\s\p{Po}\p{Pe}]+/u : '', '').trim()}${end < text.length ? ' …' : ''}`;
}

/** The next place at or after `at` where no word is cut; signs without blanks may be cut between any two. */
function wordStart(text: string, at: number): number {
	let i = Math.floor(at);
	while (i < text.length && i < at + 40 && !/[\s\p{P}\p{Script=Han}]/u.test(text[i]!)) {
		i++;
	}
	return i;
}
