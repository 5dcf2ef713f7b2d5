// Long: SIGKILLs of the server, the zygote and its children at random moments of upload, ingest, delete, reindex, chat and
// backup: nothing acknowledged is lost, nothing is half-published, nothing deleted returns, no process stays behind, and
// the server is ready again without help; a backup is there whole or not at all. KILLS (of all three together) and SEED repeat a run.
import test from 'node:test';
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { pause, runCarrel, startCarrel, until } from '../flow/carrel.mjs';
import { addUser, open, startDesk } from '../flow/answers.mjs';
import { allGone, IN_A_SESSION, seeded, SEED, watchSession, wordsInFiles } from './house.mjs';

const KILLS = Number(process.env.KILLS ?? 100);
const { random, below, pick, chance, word, prose } = seeded(SEED);
const sha256 = (text) => createHash('sha256').update(text).digest('hex');

// { name, id, versions: [{ words, sha, state: 'asked' | 'durable' }], deleted: 'no' | 'asked' | 'yes', busy }
const documents = [];
// { conversation, key, input, run: its id once acknowledged, answer: once it was told complete }
const turns = [];
const kills = { server: 0, zygote: 0, child: 0 };
const orders = { uploads: 0, deletions: 0, reindexings: 0, turns: 0, answers: 0, backups: 0 };
const cut = { backups: 0 }; // ordered, and not whole when the server died
let desk, collection, backups = []; // the latest whole ones: { folder, live: [{ d, words, sha }], gone: [words] }
let count = 0;

// ── the work that is interrupted ──

const operator = (method, url, body, as) => desk.operator(method, url, body, { as });

/** Each part is a chunk or more of its own, with a word of its own. */
function makeText(words) {
	return words.map((w, i) => {
		const rest = Array.from({ length: 10 + below(10) }, () => `${prose(12)}.`).join(' ');
		return `# Part ${i + 1}\n\nThe word of this part is ${w}. ${rest}\n`;
	}).join('\n');
}

/** A new document, a version of one that is there, or a new one under the name of a deleted one. */
function documentToUpload() {
	const idle = documents.filter((d) => !d.busy && d.deleted === 'no');
	if (chance(0.3) && idle.length) {
		return pick(idle);
	}
	const gone = documents.filter((d) => d.deleted === 'yes' && !documents.some((x) => x.name === d.name && x.deleted !== 'yes'));
	const d = { name: chance(0.15) && gone.length ? pick(gone).name : `n${count++}.md`, id: null, versions: [], deleted: 'no' };
	documents.push(d);
	return d;
}

async function upload() {
	const d = documentToUpload();
	const words = Array.from({ length: 2 + below(4) }, () => word('zq'));
	const text = makeText(words);
	const version = { words, sha: sha256(text), state: 'asked' };
	d.busy = true;
	d.versions.push(version);
	const r = await desk.upload(null, collection, d.name, text);
	assert.equal(r.status, 202, r.text);
	assert.equal(r.json.sha256, version.sha);
	version.state = 'durable';
	d.id = r.json.documentId;
	d.busy = false;
	orders.uploads++;
}

async function remove() {
	const some = documents.filter((d) => d.id && d.deleted === 'no' && !d.busy);
	if (some.length < 5) {
		return;
	}
	const d = pick(some);
	d.deleted = 'asked';
	const r = await operator('DELETE', `/v1/documents/${d.id}`);
	assert.equal(r.status, 202, r.text);
	d.deleted = 'yes';
	orders.deletions++;
}

async function reindex() {
	const r = await operator('POST', '/v1/reindex', { collection, all: true });
	assert.equal(r.status, 202, r.text);
	orders.reindexings++;
}

async function postTurn(turn) {
	const url = `/v1/conversations/${turn.conversation}/turns`;
	const r = await desk.operator('POST', url, { input: turn.input }, { as: 'ann', headers: { 'idempotency-key': turn.key } });
	assert.equal(r.status, 202, r.text);
	turn.run = r.json.runId;
	orders.turns++;
}

/** What is acknowledged now and still so when it is restored is in it. */
async function backup(stop) {
	const folder = `${desk.data}-backup-${count++}`;
	const last = (d) => d.versions.filter((v) => v.state === 'durable').at(-1);
	const live = documents.filter((d) => d.id && d.deleted === 'no' && last(d)).map((d) => ({ d, sha: last(d).sha }));
	const gone = documents.filter((d) => d.deleted === 'yes').map((d) => d.versions.flatMap((v) => v.words));
	const r = await runCarrel(['backup', folder, '--data', desk.data]);
	if (r.status !== 0) {
		assert.ok(stop.now || /Another backup/.test(r.stderr), `a backup failed: ${r.status} ${r.stderr}`);
		rmSync(`${folder}.partial`, { recursive: true, force: true });
		cut.backups += stop.now ? 1 : 0;
	}
	// It may have been whole when the server was killed, and nobody told: then it has to be as good as any.
	if (existsSync(folder)) {
		orders.backups += r.status === 0 ? 1 : 0;
		backups.splice(0, backups.length - 1).forEach((old) => rmSync(old.folder, { recursive: true }));
		backups.push({ folder, live, gone });
	}
	assert.ok(r.status !== 0 || existsSync(folder), 'a backup that was told whole is not there');
}

async function chat() {
	const c = await operator('POST', '/v1/conversations', {}, 'ann');
	assert.equal(c.status, 201, c.text);
	const turn = { conversation: c.json.id, key: `key-${count++}`, run: null, answer: null };
	turn.input = `What is the word of part ${1 + below(4)}, asked for ${turn.key}?`;
	turns.push(turn);
	await postTurn(turn);
	const stream = await open(desk, 'GET', `/v1/runs/${turn.run}/stream`, { as: 'ann' }).ready;
	await stream.done;
	const last = stream.events.at(-1);
	if (last?.type === 'assistant.completed') {
		turn.answer = last.data.answer;
		orders.answers++;
	}
}

const LOST = ['ECONNRESET', 'ECONNREFUSED', 'EPIPE', 'ENOENT'];

async function work(stop) {
	try {
		while (!stop.now) {
			await (chance(0.06) ? backup(stop) : pick([upload, upload, upload, remove, reindex, chat, chat])());
		}
	} catch (error) {
		if (!stop.now || !LOST.includes(error.code)) {
			throw error;
		}
	}
}

// ── what must hold after a start, whatever was going on when it died ──

async function listed() {
	const rows = [];
	for (let next = ''; next !== null;) {
		const r = await operator('GET', `/v1/documents?collection=${collection}&limit=200${next}`);
		assert.equal(r.status, 200, r.text);
		rows.push(...r.json.documents);
		next = r.json.next ? `&after=${r.json.next}` : null;
	}
	return rows;
}

async function checkVersions(d) {
	const r = await operator('GET', `/v1/documents/${d.id}/versions`);
	assert.equal(r.status, 200, `${d.name} is lost: ${r.text}`);
	for (const v of d.versions) {
		const there = r.text.includes(v.sha);
		assert.ok(there || v.state === 'asked', `${d.name}: an acknowledged version is lost`);
		v.state = there ? 'durable' : v.state;
	}
}

/** What was asked for and never acknowledged has happened or not: from now on it stays so. */
async function checkDocuments() {
	const rows = await listed();
	const ids = new Set(rows.map((r) => r.id));
	for (const d of documents) {
		d.busy = false;
		d.id ??= rows.find((r) => r.name === d.name && !documents.some((x) => x.id === r.id))?.id ?? null;
		if (d.deleted === 'asked') {
			d.deleted = ids.has(d.id) ? 'no' : 'yes';
		}
		if (d.deleted === 'yes') {
			assert.ok(!ids.has(d.id), `${d.name} came back`);
			assert.equal((await operator('GET', `/v1/documents/${d.id}`)).status, 404, `${d.name} came back`);
		} else if (d.id) {
			await checkVersions(d);
		} else {
			assert.ok(d.versions.every((v) => v.state === 'asked'), `${d.name} is lost`);
		}
	}
	for (const r of rows) {
		assert.equal(documents.filter((d) => d.id === r.id).length, 1, `${r.name} was never uploaded`);
	}
}

async function checkTurns() {
	for (const t of turns) {
		if (!t.run) {
			await postTurn(t); // the same key: once in the conversation, whether it had come or not
		}
		const r = await operator('GET', `/v1/conversations/${t.conversation}/turns`, undefined, 'ann');
		assert.equal(r.status, 200, r.text);
		assert.deepEqual(r.json.turns.map((x) => x.input), [t.input], 'an acknowledged turn is lost or doubled');
		const { run } = r.json.turns[0];
		assert.equal(run.id, t.run);
		if (t.answer !== null) {
			assert.equal(run.state, 'completed');
			assert.ok(run.withheld || run.answer === t.answer, `an answer changed:\n${run.answer}\n${t.answer}`);
		}
	}
}

/** Which of these words one search finds. */
async function found(words) {
	const r = await operator('POST', '/v1/search', { query: words.join(' '), limit: 100 });
	assert.equal(r.status, 200, r.text);
	const shown = JSON.stringify(r.json.passages).toLowerCase(); // the answer names the question's words as well
	return words.filter((w) => shown.includes(w));
}

/** Of each document at most one version is found, and that one whole; of deleted ones nothing. */
async function checkFound(final) {
	for (const d of documents) {
		const words = d.versions.flatMap((v) => v.words);
		const hits = new Set(await found(words));
		const whole = d.versions.filter((v) => v.words.every((w) => hits.has(w)));
		const any = d.versions.filter((v) => v.words.some((w) => hits.has(w)));
		if (d.deleted === 'yes') {
			assert.equal(hits.size, 0, `${d.name}: words of a deleted document are found`);
			continue;
		}
		assert.equal(any.length, whole.length, `${d.name} is half-published: ${[...hits]} of ${words}`);
		assert.ok(whole.length <= 1, `${d.name}: ${whole.length} versions are found`);
		if (final && d.id) {
			const last = d.versions.filter((v) => v.state === 'durable').at(-1);
			assert.deepEqual(whole, [last], `${d.name}: its last version is not what is found`);
		}
	}
}

// A document whose reader was killed three times is given up, until somebody orders it again.
const KILLED = ['killed', 'sandbox_unavailable'];

async function jobsEnd({ again = false } = {}) {
	for (const end = Date.now() + 120000; ;) {
		const open = await Promise.all(['queued', 'running'].map((s) => operator('GET', `/v1/jobs?state=${s}&limit=5`)));
		if (open.every((r) => r.json.jobs.length === 0)) {
			break;
		}
		assert.ok(Date.now() < end, `jobs do not end: ${open.map((r) => r.text)}`);
		await pause(50);
	}
	const failed = await Promise.all(['failed', 'quarantined'].map(async (s) => (await operator('GET', `/v1/jobs?state=${s}`)).json.jobs));
	assert.deepEqual(failed.flat().filter((j) => again || !KILLED.includes(j.reason)), [], 'jobs are given up');
	await Promise.all(failed.flat().map((j) => operator('POST', `/v1/jobs/${j.id}/retry`)));
	return failed.flat().length === 0 || jobsEnd({ again: true });
}

async function runsEnd() {
	for (const t of turns) {
		const stream = await open(desk, 'GET', `/v1/runs/${t.run}/stream`, { as: 'ann' }).ready;
		await stream.done;
		const r = await operator('GET', `/v1/runs/${t.run}`, undefined, 'ann');
		assert.ok(['completed', 'partial', 'failed', 'cancelled'].includes(r.json.state), r.text);
	}
}

function checkPurged() {
	const holds = wordsInFiles(desk.data);
	const live = documents.filter((d) => d.deleted === 'no' && d.id).map((d) => d.versions.at(-1).words).flat();
	assert.ok(live.some(holds), 'words that are there are seen in the files: the test can fail');
	for (const d of documents.filter((x) => x.deleted === 'yes')) {
		const left = d.versions.flatMap((v) => v.words.map((w) => [v.state, w, holds(w)])).filter(([, , file]) => file);
		assert.deepEqual(left, [], `${d.name}: deleted, and still in a file`);
	}
}

/** Of each document that was there, and is, the version; of what was gone no word; all of it in order. */
async function checkBackup({ folder, live, gone }) {
	const data = `${folder}-restored`;
	const restored = await runCarrel(['restore', folder, '--data', data]);
	assert.equal(restored.status, 0, restored.stderr);
	const check = await runCarrel(['check', '--deep', '--data', data]);
	assert.equal(check.status, 0, check.stdout + check.stderr);
	const holds = wordsInFiles(data);
	assert.deepEqual(gone.flat().filter(holds), [], 'words of a deleted document are in a backup');
	const server = await startCarrel({ data });
	for (const { d, sha } of live.filter((x) => x.d.deleted === 'no')) {
		const r = await server.operator.get(`/v1/documents/${d.id}/versions`);
		assert.ok(r.status === 200 && r.text.includes(sha), `${d.name} is not in the backup: ${r.text}`);
	}
	await server.stop();
	[data, folder].forEach((name) => rmSync(name, { recursive: true }));
	return live.some((x) => x.d.deleted === 'no');
}

// ── the kills ──

/** The child of whichever of its threads; 0: none. */
function childOf(pid) {
	try {
		const lists = readdirSync(`/proc/${pid}/task`).map((thread) => readFileSync(`/proc/${pid}/task/${thread}/children`, 'latin1'));
		return Number(lists.join('').split(' ')[0]);
	} catch {
		return 0; // it ended meanwhile
	}
}

const zygoteOf = (server) => childOf(server.pid);

/** Those that read documents, one after the other: the server goes on, and so does what they were at. */
async function killReaders(stop) {
	for (const kind of ['child', 'zygote', 'child', 'child']) {
		for (let killed = false; !killed && !stop.now;) {
			const zygote = zygoteOf(desk.server);
			killed = zygote > 0 && kill(kind === 'zygote' ? zygote : childOf(zygote));
			kills[kind] += killed ? 1 : 0;
			await pause(killed ? random() * 100 : 1);
		}
	}
}

function kill(pid) {
	try {
		return pid > 0 && process.kill(pid, 'SIGKILL');
	} catch {
		return false;
	}
}

async function killOnce() {
	const stop = { now: false };
	const { pid } = desk.server;
	const all = Promise.all([...[1, 2, 3].map(() => work(stop)), killReaders(stop)]);
	await Promise.race([pause(20 + random() * 600), all]);
	stop.now = true;
	await desk.kill();
	kills.server++;
	await all;
	await allGone(pid);
	await desk.restart();
	watchSession(desk.server.pid);
	await checkDocuments();
	await checkTurns();
}

test('nothing acknowledged is lost over kills', { timeout: 3_600_000 }, async (t) => {
	console.log(`SEED=${SEED} KILLS=${KILLS}`);
	desk = await startDesk({ settings: { 'ingest-workers': 2, 'ingest-retry-ms': 50 }, command: IN_A_SESSION });
	t.after(() => desk.stop());
	watchSession(desk.server.pid);
	await addUser(desk, 'ann');
	const acl = [{ principal: 'workspace', right: 'read' }];
	collection = (await operator('POST', '/v1/collections', { name: 'kill', acl })).json.id;

	const killed = () => Object.values(kills).reduce((a, b) => a + b);
	for (let i = 0; killed() < KILLS; i++) {
		await killOnce();
		if (i % 3 === 2) {
			await checkFound(false);
		}
	}
	await jobsEnd();
	assert.ok(kill(zygoteOf(desk.server)));
	await upload();
	await jobsEnd({ again: true }); // another zygote reads it, in the same server
	await runsEnd();
	await checkDocuments();
	await checkTurns();
	await checkFound(true);
	const stop = { now: false };
	await Promise.all([work(stop), backup(stop).finally(() => (stop.now = true))]); // one that nobody kills
	assert.ok((await Promise.all(backups.map(checkBackup))).some(Boolean), 'the test can fail'); // an early one may hold nothing
	await jobsEnd({ again: true });
	await desk.server.stop();
	checkPurged();
	const check = await runCarrel(['check', '--deep', '--data', desk.data]);
	assert.equal(check.status, 0, check.stdout + check.stderr);
	console.log(`figure: killed ${JSON.stringify(kills)}; ${documents.length} documents; acknowledged ${JSON.stringify(orders)}; ${cut.backups} backups were cut off`);
	assert.ok(Object.values({ ...orders, ...kills }).every((n) => n > 0) || KILLS < 100, 'every kind of work was done, and killed');
});

test('while the zygote is killed again and again, what is uploaded is read, and no job is given up', { timeout: 120_000 }, async (t) => {
	const house = await startDesk({ settings: { 'ingest-workers': 2, 'ingest-retry-ms': 50 }, command: IN_A_SESSION });
	t.after(() => house.stop());
	watchSession(house.server.pid);
	const c = (await house.operator('POST', '/v1/collections', { name: 'again', acl: [{ principal: 'workspace', right: 'read' }] })).json.id;
	const seen = new Set();
	for (let i = 0; i < 10; i++) {
		await until(() => zygoteOf(house.server) > 0 && !seen.has(zygoteOf(house.server)), 'another zygote', 10_000);
		const zygote = zygoteOf(house.server);
		assert.ok(kill(zygote));
		seen.add(zygote);
		const r = await house.upload(null, c, `d${i}.md`, `The word is ${word('zy')}.`);
		assert.equal(r.status, 202, r.text);
		await until(async () => (await house.operator('GET', `/v1/documents/${r.json.documentId}`)).json.state === 'indexed', 'it is read', 20_000);
	}
	const given = await Promise.all(['failed', 'quarantined'].map(async (s) => (await house.operator('GET', `/v1/jobs?state=${s}`)).json.jobs));
	assert.deepEqual(given.flat(), []);
	assert.equal((await house.operator('GET', '/healthz')).json.status, 'ok');
	await house.server.stop();
	await allGone(house.server.pid);
});
