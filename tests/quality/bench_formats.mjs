// What reading costs, format by format: pages and megabytes a second of computing (the children's own, as
// `carrel extract --brief` says), of the files that are read; of PDFs, times the computing of pdftotext. Without OCR.
// Files: ../shared/corpus and ../shared/hostile/office where they are; of formats that are not there, fixtures/.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { CARREL, ROOT } from '../flow/carrel.mjs';

const FOLDERS = ['../shared/corpus', '../shared/hostile/office'];

function files(folder) {
	const at = path.resolve(ROOT, folder);
	if (!existsSync(at)) {
		return [];
	}
	return readdirSync(at, { withFileTypes: true })
		.flatMap((e) => (e.isDirectory() ? files(path.join(at, e.name)) : /\.(expected|py|sh|c)$/.test(e.name) ? [] : [path.join(at, e.name)]));
}

const lines = (text) => text.trim().split('\n').filter(Boolean).map((l) => JSON.parse(l));

/** Seconds of computing that a shell's children used. */
function computing(script, args) {
	const r = spawnSync('bash', ['-c', `${script} >/dev/null 2>&1; times`, 'bash', ...args], { encoding: 'utf8', maxBuffer: 1 << 28 });
	const parts = r.stdout.trim().split('\n').pop().match(/(\d+)m([\d.]+)s (\d+)m([\d.]+)s/).slice(1).map(Number);
	return parts[0] * 60 + parts[1] + parts[2] * 60 + parts[3];
}

function extract(list) {
	const args = ['extract', '--brief', '--json', '--quiet', '--ocr-languages', '', '--external-command', 'off', ...list];
	return lines(spawnSync(CARREL, args, { encoding: 'utf8', maxBuffer: 1 << 28 }).stdout);
}

function byFormat(rows) {
	const groups = new Map();
	for (const r of rows.filter((x) => !x.error)) {
		groups.set(r.mediaType, [...(groups.get(r.mediaType) ?? []), r]);
	}
	return groups;
}

export async function benchFormats(row) {
	const formats = lines(spawnSync(CARREL, ['extract', '--formats', '--json'], { encoding: 'utf8' }).stdout);
	const real = byFormat(extract(FOLDERS.flatMap(files)));
	const own = byFormat(extract(files('fixtures')));
	for (const f of formats.filter((x) => !x.mediaType.startsWith('image/'))) {
		const list = real.get(f.mediaType) ?? own.get(f.mediaType) ?? [];
		const seconds = list.reduce((sum, r) => sum + r.cpuUs / 1e6, 0);
		const mb = list.reduce((sum, r) => sum + statSync(r.file).size / 1e6, 0);
		const pages = list.reduce((sum, r) => sum + r.pages, 0);
		const most = Math.max(0, ...list.map((r) => r.memoryMb));
		const unit = f.paging === 'none' ? 'files' : `${f.paging}s`;
		row(f.name, list.length ? `${(mb / seconds).toFixed(1)} MB/s` : '-', list.length
			? `${(pages / seconds).toFixed(0)} ${unit} a second; ${list.length} files, ${pages} ${unit}, ${mb.toFixed(1)} MB; ${most} MB of memory at most`
			: 'no file');
	}
	const pdfs = (real.get('application/pdf') ?? own.get('application/pdf')).map((r) => r.file);
	const ours = computing(`"${CARREL}" extract --brief --quiet --ocr-languages '' --external-command off "$@"`, pdfs);
	const plain = computing('for f; do pdftotext -layout "$f" /dev/null; done', pdfs);
	row('PDF, times the computing of pdftotext', (ours / plain).toFixed(2), `${ours.toFixed(1)} s against ${plain.toFixed(1)} s, start and sandbox included`);
}
