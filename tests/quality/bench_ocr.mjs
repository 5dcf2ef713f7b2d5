// What reading a scan costs: the computing time of `carrel extract` against `tesseract` alone on pictures of the
// same pages, with the same languages and one thread, in turns. Part of `make bench`; by itself it prints its rows.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { CARREL, ROOT } from '../flow/carrel.mjs';

const SHARED = path.join(ROOT, '../shared/hostile/pdf/ocrmypdf');
const SCANS = existsSync(SHARED) ? ['linn.pdf', 'c02-22.pdf', 'epson.pdf', 'masks.pdf'].map((f) => path.join(SHARED, f))
	: ['english.pdf'].map((f) => path.join(ROOT, 'fixtures/scans', f));
const LANGUAGES = 'eng+deu';
const ROUNDS = 3;

/** User and system seconds of a command and its children, by bash's own `times`. */
function cpuSeconds(command, args) {
	const script = '"$@" >/dev/null 2>&1 || exit 1; times'; // its second line is the children's
	const run = spawnSync('bash', ['-c', script, 'bash', command, ...args], {
		env: { ...process.env, OMP_THREAD_LIMIT: '1', CARREL_OCR_LANGUAGES: LANGUAGES },
	});
	const [, m1, s1, m2, s2] = run.stdout.toString().split('\n')[1]?.match(/(\d+)m([\d.]+)s (\d+)m([\d.]+)s/) ?? [];
	if (run.status !== 0 || m1 === undefined) {
		throw new Error(`${command} ${args.join(' ')}: ${run.stderr}`);
	}
	return 60 * (Number(m1) + Number(m2)) + Number(s1) + Number(s2);
}

const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];

/** { pages, carrel, tesseract, ratio }: seconds of all scans, medians of the rounds. */
function measure() {
	const folder = mkdtempSync(path.join(os.tmpdir(), 'carrel-ocr-'));
	try {
		SCANS.forEach((scan, i) => execFileSync('pdftoppm', ['-r', '300', '-gray', '-png', scan, path.join(folder, String(i))]));
		const pictures = readdirSync(folder).map((f) => path.join(folder, f));
		const ours = [], theirs = [];
		for (let round = 0; round < ROUNDS; round++) {
			theirs.push(pictures.reduce((sum, p) => sum + cpuSeconds('tesseract', [p, '-', '-l', LANGUAGES]), 0));
			ours.push(SCANS.reduce((sum, p) => sum + cpuSeconds(CARREL, ['extract', p]), 0));
		}
		const [carrel, tesseract] = [median(ours), median(theirs)];
		return { pages: pictures.length, carrel, tesseract, ratio: carrel / tesseract };
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
}

/** row(what, value, note) as in bench.mjs. */
export function benchOcr(row) {
	const { pages, carrel, tesseract, ratio } = measure();
	row('OCR, CPU against tesseract alone, times', ratio.toFixed(2),
		`${pages} pages at 300 dpi: ${carrel.toFixed(1)} s, tesseract ${tesseract.toFixed(1)} s`);
	row('OCR, pages a CPU second', (pages / carrel).toFixed(2));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
	benchOcr((what, value, note = '') => console.log(`${what.padEnd(46)} ${String(value).padStart(12)}  ${note}`));
}
