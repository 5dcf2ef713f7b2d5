// A server on the made workspace, from outside: server.mjs FOLDER SECTION…, the sections `check`, `kill`, `reembed`,
// `documents` of `make bench-scale`. Wall-clock times: tell the load with them; processor time stands beside where it is a process's
// own.
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import path from 'node:path';
import { CARREL, pause, startCarrel, until } from '../flow/carrel.mjs';

const SEED = 5;
const READER = '10th'; // who reads a tenth (tests/scale/generate.h)
const HERTZ = Number(execFileSync('getconf', ['CLK_TCK']));

let state = SEED;
const below = (n) => (state = (state * 1103515245 + 12345) % 2147483648) % n;
const seconds = (from) => (performance.now() - from) / 1000;
const told = (text) => console.log(`${text}\n  load ${loadavg().map((x) => x.toFixed(1)).join(' ')}`);

/** { mb, mostMb, cpuS } of a process. */
function usage(pid) {
	const status = readFileSync(`/proc/${pid}/status`, 'utf8');
	const stat = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
	const mb = (name) => Math.round(Number(status.match(new RegExp(`${name}:\\s+(\\d+)`))[1]) / 1024);
	return { mb: mb('VmRSS'), mostMb: mb('VmHWM'), cpuS: (Number(stat[11]) + Number(stat[12])) / HERTZ };
}

/** The program to its end: { status, out, seconds, mostMb, cpuS }, of the last look at it. */
async function run(args) {
	const from = performance.now();
	const child = spawn(CARREL, args, { stdio: ['ignore', 'pipe', 'pipe'] });
	const done = { out: '' };
	child.stdout.on('data', (bytes) => (done.out += bytes));
	child.stderr.on('data', (bytes) => (done.out += bytes));
	const ended = new Promise((end) => child.on('close', end));
	const look = setInterval(() => {
		try {
			Object.assign(done, usage(child.pid));
		} catch {
			// it has just ended
		}
	}, 100);
	done.status = await ended;
	clearInterval(look);
	return { ...done, seconds: seconds(from) };
}

/** Questions of words that passages have. */
async function questions(server, n, seeds = ['report', 'other', 'which', 'made', 'about']) {
	const words = [];
	for (let i = 0; words.length < n; i++) {
		const found = await search(server, seeds[i % seeds.length]);
		if (found.passages.length === 0) {
			continue;
		}
		const text = found.passages[below(found.passages.length)].text.split(/\W+/).filter((w) => w.length > 5);
		words.push(`What is the ${text[below(text.length)]} of the ${text[below(text.length)]}, and ${text[below(text.length)]}?`);
	}
	return words;
}

async function search(server, query) {
	const headers = server.asReader ? { 'x-carrel-as': READER } : {};
	const answer = await server.operator.post('/v1/search', { query, limit: 8 }, headers);
	if (answer.status !== 200) {
		throw new Error(`${query}: ${answer.status} ${answer.text}`);
	}
	return answer.json;
}

/** Searches one after the other until `over`, at least `least`: a text with p50 and p99. */
async function searchUntil(server, asked, over, least) {
	const ms = [];
	for (let i = 0; ms.length < least || !over(); i++) {
		const found = await search(server, asked[i % asked.length]);
		ms.push(found.timeUs.total / 1000);
		await pause(20);
	}
	ms.sort((a, b) => a - b);
	const part = (x) => ms[Math.floor((ms.length - 1) * x)].toFixed(1);
	return `search p50 / p99 ${part(0.5)} / ${part(0.99)} ms of ${ms.length}`;
}

async function serve(folder, settings = {}) {
	const from = performance.now();
	const server = await startCarrel({ data: folder, readyMs: 600000, settings: { 'log-level': 'error', ...settings } });
	server.readyS = seconds(from);
	return server;
}

// ── check ──

async function check(folder) {
	const done = await run(['check', '--data', folder]);
	const lines = done.out.trim().split('\n');
	told(`carrel check: ${done.seconds.toFixed(1)} s, computing ${done.cpuS.toFixed(1)} s, ${done.mostMb} MB at most; it says ` +
		`${lines.length} lines, at the end: ${lines.at(-1)}`);
}

// ── killed while documents come in ──

function writeFiles(folder, n, prefix) {
	const vocabulary = Array.from({ length: 5000 }, () => Array.from({ length: 2 + below(3) }, () => 'bcdfghklmnprst'[below(14)] + 'aeiou'[below(5)]).join(''));
	const sentence = () => Array.from({ length: 8 + below(10) }, () => vocabulary[Math.floor(5000 ** (below(1000) / 1000)) - 1]).join(' ');
	mkdirSync(folder, { recursive: true });
	for (let i = 0; i < n; i++) {
		const parts = Array.from({ length: 1 + below(3) }, () => `## ${sentence()}\n\n${Array.from({ length: 8 }, () => `${sentence()}.`).join(' ')}\n`);
		// with its name in it: the same text again, of a run before, would be a duplicate that nobody reads
		writeFileSync(path.join(folder, `${prefix}${i}.md`), `# ${sentence()} ${prefix}${i}\n\n${parts.join('\n')}`);
	}
	return vocabulary;
}

const jobsOf = async (server) => (await server.operator.get('/healthz')).json.jobs;
const openJobs = async (server) => {
	const jobs = await jobsOf(server);
	return jobs.queued + jobs.running;
};

async function kill(folder) {
	const files = mkdtempSync(path.join(tmpdir(), 'carrel-scale-'));
	writeFiles(files, 400, `killed-${Date.now()}-`);
	let server = await serve(folder);
	const before = (await jobsOf(server)).done;
	const ingest = run(['ingest', files, '--collection', 'killed', '--no-wait', '--quiet', '--data', folder]);
	await until(async () => (await jobsOf(server)).done >= before + 50, 'documents come in', 600000);
	await server.kill();
	await ingest; // it loses its server
	for (let i = 0; i < 2; i++) { // again, while the rest of them is worked on
		server = await serve(folder);
		console.log(`killed: ready again after ${server.readyS.toFixed(2)} s, ${await openJobs(server)} jobs left`);
		await pause(500);
		await server.kill();
	}
	server = await serve(folder);
	console.log(`killed: ready again after ${server.readyS.toFixed(2)} s, ${await openJobs(server)} jobs left`);
	const again = await run(['ingest', files, '--collection', 'killed', '--data', folder]);
	console.log(again.out.trim().split('\n').slice(-3).join('\n'));
	let n = 0;
	for (let next = ''; next !== null; ) {
		const list = (await server.operator.get(`/v1/documents?collection=killed&limit=100${next && `&after=${next}`}`)).json;
		n += list.documents.length;
		next = list.next;
	}
	told(`  ${usage(server.pid).mb} MB; documents of all runs so far: ${n}`);
	await server.stop();
	rmSync(files, { recursive: true });
}

// ── another table of vectors, and back ──

async function reembed(folder) {
	const server = await serve(folder);
	server.asReader = true;
	const asked = await questions(server, 100);
	console.log(`re-embedding: before, ${await searchUntil(server, asked, () => true, 200)}; ${usage(server.pid).mb} MB`);
	for (const [what, args] of [['another table', ['--embedder', 'builtin', '--yes', '--keep']], ['the way back', ['--back']]]) {
		let over = false;
		const before = usage(server.pid);
		const order = run(['reindex', ...args, '--data', folder]).finally(() => (over = true));
		const text = await searchUntil(server, asked, () => over, 1);
		const done = await order;
		const now = usage(server.pid);
		told(`${what}: ${done.seconds.toFixed(1)} s, the server computed ${(now.cpuS - before.cpuS).toFixed(1)} s; ${now.mostMb} MB at most; ` +
			`meanwhile ${text}\n  ${done.out.trim().split('\n').slice(-2).join('\n  ')}`);
	}
	console.log((await run(['reindex', '--spaces', '--data', folder])).out.trimEnd());
	console.log((await run(['reindex', '--drop', '--data', folder])).out.trimEnd());
	await server.stop();
}

// ── real files, read, chunked and embedded anew ──

async function documents(folder, n = Number(process.env.FILES || 20000)) {
	const files = mkdtempSync(path.join(tmpdir(), 'carrel-scale-'));
	rmSync(`${folder}-files`, { recursive: true, force: true });
	const words = writeFiles(files, n, 'f').slice(0, 20);
	const server = await serve(`${folder}-files`);
	for (const [what, args] of [['ingest', ['ingest', files, '--collection', 'files']], ['reindex --all', ['reindex', '--all']]]) {
		let over = false;
		const before = usage(server.pid);
		const order = run([...args, '--quiet', '--data', server.data]).finally(() => (over = true));
		await until(async () => over || (await search(server, words.join(' '))).passages.length > 0, 'something is found', 600000).catch(() => {});
		const asked = over ? [] : await questions(server, 50, words);
		const text = over ? '' : await searchUntil(server, asked, () => over, 1);
		const done = await order;
		const now = usage(server.pid);
		told(`${what}: ${n} files in ${done.seconds.toFixed(1)} s, ${(n / done.seconds).toFixed(0)} a second; the server computed ` +
			`${(now.cpuS - before.cpuS).toFixed(1)} s, ${now.mostMb} MB at most; meanwhile ${text}`);
	}
	await server.stop();
	rmSync(files, { recursive: true });
	rmSync(server.data, { recursive: true });
}

const sections = { check, kill, reembed, documents };
const [folder, ...wanted] = process.argv.slice(2);
for (const name of wanted) {
	await sections[name](folder);
}
