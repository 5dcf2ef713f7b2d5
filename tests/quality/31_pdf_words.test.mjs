// The words that pdftotext finds in real and hostile PDFs are found by Carrel: at least 99 % of them in each set.
//
// A word is a run of letters and digits after NFKC and lower-casing (a Chinese, Japanese or Korean sign is a word of its
// own); hyphens between letters are undone on both sides, at line ends too. Counted are a page's words as often as
// they stand on it. One is found if it stands in the page's text or in what was set aside as hidden there. Words
// of running headers and footers are counted apart: those that are missing and stand in a line of pdftotext that
// returns (digits aside) on other pages, or that is only a page number. Only files that both open are counted.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { ROOT, runCarrel } from '../flow/carrel.mjs';

const SHARED = path.join(ROOT, '../shared');
const SETS = { reports: 'corpus/reports', hostile: 'hostile/pdf' };
const LEAST = 0.99;
const AT_ONCE = 2;
const SOME = 25; // files a run

function pdftotext(file) {
	const options = { maxBuffer: 1 << 28, timeout: 60_000, encoding: 'utf8' };
	return new Promise((done) => {
		execFile('pdftotext', ['-enc', 'UTF-8', file, '-'], options, (error, stdout) => done(error ? null : stdout));
	});
}

/**
 * By file: the text of each page with what was hidden on it; without an entry: not opened. Pages
 * without text are not read by OCR, since pdftotext does not either.
 */
async function carrel(files) {
	const run = await runCarrel(['extract', ...files, '--json', '--quiet', '--ocr-languages', '']);
	const found = new Map();
	let pages = null;
	for (const line of run.stdout.split('\n')) {
		const item = line ? JSON.parse(line) : {};
		if (item.mediaType && item.blocks !== undefined) {
			found.set(item.file, (pages = []));
		} else if (item.file) {
			pages = null;
		} else if (pages && item.text !== undefined && item.page) {
			(pages[item.page - 1] ??= []).push(item.text);
		}
	}
	return new Map([...found].map(([file, all]) => [file, all.map((parts) => parts?.join('\n'))]));
}

const CJK = '\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\p{Script=Hangul}';
const WORD = new RegExp(`[${CJK}]|(?:(?![${CJK}])[\\p{L}\\p{N}\\p{M}])+`, 'gu');

function words(text) {
	const joined = text.normalize('NFKC').replace(/(?<=\p{L})[-\u00ad\u2010]\s*(?=\p{L})/gu, '');
	return joined.toLowerCase().match(WORD) ?? [];
}

const mask = (line) => line.trim().toLowerCase().replace(/\d+/g, '#');

/** Lines of pdftotext's pages that return on another page. */
function runningLines(pages) {
	const seen = new Map();
	pages.forEach((page, i) => new Set(page.split('\n').map(mask)).forEach((l) => seen.set(l, (seen.get(l) ?? 0) + 1)));
	return new Set([...seen].filter(([, n]) => n > 1).map(([l]) => l));
}

function comparePage(theirs, ours, running, count) {
	const left = new Map();
	for (const w of words(ours)) {
		left.set(w, (left.get(w) ?? 0) + 1);
	}
	const missing = [];
	for (const w of words(theirs)) {
		count.all++;
		const n = left.get(w) ?? 0;
		if (n > 0) {
			left.set(w, n - 1);
		} else {
			missing.push(w);
		}
	}
	if (missing.length === 0) {
		return;
	}
	const lines = theirs.split('\n').filter((l) => running.has(mask(l)) || /^[#\sivxlc|–-]*$/.test(mask(l)));
	const apart = words(lines.join('\n'));
	for (const w of missing) {
		const at = apart.indexOf(w);
		if (at >= 0) {
			apart.splice(at, 1);
			count.running++;
		} else {
			count.missing++;
			count.words.push(w);
		}
	}
}

async function compareFile(file, ours) {
	const theirs = await pdftotext(file);
	const count = { file, all: 0, running: 0, missing: 0, words: [] };
	if (theirs === null || !ours) {
		return { ...count, closed: true };
	}
	const pages = theirs.split('\f').slice(0, -1);
	const running = runningLines(pages);
	pages.forEach((page, i) => comparePage(page, ours[i] ?? '', running, count));
	return count;
}

async function compareAll(folder) {
	const files = readdirSync(folder, { recursive: true, withFileTypes: true })
		.filter((f) => f.isFile() && /\.pdf$/i.test(f.name))
		.map((f) => path.join(f.parentPath ?? f.path, f.name));
	const counts = [];
	await Promise.all(Array.from({ length: AT_ONCE }, async () => {
		while (files.length) {
			const some = files.splice(0, SOME);
			const ours = await carrel(some);
			for (const file of some) {
				counts.push(await compareFile(file, ours.get(file)));
			}
		}
	}));
	return counts;
}

for (const [name, folder] of Object.entries(SETS)) {
	const at = path.join(SHARED, folder);
	const skip = existsSync(at) ? false : `no ../shared/${folder} here`;

	test(`words of ${name}`, { skip, timeout: 280_000 }, async () => {
		const counts = await compareAll(at);
		const open = counts.filter((c) => !c.closed);
		const sum = (key) => open.reduce((n, c) => n + c[key], 0);
		const share = (all, missing) => (all ? 1 - missing / all : 1);
		const poor = open.filter((c) => share(c.all, c.missing) < LEAST).sort((a, b) => b.missing - a.missing);

		for (const c of poor) {
			console.log(`${(100 * share(c.all, c.missing)).toFixed(1)} % ${path.relative(at, c.file)}: `
				+ `${c.missing} of ${c.all} missing: ${c.words.slice(0, 6).join(' ')}`);
		}
		console.log(`${name}: ${open.length} of ${counts.length} files opened by both, ${sum('all')} words, ${sum('missing')} missing, `
			+ `${sum('running')} more in running headers and footers: ${(100 * share(sum('all'), sum('missing'))).toFixed(3)} %; `
			+ `${poor.length} files below ${100 * LEAST} %`);
		assert.ok(share(sum('all'), sum('missing')) >= LEAST);
	});
}
