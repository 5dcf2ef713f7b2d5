// How well chunks fit what is asked for: on ../shared/eval/chunking (whole documents, questions, the exact
// spans that answer them) the words of the spans that the five best chunks hold (recall), and the words of
// those chunks that are in spans (precision). Ours at several sizes, against four plain ways to cut, all
// searched by the product itself: a plain way's pieces are ingested as documents of one chunk each.
//   node tests/quality/bench_chunking.mjs [NAME…]
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ROOT, startCarrel } from '../flow/carrel.mjs';

const SET = path.join(ROOT, '../shared/eval/chunking');
const BEST = 5;
const BUDGET = 1200; // tokens: larger chunks hold more, so sizes are compared by what the product packs into a prompt

/* ── words, and where text stands in them ── */

const letters = (s) => s.normalize('NFKC').toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '');

/** The words of a text, and its letters alone, each of which knows its word. */
function index(text) {
	const words = [];
	let stream = '';
	const wordOf = [];
	for (const m of text.matchAll(/[\p{L}\p{N}]+/gu)) {
		const plain = letters(m[0]);
		words.push({ start: m.index, end: m.index + m[0].length });
		stream += plain;
		for (let i = 0; i < plain.length; i++) {
			wordOf.push(words.length - 1);
		}
	}
	return { words, stream, wordOf };
}

/** The words [from, to) that a piece of the text covers, looked for from a letter on; null: not found. */
function locate(doc, piece, after = 0) {
	const plain = letters(piece);
	const at = plain ? doc.stream.indexOf(plain, after) : -1;
	return at < 0 ? null : { from: doc.wordOf[at], to: doc.wordOf[at + plain.length - 1] + 1, at, end: at + plain.length };
}

/* ── ways to cut ── */

const tokens = (s) => s.length / 4.5; // as Carrel estimates English

function windows(text, size, overlap) {
	const words = text.split(/(?<=\s)/);
	const pieces = [];
	for (let i = 0; i < words.length;) {
		let n = 0, piece = '';
		while (i + n < words.length && tokens(piece) < size) {
			piece += words[i + n++];
		}
		pieces.push(piece);
		i += Math.max(1, Math.round(n * (1 - overlap)));
	}
	return pieces;
}

/** LangChain's way: at the coarsest separator that makes pieces small enough, then merged up to the size. */
function recursive(text, size, separators = ['\n\n', '\n', '. ', ' ']) {
	if (tokens(text) <= size || !separators.length) {
		return [text];
	}
	const merged = [];
	for (const part of text.split(separators[0]).map((p, i, all) => (i + 1 < all.length ? p + separators[0] : p))) {
		const last = merged.at(-1);
		if (last !== undefined && tokens(last + part) <= size) {
			merged[merged.length - 1] += part;
		} else {
			merged.push(...recursive(part, size, separators.slice(1)));
		}
	}
	return merged;
}

function sentences(text, size) {
	const pieces = [''];
	for (const { segment } of new Intl.Segmenter('en', { granularity: 'sentence' }).segment(text)) {
		if (pieces.at(-1) && tokens(pieces.at(-1) + segment) > size) {
			pieces.push('');
		}
		pieces[pieces.length - 1] += segment;
	}
	return pieces;
}

const WAYS = {
	'carrel 120': { tokens: 120 },
	'carrel 160': { tokens: 160 },
	'carrel 220': { tokens: 220 },
	'carrel 300': { tokens: 300 },
	'carrel 400': { tokens: 400 },
	'fixed windows 220': { cut: (t) => windows(t, 220, 0) },
	'windows 220, half overlapping': { cut: (t) => windows(t, 220, 0.5) },
	'recursive separators 220': { cut: (t) => recursive(t, 220) },
	'whole sentences 220': { cut: (t) => sentences(t, 220) },
};

/* ── one way: ingested, searched, measured ── */

async function ingest(server, ada, docs, way) {
	const jobs = [];
	const ids = {};
	await ada.post('/v1/collections', { name: 'c' });
	for (const [name, text] of Object.entries(docs)) {
		const pieces = way.cut ? way.cut(text).filter((p) => letters(p)) : [text];
		for (let i = 0; i < pieces.length; i++) {
			const up = await ada.upload('c', way.cut ? `${name} ${i}.txt` : `${name}.txt`, pieces[i]);
			jobs.push(up.json.jobId);
			ids[up.json.documentId] = { name, piece: way.cut ? pieces[i] : null };
		}
	}
	for (const job of jobs) {
		if (job) {
			await ada.jobEnd(job);
		}
	}
	return ids;
}

async function wholeText(ada, id) {
	let all = '';
	for (let from = 0; from !== null;) {
		const part = (await ada.get(`/v1/documents/${id}/text?from=${from}`)).json;
		all += part.text;
		from = part.next;
	}
	return all;
}

/** How many words some chunks hold, and how many of those are wanted. */
function hits(chunks, ranges, doc, wanted) {
	const seen = new Set();
	let hit = 0;
	for (const c of chunks) {
		const r = ranges.get(c.chunkId);
		for (let w = r.from; w < r.to; w++) {
			const key = `${r.name} ${w}`;
			hit += !seen.has(key) && r.name === doc && wanted.has(w) ? 1 : 0;
			seen.add(key);
		}
	}
	return { n: seen.size, hits: hit };
}

async function measure(way, docs, questions) {
	const server = await startCarrel({ settings: { 'chunk-tokens': way.tokens ?? 2000, 'ingest-workers': 2 } });
	try {
		const ada = await server.bootstrap('ada');
		const ids = await ingest(server, ada, docs, way);
		const texts = {};
		for (const [name, text] of Object.entries(docs)) {
			const id = Object.keys(ids).find((k) => ids[k].name === name && !ids[k].piece);
			const shown = id ? await wholeText(ada, id) : text;
			texts[name] = { ...index(shown), bytes: id ? Buffer.from(shown) : null };
		}
		const ranges = new Map(); // of chunks, as words
		const learn = async (chunks) => {
			for (const c of chunks.filter((k) => !ranges.has(k.chunkId))) {
				const { name, piece } = ids[c.documentId];
				let text = piece;
				if (!text) {
					const k = (await ada.get(`/v1/chunks/${c.chunkId}`)).json;
					text = texts[name].bytes.subarray(k.byteStart, k.byteEnd).toString();
				}
				ranges.set(c.chunkId, { name, ...locate(texts[name], text) });
			}
		};
		const sum = { recall: 0, precision: 0, fitting: 0, tokens: 0, n: 0, lost: 0 };
		for (const q of questions) {
			const doc = texts[q.doc];
			const wanted = new Set();
			for (const span of q.spans) {
				const at = locate(doc, span.content);
				sum.lost += at ? 0 : 1;
				for (let w = at?.from; w < at?.to; w++) {
					wanted.add(w);
				}
			}
			if (!wanted.size) {
				continue;
			}
			const found = (await ada.post('/v1/search', { query: q.text, limit: 20, explain: true })).json;
			const ranked = found.candidates.filter((c) => c.chunkId).sort((a, b) => a.fusedRank - b.fusedRank).slice(0, 20);
			await learn(ranked);
			const best = hits(ranked.slice(0, BEST), ranges, q.doc, wanted);
			const packed = (await ada.post('/v1/search', { query: q.text, limit: 12, tokens: BUDGET })).json.passages
				.flatMap((p) => p.chunkIds.map((chunkId) => ({ chunkId, documentId: p.documentId })));
			await learn(packed);
			sum.recall += best.hits / wanted.size;
			sum.precision += best.n ? best.hits / best.n : 0;
			sum.fitting += hits(packed, ranges, q.doc, wanted).hits / wanted.size;
			sum.tokens += ranked.slice(0, BEST).reduce((n, c) => n + c.tokens, 0);
			sum.n++;
		}
		return { recall: sum.recall / sum.n, precision: sum.precision / sum.n, fitting: sum.fitting / sum.n, tokens: sum.tokens / sum.n / BEST, n: sum.n, lost: sum.lost };
	} finally {
		await server.stop();
	}
}

export async function benchChunking(row, names = Object.keys(WAYS)) {
	if (!existsSync(SET)) {
		row('chunk quality', '-', 'no ../shared/eval/chunking here');
		return;
	}
	const docs = {};
	for (const file of readdirSync(path.join(SET, 'docs'))) {
		docs[path.parse(file).name] = readFileSync(path.join(SET, 'docs', file), 'utf8');
	}
	const questions = readFileSync(path.join(SET, 'queries.jsonl'), 'utf8').trim().split('\n').map((l) => JSON.parse(l));
	for (const name of names) {
		const m = await measure(WAYS[name], docs, questions);
		const percent = (v) => (100 * v).toFixed(1);
		row(`${name}: recall / precision at ${BEST}, %`, `${percent(m.recall)} / ${percent(m.precision)}`,
			`chunks of ${m.tokens.toFixed(0)} tokens; recall in ${BUDGET} tokens ${percent(m.fitting)} %; ${m.n} questions${m.lost ? `, ${m.lost} spans not found` : ''}`);
	}
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
	const names = process.argv.slice(2);
	await benchChunking((what, value, note = '') => console.log(`${what.padEnd(60)} ${String(value).padStart(14)}  ${note}`),
		names.length ? names : undefined);
}
