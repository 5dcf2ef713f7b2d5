// The server is killed at the k-th call that changes a file or a name, or makes such a change durable, of one cycle of
// uploading, publishing, asking and deleting; and the same with all taken back that was not synced yet, as a power failure
// may. What was acknowledged is there after a start, what was deleted is not, nothing is half there. POWER_TRIALS of each,
// spread over the calls and repeated by SEED; as many as there are calls: at every one.
import test from 'node:test';
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { runCarrel, startCarrel, temporaryFolder, until } from '../flow/carrel.mjs';
import { allGone, IN_A_SESSION, seeded, SEED, watchSession } from './house.mjs';
import { Power } from './power.mjs';

const TRIALS = Number(process.env.POWER_TRIALS ?? 10); // of each kind; more than there are calls: every k
const { word, prose, below, random } = seeded(SEED);
const folder = temporaryFolder('carrel-power-');
const data = path.join(folder, 'data');
const power = new Power(data, path.join(folder, 'power'));
const ann = { 'x-carrel-as': 'ann' };
let server, collection, conversation;

test.after(async () => {
	await server?.kill();
	power.close();
	rmSync(folder, { recursive: true, force: true });
});

// What the outside knows. A document is 'asked' for, 'there', or its deletion is 'unsure', and then it is 'gone'.
const documents = new Map(); // word -> { id, state }
const inputs = []; // of turns that were acknowledged
const titles = new Map(); // of conversations

const LOST = ['ECONNRESET', 'ECONNREFUSED', 'EPIPE', 'ENOENT'];
const textWith = (w) => Array.from({ length: 3 }, (_, i) => `# Part ${i + 1}\n\nThe word is ${w}${i}. ${prose(40)}.\n`).join('\n');

async function start() {
	server = await startCarrel({ data, env: power.env, settings: { 'ingest-retry-ms': 20 }, command: IN_A_SESSION });
	watchSession(server.pid);
}

const done = (r, status) => assert.equal(r.status, status, r.text);

async function cycle() {
	const { operator } = server;
	const w = word('zq');
	documents.set(w, { id: null, state: 'asked' });
	let r = await operator.upload(collection, `${w}.md`, textWith(w));
	done(r, 202);
	documents.set(w, { id: r.json.documentId, state: 'there' });
	await operator.events(`/v1/jobs/${r.json.jobId}/stream`);
	r = await operator.post('/v1/conversations', { title: w }, ann);
	done(r, 201);
	titles.set(r.json.id, w);
	r = await operator.post(`/v1/conversations/${conversation}/turns`, { input: `What is the word ${w}?` }, ann);
	done(r, 202);
	inputs.push(`What is the word ${w}?`);
	await operator.get(r.json.streamUrl, ann);
	const [old, d] = [...documents].find(([, x]) => x.state === 'there');
	documents.set(old, { ...d, state: 'unsure' });
	r = await operator.delete(`/v1/documents/${d.id}`);
	done(r, 202);
	documents.set(old, { ...d, state: 'gone' });
	await operator.events(`/v1/jobs/${r.json.jobId}/stream`);
}

async function found(w) {
	const { json } = await server.operator.post('/v1/search', { query: [0, 1, 2].map((i) => w + i).join(' '), limit: 20 });
	return [0, 1, 2].filter((i) => json.passages.some((p) => p.text.includes(w + i))).length;
}

async function everythingHolds(what) {
	const { operator } = server;
	const jobs = async (state) => (await operator.get(`/v1/jobs?state=${state}&limit=5`)).json.jobs;
	await until(async () => (await jobs('queued')).length + (await jobs('running')).length === 0, `${what}: all jobs end`, 60000);
	assert.deepEqual([...await jobs('failed'), ...await jobs('quarantined')], [], what);
	const listed = new Map((await operator.get('/v1/documents?limit=200')).json.documents.map((d) => [d.name.replace('.md', ''), d]));
	for (const [w, d] of documents) {
		const isThere = listed.has(w);
		assert.ok(d.state !== 'there' || isThere, `${what}: ${w} was acknowledged and is lost`);
		assert.ok(d.state !== 'gone' || !isThere, `${what}: ${w} was deleted and is back`);
		assert.equal(await found(w), isThere ? 3 : 0, `${what}: ${w} (${d.state}) is half there`);
		isThere ? documents.set(w, { id: listed.get(w).id, state: 'there' }) : documents.delete(w);
	}
	const all = (await operator.get(`/v1/conversations/${conversation}/turns?limit=100`, ann)).json.turns;
	assert.deepEqual(inputs.filter((x) => !all.some((t) => t.input === x)), [], `${what}: a question was acknowledged and is lost`);
	const mine = (await operator.get('/v1/conversations?limit=100', ann)).json.conversations;
	assert.deepEqual([...titles].filter(([id, title]) => !mine.some((c) => c.id === id && c.title === title)), [], `${what}: a conversation is lost`);
	await clear();
}

/** So that what there is stays as much, however often something fails. */
async function clear() {
	const { operator } = server;
	for (const [w, d] of [...documents].slice(5)) {
		done(await operator.delete(`/v1/documents/${d.id}`), 202);
		documents.delete(w);
	}
	await operator.delete(`/v1/conversations/${conversation}`, ann);
	conversation = (await operator.post('/v1/conversations', {}, ann)).json.id;
	inputs.length = 0;
	for (const id of titles.keys()) {
		await operator.delete(`/v1/conversations/${id}`, ann);
	}
	titles.clear();
}

async function countCalls() {
	power.arm(0);
	await cycle();
	const n = power.calls;
	power.disarm();
	return n;
}

/** How many changes were taken back. */
async function failAt(k, isPower, what) {
	power.arm(k);
	await cycle().catch((error) => {
		assert.ok(LOST.includes(error.code), `${what}: ${error.stack}`);
	});
	server.kill(); // a cycle may end before its k-th call
	await server.ended;
	await allGone(server.pid);
	const n = isPower ? power.takeBack() : 0;
	power.disarm();
	await start();
	await everythingHolds(what);
	return n;
}

test('a kill, or a power failure, at any call loses nothing', { timeout: 7_200_000 }, async () => {
	console.log(`SEED=${SEED} POWER_TRIALS=${TRIALS}`);
	await start();
	const acl = [{ principal: 'workspace', right: 'read' }];
	collection = (await server.operator.post('/v1/collections', { name: 'c', acl })).json.id;
	done(await server.operator.post('/v1/users', { name: 'ann' }), 201);
	conversation = (await server.operator.post('/v1/conversations', {}, ann)).json.id;
	await cycle();
	const n = await countCalls();
	assert.ok(n > 0, 'calls are counted');
	const counts = { kill: 0, 'power failure': 0 };
	let undone = 0;
	for (const kind of Object.keys(counts)) {
		const step = Math.max(1, n / TRIALS);
		for (let k = 1 + random() * (step - 1); k <= n; k += step) {
			undone += await failAt(Math.floor(k), kind === 'power failure', `${kind} at ${Math.floor(k)} of ${n}`);
			counts[kind]++;
		}
	}
	await cycle();
	await everythingHolds('after');
	await server.stop();
	const check = await runCarrel(['check', '--deep', '--data', data]);
	assert.equal(check.status, 0, check.stdout + check.stderr);
	console.log(`figure: ${JSON.stringify(counts)} at ${n} calls of a cycle; ${undone} changes taken back`);
	assert.ok(undone > 0 || TRIALS < 10, 'something was not synced: the test can fail');
});
