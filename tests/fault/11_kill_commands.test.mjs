// SIGKILLs of commands that work without a server, and of a change of the embedder: run again, each goes on where it
// was and completes; until then the old index serves. KILLS_EACH and SEED repeat a run.
import test from 'node:test';
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import http from 'node:http';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pause, startCarrel, temporaryFolder } from '../flow/carrel.mjs';
import { allGone, complete, IN_A_SESSION, seeded, SEED, startCommand, watchSession } from './house.mjs';

const KILLS = Number(process.env.KILLS_EACH ?? 6); // of each; from 8 in one step on a job is given up
const FILES = 40;
const { random, word, prose } = seeded(SEED);
console.log(`SEED=${SEED} KILLS_EACH=${KILLS}`);

const root = temporaryFolder('carrel-fault-');
const data = path.join(root, 'data');
const library = path.join(root, 'library');
test.after(() => rmSync(root, { recursive: true, force: true }));

// Four parts a file, a word of its own in each.
const words = Array.from({ length: FILES }, () => Array.from({ length: 4 }, () => word('zq')));
mkdirSync(path.join(library, 'deeper'), { recursive: true });
words.forEach((four, i) => {
	const parts = four.map((w, k) => `# Part ${k + 1}\n\nThe word here is ${w}. ${Array.from({ length: 14 }, () => `${prose(11)}.`).join(' ')}\n`);
	writeFileSync(path.join(library, i % 3 ? `n${i}.md` : `deeper/n${i}.md`), parts.join('\n'));
});

/** Starts the command KILLS times, kills it at some moment, and lets it run to its end. */
async function killedOnTheWay(args, longest_ms, options) {
	let late = 0;
	for (let i = 0; i < KILLS; i++) {
		const { child, ended } = startCommand(args, options);
		await Promise.race([pause(5 + random() * longest_ms), ended]);
		child.kill('SIGKILL');
		const out = await ended;
		late += out.status === 0 ? 1 : 0;
		assert.ok(out.status === 0 || out.signal === 'SIGKILL', `it ended with ${out.status}: ${out.stderr}`);
		await allGone(child.pid);
	}
	assert.ok(late < KILLS || KILLS === 0, 'at least one was killed before its end');
	return complete(args, options);
}

/** Every word is found in its own file, with one search a file. */
async function checkFound(client, what) {
	for (const four of words) {
		const r = await client.post('/v1/search', { query: four.join(' '), limit: 20 });
		assert.equal(r.status, 200, r.text);
		assert.equal(r.json.vectorError, undefined, `${what}: ${r.text.slice(-300)}`);
		const shown = JSON.stringify(r.json.passages); // the answer names the question's words as well
		assert.deepEqual(four.filter((w) => !shown.includes(w)), [], `${what}: words are not found`);
	}
}

async function withServer(settings, work) {
	const server = await startCarrel({ data, settings, command: IN_A_SESSION });
	watchSession(server.pid);
	await work(server.operator, server);
	await server.stop();
	await allGone(server.pid);
}

const checkFolder = (options) => complete(['check', '--deep', '--data', data], options);

test('ingest without a server goes on after each kill', { timeout: 200_000 }, async () => {
	const args = ['ingest', library, '--collection', 'killed', '--acl', 'workspace:read', '--data', data];
	const { stdout } = await killedOnTheWay([...args, '--json'], 900);
	const summary = JSON.parse(stdout.trim().split('\n').at(-1)).summary;
	assert.equal(summary.done + summary.skipped, FILES, stdout);
	const again = JSON.parse((await complete([...args, '--json'])).stdout.trim().split('\n').at(-1)).summary;
	assert.equal(again.skipped, FILES, JSON.stringify(again));
	await withServer({}, async (operator) => {
		const { json } = await operator.get('/v1/documents?limit=200');
		assert.equal(json.documents.length, FILES, 'no document came twice');
		await checkFound(operator, 'after ingest');
	});
	await checkFolder();
});

test('reindex --all without a server goes on after each kill', { timeout: 200_000 }, async () => {
	await killedOnTheWay(['reindex', '--all', '--data', data], 700);
	await withServer({}, (operator) => checkFound(operator, 'after reindex'));
	await checkFolder();
});

// ── another embedder ──

/** An /embeddings that takes its time: { url, texts: how many it embedded, queries, close() }. */
async function startEmbeddings() {
	const fake = { texts: 0, seen: [] };
	const embed = (text) => [...createHash('sha512').update(text).digest()].map((byte) => byte / 128 - 1);
	const server = http.createServer(async (req, res) => {
		const parts = [];
		for await (const part of req) {
			parts.push(part);
		}
		const { input } = JSON.parse(Buffer.concat(parts).toString());
		const inputs = Array.isArray(input) ? input : [input];
		fake.texts += inputs.length;
		fake.seen.push(...inputs);
		await pause(40);
		const rows = inputs.map((text, index) => ({ object: 'embedding', index, embedding: embed(text) }));
		res.writeHead(200, { 'content-type': 'application/json' });
		res.end(JSON.stringify({ object: 'list', model: 'fake', data: rows, usage: { prompt_tokens: 1, total_tokens: 1 } }));
	});
	await new Promise((done) => server.listen(0, '127.0.0.1', done));
	fake.url = `http://127.0.0.1:${server.address().port}/v1`;
	fake.close = () => {
		server.closeAllConnections?.();
		server.close();
	};
	return fake;
}

test('a new embedder serves when it is complete, however often it was killed', { timeout: 200_000 }, async (t) => {
	const fake = await startEmbeddings();
	t.after(() => fake.close());
	const env = { CARREL_EMBED_URL: fake.url, CARREL_EMBED_MODEL: 'fake' };
	const settings = { 'embed-url': fake.url, 'embed-model': 'fake' };
	const serves = async (operator) => {
		const query = word('zq');
		await operator.post('/v1/search', { query });
		return fake.seen.some((text) => text.includes(query)) ? 'openai' : 'builtin';
	};

	// Begun and killed: the old one serves, and a server goes on with the job by itself.
	const { child, ended } = startCommand(['reindex', '--embedder', 'openai', '--data', data], { env });
	while (fake.texts === 0) {
		await pause(5);
	}
	child.kill('SIGKILL');
	await ended;
	await allGone(child.pid);
	const { stdout } = await killedOnTheWay(['reindex', '--embedder', 'openai', '--data', data, '--json'], 500, { env });
	assert.ok(JSON.parse(stdout.trim().split('\n').at(-1)), stdout);
	await withServer(settings, async (operator) => {
		await checkFound(operator, 'after a new embedder');
		assert.equal(await serves(operator), 'openai');
	});
	await checkFolder({ env });

	// Back again in a server that is killed: it needs no order to go on.
	const ask = { embedder: 'builtin' };
	await withServer(settings, async (operator) => {
		assert.equal((await operator.post('/v1/reindex', ask)).status, 202);
	});
	for (let i = 0; i < KILLS; i++) {
		const server = await startCarrel({ data, settings, command: IN_A_SESSION });
		watchSession(server.pid);
		await checkFound(server.operator, 'while it is embedded anew');
		if (random() < 0.5) {
			assert.equal((await server.operator.post('/v1/reindex', ask)).status, 202);
		}
		await pause(random() * 300);
		await server.kill();
		await allGone(server.pid);
	}
	await withServer(settings, async (operator) => {
		await jobsEnd(operator);
		await checkFound(operator, 'after the embedder of before');
		assert.equal(await serves(operator), 'builtin');
	});
	await checkFolder({ env });
});

async function jobsEnd(operator) {
	for (const end = Date.now() + 60000; ;) {
		const open = await Promise.all(['queued', 'running'].map((s) => operator.get(`/v1/jobs?state=${s}&limit=5`)));
		if (open.every((r) => r.json.jobs.length === 0)) {
			break;
		}
		assert.ok(Date.now() < end, `jobs do not end: ${open.map((r) => r.text)}`);
		await pause(20);
	}
	for (const state of ['failed', 'quarantined']) {
		assert.deepEqual((await operator.get(`/v1/jobs?state=${state}`)).json.jobs, [], `jobs are ${state}`);
	}
}
