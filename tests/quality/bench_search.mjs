// Search and start at 100,000 made chunks (N=…, kept in build/scale/ for the next run): what a whole search costs
// against nothing but its two searches, one who may read a tenth asking; how soon a server answers whose files are in
// no cache, and what memory it takes.
import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { ROOT, pause, startCarrel } from '../flow/carrel.mjs';

const N = Number(process.env.N ?? 100000);
const SEED = process.env.SEED ?? '5';
const BUILD = process.env.BUILD ?? 'build';
const UNDER = path.resolve(ROOT, BUILD, 'scale');
const ROUNDS = 3;
const HERTZ = 100; // of /proc/PID/stat, on all of Linux
const STARTS = 3;

const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];
const mb = (bytes) => bytes / 2 ** 20;

function run(program, args) {
	const done = spawnSync(program, args, { cwd: ROOT, encoding: 'utf8' });
	if (done.status !== 0) {
		throw new Error(done.stdout + done.stderr);
	}
	return done.stdout;
}

function hybrid(row) {
	const program = `${BUILD}/tests/scale/bench_hybrid`;
	run('make', ['--no-print-directory', program]);
	const rounds = run(path.resolve(ROOT, program), [UNDER, String(N), SEED, String(ROUNDS)])
		.trim().split('\n').map((line) => JSON.parse(line));
	for (const readable of [true, false]) {
		const mine = rounds.filter((r) => r.readable === readable);
		const about = readable ? 'about what he may read' : 'about what he may not read';
		const of = (part, time) => median(mine.map((r) => r[part][time]));
		const against = (part, time) => median(mine.map((r) => r.search[time] / r[part][time])).toFixed(2);
		const ms = (part) => `${of(part, 'p50').toFixed(2)} ms`;
		row(`search ${about}, p50`, `${against('plain', 'p50')} ×`,
			`FTS5 by MaxScore and FAISS alone, target 1.3; CPU ${against('plain', 'cpuP50')} ×; ${ms('search')} against ${ms('FTS5')} and ` +
			`${ms('FAISS')} (IndexFlat, a bitmap); ${N} chunks, ${mine[0].allowed} allowed; of ${ROUNDS} rounds`);
		row('the same against its own two searches alone', `${against('alone', 'p50')} ×`,
			`CPU ${against('alone', 'cpuP50')} ×; ${ms('words')} of words, ${ms('vectors')} of vectors`);
		row('its steps, mean µs', Math.round(Object.values(mine.at(-1).meanStepUs).reduce((sum, us) => sum + us)),
			Object.entries(mine.at(-1).meanStepUs).map(([step, us]) => `${step} ${Math.round(us)}`).join(', '));
	}
}

/** The folder's files leave the file cache. */
function forget(folder) {
	for (const entry of readdirSync(folder, { withFileTypes: true })) {
		const at = path.join(folder, entry.name);
		if (entry.isDirectory()) {
			forget(at);
		} else if (entry.isFile()) {
			run('dd', [`of=${at}`, 'oflag=nocache', 'conv=notrunc,fdatasync', 'count=0', 'status=none']);
		}
	}
}

function usage(pid) {
	const status = readFileSync(`/proc/${pid}/status`, 'utf8');
	const of = (name) => Number(status.match(new RegExp(`${name}:\\s+(\\d+)`))[1]) / 1024;
	const read = Number(readFileSync(`/proc/${pid}/io`, 'utf8').match(/read_bytes: (\d+)/)[1]);
	const stat = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').pop().split(' ');
	const cpu = (Number(stat[11]) + Number(stat[12])) / HERTZ;
	return { rss: of('VmRSS'), anonymous: of('RssAnon'), read: mb(read), cpu };
}

/** Of the vectors what lies in memory: half floats, the slots and centres of lists, two bits a number for the plan. */
function vectorsMb(folder) {
	const files = readdirSync(folder).map((name) => [name, statSync(path.join(folder, name)).size]);
	const sum = (end) => files.filter(([name]) => name.endsWith(end)).reduce((n, [, size]) => n + size, 0);
	const halves = sum('.halves');
	return { halves: mb(halves), rest: mb(sum('.lists') + halves / 8) };
}

async function starts(row) {
	const data = path.join(UNDER, `${N}-${SEED}`);
	const told = [];
	for (let i = 0; i <= STARTS; i++) { // the first one's upkeep is none of a start's
		forget(data);
		const from = performance.now();
		const server = await startCarrel({ data, readyMs: 600000, settings: { 'log-level': 'error' } });
		const ready = await server.anonymous.get('/readyz');
		const seconds = (performance.now() - from) / 1000;
		if (ready.status !== 200) {
			throw new Error(`/readyz: ${ready.status} ${ready.text}`);
		}
		const then = usage(server.pid);
		await pause(5000); // lists and codes are read in the background
		told.push({ seconds, then, later: usage(server.pid) });
		await server.stop();
	}
	const v = vectorsMb(path.join(data, 'vectors'));
	const of = (pick) => median(told.slice(1).map(pick));
	row(`cold start to ready, ${N} chunks`, `${of((t) => t.seconds).toFixed(2)} s`,
		`target 1; files out of the cache, ${of((t) => t.then.read).toFixed(0)} MB read; CPU ${of((t) => t.then.cpu).toFixed(2)} s; of ${STARTS}: ${told.slice(1).map((t) => t.seconds.toFixed(2)).join(', ')}`);
	row('its memory then, without the vectors', `${(of((t) => t.then.rss) - v.halves).toFixed(0)} MB`,
		`target 120; all ${of((t) => t.then.rss).toFixed(0)} MB, of half floats ${v.halves.toFixed(0)}; anonymous ${of((t) => t.then.anonymous).toFixed(0)}`);
	row('its memory later, without the vectors', `${(of((t) => t.later.rss) - v.halves - v.rest).toFixed(0)} MB`,
		`target 120; all ${of((t) => t.later.rss).toFixed(0)} MB, of the vectors ${(v.halves + v.rest).toFixed(0)} with lists and codes`);
}

export async function benchSearch(row) {
	hybrid(row);
	await starts(row);
}
