// All of ../shared/hostile (broken, encrypted, fuzzed, bombs) through a running server by one `carrel ingest`: server and
// zygote are the same processes afterwards, every file ends in a named state, no child outlives its limit, nothing is
// left behind, and the server's memory does not grow with what passed through it.
import test from 'node:test';
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { pause, ROOT, runCarrel, startCarrel, temporaryFolder } from '../flow/carrel.mjs';
import { IN_A_SESSION, processesOf, watchSession } from './house.mjs';

const HOSTILE = path.join(ROOT, '../shared/hostile');
const skip = existsSync(HOSTILE) ? false : 'no ../shared/hostile here';
const CPU_S = 10, STALL_S = 10;
// At low priority beside others a child's clock runs slower than the wall's.
const OLDEST_S = STALL_S + CPU_S * 10 + 2;
const PEAK_MB = 150;

// Why a version may have failed: ingest/zygote.h says what each means.
const REASONS = ['empty_file', 'unsupported_type', 'broken_file', 'password_required', 'too_many_pages', 'too_much_text', 'out_of_memory',
	'out_of_cpu', 'stalled', 'over_limit', 'refused_file', 'crashed'];

const statusOf = (pid, field) => Number(readFileSync(`/proc/${pid}/status`, 'utf8').match(new RegExp(`${field}:\\s+(\\d+)`))[1]) / 1024;

/** Seconds since a process started; 0: it ended meanwhile. */
function ageOf(pid) {
	try {
		const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
		const started = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
		return Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) - started / 100;
	} catch {
		return 0;
	}
}

const children = (session) => processesOf(session).filter((p) => /^carrel-(extract|render)/.test(p.name));

/** Looks on until stop(): { oldest: seconds, samples: [{ ended, mb }] }. */
function watch(server) {
	const seen = { oldest: 0, samples: [], on: true };
	seen.stop = async () => {
		seen.on = false;
		await seen.done;
		return seen;
	};
	seen.done = (async () => {
		while (seen.on) {
			seen.oldest = Math.max(seen.oldest, ...children(server.pid).map((p) => ageOf(p.pid)));
			const { jobs } = await server.counts();
			seen.samples.push({ ended: jobs.done + jobs.failed, mb: statusOf(server.pid, 'VmRSS') });
			await pause(300);
		}
	})();
	return seen;
}

async function listed(server) {
	const rows = [];
	for (let next = ''; next !== null;) {
		const r = await server.operator.get(`/v1/documents?limit=200${next}`);
		assert.equal(r.status, 200, r.text);
		rows.push(...r.json.documents);
		next = r.json.next ? `&after=${r.json.next}` : null;
	}
	return rows;
}

const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];

/** A line a kind of file: how many ended how. */
function table(rows) {
	const kinds = {};
	for (const { name, how } of rows) {
		const kind = kinds[path.extname(name).slice(1).toLowerCase() || 'none'] ??= {};
		kind[how] = (kind[how] ?? 0) + 1;
	}
	for (const [kind, ends] of Object.entries(kinds).sort()) {
		const list = Object.entries(ends).sort((a, b) => b[1] - a[1]).map(([how, n]) => `${how} ${n}`);
		console.log(`figure: ${kind}: ${list.join(', ')}`);
	}
}

function nothingLeft(server) {
	assert.deepEqual(children(server.pid), [], 'no child is left');
	for (const folder of ['stage', 'tmp']) {
		const at = path.join(server.data, folder);
		assert.deepEqual(existsSync(at) ? readdirSync(at) : [], [], `DATA/${folder} is empty`);
	}
}

/** Embeddings without training: what memory the server takes is then for the documents alone. */
async function startEmbedder() {
	const server = http.createServer(async (req, res) => {
		const parts = [];
		for await (const part of req) {
			parts.push(part);
		}
		const input = [JSON.parse(Buffer.concat(parts)).input].flat();
		const data = input.map((text, index) => ({ index, embedding: Array.from({ length: 16 }, (_, k) => Math.sin(text.length * (k + 1) + index)) }));
		res.setHeader('content-type', 'application/json');
		res.end(JSON.stringify({ data }));
	});
	await new Promise((done) => server.listen(0, '127.0.0.1', done));
	const settings = { embedder: 'openai', 'embed-url': `http://127.0.0.1:${server.address().port}/v1`, 'embed-model': 'sines' };
	return { settings, stop: () => server.close().closeAllConnections() };
}

/** The folder on a fresh server: what became of each file. */
async function ingest(t, files, settings) {
	const data = temporaryFolder();
	const server = await startCarrel({ data, settings: { 'ingest-workers': 2, 'ingest-cpu-s': CPU_S, 'ingest-stall-s': STALL_S,
		'external-command': 'off', ...settings },
		command: IN_A_SESSION });
	t.after(() => server.stop().finally(() => rmSync(data, { recursive: true, force: true })));
	watchSession(server.pid);
	const zygotes = () => processesOf(server.pid).filter((p) => p.name.startsWith('carrel-zygote')).map((p) => p.pid);
	const before = zygotes();
	assert.equal(before.length, 1);
	const watched = watch(server);
	const run = await runCarrel(['ingest', ...files, '--collection', 'hostile', '--data', server.data, '--json']);
	const { oldest, samples } = await watched.stop();
	const lines = run.stdout.trim().split('\n').map((l) => JSON.parse(l));
	const { summary } = lines.pop();

	assert.ok(!server.exit && existsSync(`/proc/${server.pid}`), 'the server lives');
	assert.deepEqual(zygotes(), before, 'the zygote is the same');
	assert.equal(run.status, summary.failed ? 8 : 0, run.stderr);
	assert.equal(summary.unfinished, 0);
	const { jobs } = await server.counts();
	assert.equal(jobs.queued + jobs.running + jobs.quarantined, 0, `no job is left: ${JSON.stringify(jobs)}`);
	const rows = await listed(server);
	for (const d of rows) {
		const { state, reason, message } = d;
		d.how = state === 'failed' ? reason : state;
		assert.ok(['indexed', 'no_text'].includes(state) || (state === 'failed' && REASONS.includes(reason) && message),
			`${d.name}: ${state}, ${reason}: ${message}`);
		assert.ok(!/nonsense/.test(message ?? ''), `${d.name}: ${message}`);
	}
	nothingLeft(server);
	assert.ok(oldest < OLDEST_S, `a child lived ${oldest} s`);
	return { server, rows, lines, samples, oldest };
}

test('all of them, without OCR', { skip, timeout: 580_000 }, async (t) => {
	const embedder = await startEmbedder();
	t.after(() => embedder.stop());
	const { server, rows, lines, samples, oldest } = await ingest(t, [HOSTILE], { 'ocr-languages': '', ...embedder.settings });
	const files = lines.filter((l) => l.outcome !== 'skipped');
	assert.ok(files.length >= 1400, `${files.length} files`);
	for (const l of files) {
		assert.ok(l.outcome === 'done' || (l.outcome === 'failed' && l.reason && l.why), `${l.name}: ${l.outcome}, ${l.reason}`);
	}
	table(rows);
	const most = samples.at(-1).ended;
	const third = (i) => median(samples.filter((s) => s.ended >= (most * i) / 3 && s.ended < (most * (i + 1)) / 3).map((s) => s.mb));
	const peak = statusOf(server.pid, 'VmHWM');
	const first = third(0), last = third(2);
	console.log(`figure: ${files.length} files, ${rows.length} documents; oldest child ${oldest.toFixed(1)} s; server ${first.toFixed(0)} MB in the first third, ` +
		`${last.toFixed(0)} MB in the last, ${peak.toFixed(0)} MB at its peak`);
	assert.ok(peak < PEAK_MB, `${peak} MB at its peak`);
	assert.ok(last < first * 1.25 + 10, `${first} MB grew to ${last} MB`);
	await server.stop();
	const check = await runCarrel(['check', '--data', server.data]);
	assert.equal(check.status, 0, `no blob that no version names: ${check.stdout}${check.stderr}`);
});

// Of the many scans a few: OCR takes seconds a page.
const SCANS = ['pdf/ocrmypdf', 'pdf/pdfbox', 'pdf/pdfjs'].map((f) => path.join(HOSTILE, f));

test('some scans, with OCR', { skip, timeout: 300_000 }, async (t) => {
	const files = SCANS.flatMap((folder) => readdirSync(folder).filter((n) => /scan|ocr|jbig2|ccitt|tiff/i.test(n)).map((n) => path.join(folder, n)))
		.slice(0, 12);
	const { rows } = await ingest(t, files, {});
	console.log(`figure: scans: ${rows.map((d) => `${path.basename(d.name)} ${d.how}`).join(', ')}`);
});
