// What taking documents in costs: processor time from the first upload through the web API until the last document is
// searchable, of the server with all its children, less what an idle server uses in the same time; against `pdftotext`
// over the same files, in turns. Memory meanwhile; what the sandbox adds to a document. Uses ../shared/corpus/reports
// where it is there, else the PDFs of fixtures/.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { ROOT, pause, startCarrel } from '../flow/carrel.mjs';

const REPORTS = path.join(ROOT, '../shared/corpus/reports');
const FOLDER = existsSync(REPORTS) ? REPORTS : path.join(ROOT, 'fixtures/documents/company');
const FILES = readdirSync(FOLDER).filter((f) => f.endsWith('.pdf')).sort();
const HERTZ = Number(execFileSync('getconf', ['CLK_TCK']));
const ROUNDS = Number(process.env.ROUNDS ?? 5);
const IDLE_MS = 3000;
const LOOK_MS = 20; // at memory and processor time
const WAIT_MS = 500; // between two questions whether all are there

const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];

/** Its fields from the state on (proc(5)); null: it has ended. */
function stat(pid) {
	try {
		return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
	} catch {
		return null;
	}
}

/** The process and all that descend from it. */
function tree(root) {
	const pids = readdirSync('/proc').filter((f) => /^\d+$/.test(f)).map(Number);
	const parent = new Map(pids.map((pid) => [pid, Number(stat(pid)?.[1])]));
	const within = (pid) => pid === root || (parent.get(pid) > 1 && within(parent.get(pid)));
	return pids.filter(within);
}

/**
 * Processor seconds of a server and its children. Each process counts what it used and what the children it has waited
 * for had used: the zygote waits for each reader, so nothing that has ended is lost while it lives, and the same one has
 * to be there at the end.
 */
function treeSeconds(pids) {
	return pids.map(stat).reduce((sum, s) => sum + s.slice(11, 15).reduce((a, ticks) => a + Number(ticks), 0), 0) / HERTZ;
}

/** Of the commands that this process has waited for. */
const childSeconds = () => stat('self').slice(13, 15).reduce((sum, ticks) => sum + Number(ticks), 0) / HERTZ;

function peakMb(pid) {
	try {
		return Number(readFileSync(`/proc/${pid}/status`, 'utf8').match(/VmHWM:\s+(\d+)/)[1]) / 1024;
	} catch {
		return 0;
	}
}

/** Processor seconds of `pdftotext` over the files. */
function pdftotext(...options) {
	const before = childSeconds();
	for (const name of FILES) {
		spawnSync('pdftotext', [...options, path.join(FOLDER, name), '/dev/null']);
	}
	return childSeconds() - before;
}

/** Uploads all and waits until each, and what was found inside of them, is searchable: { documents, endMs }. */
async function takeIn(ada) {
	for (const name of FILES) {
		const answer = await ada.upload('bench', name, readFileSync(path.join(FOLDER, name)));
		if (answer.status !== 202) {
			throw new Error(`${name}: ${answer.status} ${answer.text}`);
		}
	}
	for (;;) {
		await pause(WAIT_MS);
		const jobs = (await ada.get('/v1/jobs?limit=200')).json.jobs.filter((j) => j.kind === 'ingest');
		if (jobs.some((j) => !['queued', 'running', 'done'].includes(j.state))) {
			throw new Error(JSON.stringify(jobs));
		}
		if (jobs.every((j) => j.state === 'done')) {
			const { documents } = (await ada.get('/v1/documents?limit=100')).json;
			if (documents.some((d) => d.state !== 'indexed')) {
				throw new Error(JSON.stringify(documents.map((d) => [d.name, d.state, d.message])));
			}
			return { documents, endMs: Math.max(...jobs.map((j) => j.finishedMs)) };
		}
	}
}

/** { cpuS, wallS, serverMb, childMb, pages } of one server that takes the files in. */
async function ingest(settings) {
	const server = await startCarrel({ settings });
	const ada = await server.bootstrap();
	await ada.post('/v1/collections', { name: 'bench' });
	const house = tree(server.pid);
	if (house.length !== 2) {
		throw new Error(`server and zygote are ${house.length} processes`);
	}
	const idleFrom = treeSeconds(house);
	await pause(IDLE_MS);
	const idle = (treeSeconds(house) - idleFrom) / IDLE_MS;
	const moments = []; // { ms, cpuS }: what comes after the last document, a table to learn, is another matter
	let childMb = 0;
	const zygote = house.find((pid) => pid !== server.pid);
	const look = setInterval(() => {
		const children = readFileSync(`/proc/${zygote}/task/${zygote}/children`, 'utf8').trim().split(' ');
		childMb = Math.max(childMb, ...children.filter(Boolean).map(peakMb));
		moments.push({ ms: Date.now(), cpuS: treeSeconds(house) });
	}, LOOK_MS);
	const from = Date.now();
	const before = treeSeconds(house);
	const { documents, endMs } = await takeIn(ada);
	moments.push({ ms: Date.now(), cpuS: treeSeconds(house) });
	clearInterval(look);
	const ms = endMs - from;
	const cpuS = moments.find((m) => m.ms >= endMs).cpuS - before - idle * ms;
	if (!house.every((pid) => tree(server.pid).includes(pid))) {
		throw new Error('a process has ended meanwhile, and what it used is not known');
	}
	const found = await ada.post('/v1/search', { query: 'report', limit: 10 });
	if (!found.json.passages.length) {
		throw new Error(`nothing is found: ${found.text}`);
	}
	const out = { cpuS, wallS: ms / 1000, serverMb: peakMb(server.pid), childMb, pages: documents.reduce((sum, d) => sum + d.pages, 0) };
	await server.stop();
	return out;
}

/** Pages that OCR looks at, since they have a picture and next to no text: [file, page]. */
function scans() {
	const out = (...command) => execFileSync(command[0], command.slice(1), { encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'ignore'] });
	return FILES.map((f) => path.join(FOLDER, f)).flatMap((file) => {
		const few = out('pdftotext', file, '-').split('\f').slice(0, -1)
			.flatMap((text, i) => (text.replace(/\s/g, '').length <= 60 ? [String(i + 1)] : []));
		return few.filter((page) => out('pdfimages', '-list', '-f', page, '-l', page, file).trim().split('\n').length > 2)
			.map((page) => [file, page]);
	});
}

/** Processor seconds of `tesseract` over pictures of the pages, without the drawing. */
function tesseract(pages) {
	const folder = mkdtempSync(path.join(os.tmpdir(), 'carrel-ingest-'));
	try {
		pages.forEach(([file, page], i) => execFileSync('pdftoppm',
			['-r', '300', '-gray', '-png', '-f', page, '-l', page, file, path.join(folder, String(i))]));
		const before = childSeconds();
		for (const picture of readdirSync(folder)) {
			spawnSync('tesseract', [path.join(folder, picture), '-', '-l', 'eng'], { env: { ...process.env, OMP_THREAD_LIMIT: '1' } });
		}
		return childSeconds() - before;
	} finally {
		rmSync(folder, { recursive: true, force: true });
	}
}

export async function benchIngest(row) {
	const plain = [], layout = [], ours = [];
	for (let i = 0; i < ROUNDS; i++) {
		plain.push(pdftotext());
		ours.push(await ingest({ 'ocr-languages': '' }));
		layout.push(pdftotext('-layout'));
	}
	const ratio = (other) => median(ours.map((o, i) => o.cpuS / other[i])).toFixed(2);
	const cpu = median(ours.map((o) => o.cpuS)), most = (field) => Math.max(...ours.map((o) => o[field])).toFixed(0);
	const { pages } = ours[0];
	row('upload to searchable, CPU, × pdftotext', ratio(plain), `≤ 1.5; without OCR: ${cpu.toFixed(2)} s, ${median(plain).toFixed(2)} s; ${pages} pages`);
	row('the same, × pdftotext -layout', ratio(layout), `${median(layout).toFixed(2)} s`);
	row('pages a second of CPU', (pages / cpu).toFixed(0), `one worker: ${(pages / median(ours.map((o) => o.wallS))).toFixed(0)} a second of time`);
	row('server memory meanwhile, MB', most('serverMb'), `≤ 150, at its peak; the largest reader ${most('childMb')}`);

	const cost = JSON.parse(execFileSync(path.resolve(ROOT, process.env.BUILD || 'build', 'tests/quality/sandbox_cost'), { encoding: 'utf8' }));
	row('sandbox a document, CPU ms', cost.documentCpuMs.toFixed(2),
		`≤ 1; all that an empty document takes: ${cost.documentMs.toFixed(2)} ms of time; fork and exit alone ${cost.forkCpuMs.toFixed(2)}, with the sandbox entered ${cost.sandboxCpuMs.toFixed(2)}`);

	const pictures = scans();
	if (pictures.length) {
		const other = tesseract(pictures), with_ = await ingest({ 'ocr-languages': 'eng' });
		row('with OCR, × pdftotext and tesseract', (with_.cpuS / (median(plain) + other)).toFixed(2),
			`${with_.cpuS.toFixed(2)} s; tesseract alone, of the ${pictures.length} pages that are pictures: ${other.toFixed(2)} s`);
	}
}
