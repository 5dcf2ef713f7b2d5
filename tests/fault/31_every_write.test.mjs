// Long: the k-th write, growth or new name below the data folder fails, for every k of one cycle (upload, publish, ask, delete,
// settings): once with EIO, once with ENOSPC after half of it, and from then on. Nothing that was acknowledged is lost,
// nothing is acknowledged that is not so, reading goes on, and afterwards everything works without a restart. The k-th
// fsync: the server stops rather than trust the disk again, and comes up with all it has acknowledged.
// FAULT_STEP=1: every k; else a share of them that SEED repeats.
import test from 'node:test';
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { runCarrel, startCarrel, temporaryFolder, until } from '../flow/carrel.mjs';
import { seeded, SEED } from './house.mjs';
import { Faults, GROWS, NAMES, SYNCS, WRITES } from './faulty.mjs';

const STEP = Number(process.env.FAULT_STEP ?? 97);
const { word, prose, below } = seeded(SEED);
const folder = temporaryFolder('carrel-writes-');
const faults = new Faults(folder);
const data = path.join(folder, 'data');
const ann = { 'x-carrel-as': 'ann' };
let server;

test.after(async () => {
	faults.disarm();
	await server?.kill();
	faults.close();
	rmSync(folder, { recursive: true, force: true });
});

const start = async () => {
	server = await startCarrel({ data, env: faults.env, settings: { 'ingest-retry-ms': 20 } });
};

// What the outside knows: word -> { id, is: 'there' | 'deleted' | 'unsure' }.
const documents = new Map();
const KEPT = 10; // documents, of all that are uploaded
let collection, conversation, n_turns = 0;
const titles = new Map(); // of conversations: id -> title

const textWith = (w) => Array.from({ length: 3 }, (_, i) => `# Part ${i + 1}\n\nThe word is ${w}${i}. ${prose(12)}.\n`).join('\n');
const found = async (w) => (await server.operator.post('/v1/search', { query: `${w}1`, limit: 5 })).json?.passages?.some((p) => p.text.includes(w));

function fine(r, what) {
	assert.ok([507, 503].includes(r.status) || r.status < 300, `${what}: ${r.status} ${r.text}`);
	return r.status < 300;
}

/** Everything that writes, once; what is acknowledged is noted. */
async function cycle(wait) {
	const { operator } = server;
	const w = word('zq');
	let r = await operator.upload(collection, `${w}.md`, textWith(w));
	documents.set(w, { is: 'unsure' });
	if (fine(r, 'upload')) {
		documents.set(w, { id: r.json.documentId, is: 'there' });
		await wait(r.json.jobId);
	}
	r = await operator.post('/v1/conversations', { title: w }, ann);
	if (fine(r, 'conversation')) {
		titles.set(r.json.id, w);
	}
	n_turns++;
	r = await operator.post(`/v1/conversations/${conversation}/turns`, { input: 'What is the word of part 1?' }, ann);
	if (fine(r, 'turn')) {
		const run = await operator.get(r.json.streamUrl, ann);
		assert.equal(run.status, 200);
		// A server that stops ends its streams.
		if (!/event: (assistant.completed|run.failed)\n/.test(run.text)) {
			throw Object.assign(new Error(`the stream ended before its run: ${run.text}`), { code: 'STREAM_CUT' });
		}
	}
	const old = titles.size > 5 ? titles.keys().next().value : null;
	if (old) {
		titles.delete(old);
		fine(await operator.delete(`/v1/conversations/${old}`, ann), 'delete a conversation');
	}
	r = await operator.patch('/v1/settings', { settings: { 'answer-tokens': 500 + below(500) } });
	fine(r, 'settings');
	const gone = [...documents].find(([, d]) => d.is === 'there');
	if (gone) {
		r = await operator.delete(`/v1/documents/${gone[1].id}`);
		documents.set(gone[0], { ...gone[1], is: fine(r, 'delete') ? 'deleted' : 'unsure' });
		if (r.json?.jobId) {
			await wait(r.json.jobId);
		}
	}
}

async function readingGoesOn() {
	const { operator } = server;
	for (const url of ['/healthz', '/v1/documents?limit=200', `/v1/conversations/${conversation}/turns`, '/v1/settings']) {
		const r = await operator.get(url, url.includes('conv') ? ann : {});
		assert.equal(r.status, 200, `${url}: ${r.status} ${r.text}`);
	}
	assert.equal((await operator.post('/v1/search', { query: 'word part', limit: 5 })).status, 200);
}

const jobsIn = async (state) => (await server.operator.get(`/v1/jobs?state=${state}&limit=200`)).json.jobs;

const jobsEnd = (what) => until(async () => (await jobsIn('queued')).length + (await jobsIn('running')).length === 0, `${what}: all jobs end`, 30000);

/** Without a fault: so few are kept that a page shows all, and looking at them takes no time. */
async function thin() {
	const { operator } = server;
	for (const [w, d] of [...documents].slice(0, Math.max(0, documents.size - KEPT))) {
		assert.equal((await operator.delete(`/v1/documents/${d.id}`)).status, 202);
		documents.set(w, { ...d, is: 'deleted' });
	}
	await jobsEnd('thinning');
	if (n_turns > 50) {
		n_turns = 0;
		conversation = (await operator.post('/v1/conversations', {}, ann)).json.id;
	}
}

/** No fault any more: what was acknowledged is so. */
async function everythingHolds(what) {
	const { operator } = server;
	await jobsEnd(what);
	const page = (await operator.get('/v1/documents?limit=200')).json;
	assert.equal(page.next, null, `${what}: all are on one page`);
	const listed = new Map(page.documents.map((d) => [d.name.replace('.md', ''), d]));
	for (const [w, d] of documents) {
		if (d.is === 'there') {
			assert.ok(listed.has(w), `${what}: ${w} was accepted`);
			if (listed.get(w).state === 'failed') {
				console.log(what, w, JSON.stringify(listed.get(w)));
			}
			await until(() => found(w), () => `${what}: ${w} is found ${JSON.stringify(listed.get(w))}`, 10000);
		} else if (d.is === 'deleted') {
			assert.ok(!listed.has(w) && !(await found(w)), `${what}: ${w} was deleted`);
			documents.delete(w);
		} else {
			if (listed.has(w)) {
				documents.set(w, { id: listed.get(w).id, is: 'there' });
			} else {
				assert.ok(!(await found(w)), `${what}: ${w} is half there`);
				documents.delete(w);
			}
		}
	}
	const mine = new Map((await operator.get('/v1/conversations?limit=100', ann)).json.conversations.map((c) => [c.id, c.title]));
	for (const [id, title] of titles) {
		assert.equal(mine.get(id), title, `${what}: a conversation was accepted`);
	}
	let open;
	await until(async () => {
		const { turns } = (await operator.get(`/v1/conversations/${conversation}/turns?limit=100`, ann)).json;
		open = turns.filter((t) => ['queued', 'streaming'].includes(t.run?.state));
		return open.length === 0;
	}, () => `${what}: every answer ends: ${JSON.stringify(open)}`, 10000);
}

async function begin() {
	await start();
	const { operator } = server;
	collection = (await operator.post('/v1/collections', { name: 'c', acl: [{ principal: 'workspace', right: 'read' }] })).json.id;
	assert.equal((await operator.post('/v1/users', { name: 'ann' })).status, 201);
	conversation = (await operator.post('/v1/conversations', {}, ann)).json.id;
	for (let i = 0; i < 3; i++) {
		await cycle((id) => operator.jobEnd(id));
	}
	await everythingHolds('before');
}

async function countOf(kinds) {
	faults.arm({ kinds });
	await cycle((id) => server.operator.jobEnd(id));
	const n = faults.calls;
	faults.disarm();
	return n;
}

/** A job's end, or the disk's: what fails for ever lets no job end. */
const ends = (forever, what) => (id) => {
	let r;
	return until(async () => {
		r = await server.operator.get(`/v1/jobs/${id}`);
		return (forever && faults.failed > 0) || ['done', 'failed', 'quarantined', 'cancelled'].includes(r.json?.state);
	}, () => `${what}: the job ends: ${r.text}\n${server.log.slice(-3000)}`, 30000);
};

test('a write that fails loses nothing', { timeout: 3_000_000 }, async () => {
	console.log(`SEED=${SEED}`);
	await begin();
	const kinds = WRITES | GROWS | NAMES;
	const n = await countOf(kinds);
	let n_tried = 0, n_failed = 0;
	for (const [how, options] of Object.entries({
		'EIO once': { errno: 'EIO' }, 'ENOSPC once': { errno: 'ENOSPC', halves: true }, 'ENOSPC from then on': { errno: 'ENOSPC', forever: true, halves: true },
		'EIO from then on': { errno: 'EIO', forever: true } })) {
		for (let at = 1 + below(STEP); at <= n; at += STEP) {
			const what = `${how}, ${at} of ${n}`;
			faults.arm({ kinds, at, ...options });
			await cycle(ends(options.forever, what));
			await readingGoesOn();
			assert.equal(server.exit, null, `${what}: it is still there: ${server.log.slice(-2000)}`);
			n_failed += faults.failed;
			faults.disarm();
			await everythingHolds(what);
			await thin();
			n_tried++;
		}
	}
	await cycle((id) => server.operator.jobEnd(id));
	await everythingHolds('after');
	assert.ok(n_tried > 0 && n_failed > 0, 'something was tried');
	console.log(`figure: ${n_tried} failed writes of ${4 * n}`);
});

test('an fsync that fails stops the server, which comes back with all that it acknowledged', { timeout: 3_000_000 }, async () => {
	const kinds = SYNCS;
	const n = await countOf(kinds);
	const step = Math.max(1, Math.round(STEP / 6));
	let n_tried = 0;
	for (let at = 1 + below(step); at <= n; at += step) {
		const what = `fsync ${at} of ${n}`;
		faults.arm({ kinds, at, errno: 'EIO', forever: true });
		const before = server.log.length;
		await cycle(ends(true, what)).catch((error) => {
			if (error.code === 'ERR_ASSERTION' || !/ECONN|socket hang up|ENOENT|EPIPE|STREAM_CUT/.test(`${error.code} ${error.message}`)) {
				throw error;
			}
		});
		// The failing one may have been of a file of its own, whose writing was refused: the next is a commit's.
		await server.operator.post('/v1/conversations', { title: 'x' }, ann).catch(() => {});
		const { status } = await server.ended;
		assert.equal(status, 8, `${what}: ${server.log.slice(before)}`);
		faults.disarm();
		await start();
		await everythingHolds(what);
		await thin();
		n_tried++;
	}
	assert.ok(n_tried > 0);
	console.log(`figure: ${n_tried} failed fsyncs of ${n}: it stopped each time`);
});
