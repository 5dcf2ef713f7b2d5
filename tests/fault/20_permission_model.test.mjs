// Long: random people, groups, workspaces, documents, grants, revocations, deletions, re-uploads, renames and roles against a
// reference model (permission_model.mjs), while people ask. A canary word stands in every chunk, name, heading and title,
// and a fake model says its whole prompt: no canary reaches anybody who may not read it, a revocation holds at the next
// request, what is forbidden is the same bytes as what is absent, and everybody finds what he may read. The last fifth is
// asked of another server on a restored backup, which was made while the first one ran. QUERIES and SEED repeat a run: the
// seed decides what changes and what is asked in which order; how the requests of one step overlap is the machine's.
import test from 'node:test';
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { runCarrel, startCarrel, temporaryFolder, until } from '../flow/carrel.mjs';
import { startFakeModel } from '../flow/fake_model.mjs';
import { ask, operate } from '../flow/people.mjs';
import { seeded, SEED, wordsInFiles } from './house.mjs';
import { change } from './permission_changes.mjs';
import { House } from './permission_house.mjs';
import { learnAbsent, QUERIES as KINDS, SHARES } from './permission_queries.mjs';

const QUERIES = Number(process.env.QUERIES ?? 100_000);
const PER_CHANGE = 30; // queries beside each change: some of them about what just changed
const SIDE_BY_SIDE = 8;
const MIX = Object.entries(SHARES).flatMap(([kind, share]) => Array(share).fill(kind));

/** What is asked beside a change: each query with dice of its own, so that none depends on how they overlap. */
function plan(house, step) {
	const users = [...house.state.users.keys()];
	const taken = new Set(); // one answer at a time for each user
	return Array.from({ length: PER_CHANGE }, (_, i) => {
		const dice = seeded(SEED ^ Math.imul(step * PER_CHANGE + i + 1, 0x9e3779b1));
		const [kind, user] = [dice.pick(MIX), dice.pick(users)];
		const kept = ['turn', 'regenerate'].includes(kind) && (taken.has(user) || !taken.add(user)) ? 'history' : kind;
		const noted = [];
		return { house, user, dice, kind: kept, noted,
			conversations: (owner) => house.conversations(owner).map((c) => ({ ...c, turns: [...c.turns] })),
			noteCitations: (list) => noted.push(() => house.citations.splice(0, Math.max(0, house.citations.push(...list) - 300))),
			noteConversation: (c) => noted.push(() => house.conversations(user).push({ id: c.id, turns: [] })),
			note: (c, { turnSeq, runId }) => noted.push(() => noteRun(house.conversations(user).find((x) => x.id === c.id), turnSeq, runId)) };
	});
}

function noteRun(c, seq, run) {
	const turn = c?.turns.find((t) => t.seq === seq);
	turn ? turn.runs.push(run) : c?.turns.push({ seq, runs: [run] });
}

/** A change, and queries beside it. */
async function step(house, n) {
	const batch = plan(house, n);
	const left = [...batch];
	const lane = async () => {
		for (let q; (q = left.shift());) {
			await KINDS[q.kind](q);
		}
	};
	await Promise.all([change(house), ...Array.from({ length: SIDE_BY_SIDE }, lane)]);
	batch.forEach((q) => q.noted.forEach((note) => note()));
}

// ── open streams ──

/** Opens the stream of an answer that stands still half said: { user, ended: when }, or null if it was refused. */
async function openStream(house, user) {
	const c = (await house.as(user, 'POST', '/v1/conversations', {})).json.id;
	const run = await house.as(user, 'POST', `/v1/conversations/${c}/turns`, { input: `What is the code for ${house.keyOf(user)}?`, responseMode: 'model' });
	assert.equal(run.status, 202, run.text);
	const stream = { user, ended: null };
	await new Promise((begun) => {
		const onData = (bytes) => bytes.includes('assistant.delta') && begun();
		const end = ask(house.server, 'GET', run.json.streamUrl, { headers: house.bearer(user), onData });
		end.then(() => begun(stream.ended = performance.now()));
	});
	return stream.ended === null ? stream : null;
}

/** Whoever is disabled while he reads is cut off within a second; what a request takes meanwhile is the machine's. */
async function streamsEnd(house, fake) {
	fake.mode = 'stall';
	const users = house.changeable().filter(([name, u]) => !u.disabled && house.state.readable(name).length > 0).map(([name]) => name);
	const streams = (await Promise.all(users.map((user) => openStream(house, user)))).filter(Boolean);
	assert.ok(streams.length > 0, 'some answers are open');
	const slowest = { ms: 0 };
	for (const s of streams) {
		const url = `/v1/users/${house.ids.get(s.user)}`;
		const { workspace } = house.state.users.get(s.user);
		const r = await operate(house.server, 'PATCH', url, { disabled: true }, { workspace });
		assert.equal(r.status, 200, r.text);
		s.disabled = performance.now();
		slowest.ms = Math.max(slowest.ms, r.ms);
	}
	await until(() => streams.every((s) => s.ended !== null), () => `streams end: ${JSON.stringify(streams)}`, 10000);
	const longest = Math.max(...streams.map((s) => s.ended - s.disabled));
	console.log(`figure: ${streams.length} streams of disabled users ended within ${Math.round(longest)} ms`);
	assert.ok(longest <= 1000 + slowest.ms, `${longest} ms; a request took ${slowest.ms} ms`);
}

// ── the end ──

/** When the work in the background is done, the words of deleted documents are in no file. */
async function checkPurged(house) {
	const open = () => Promise.all(['default', 'other'].flatMap((workspace) => ['queued', 'running'].map((s) => operate(house.server, 'GET', `/v1/jobs?state=${s}&limit=1`, undefined, { workspace }))));
	await until(async () => (await open()).every((r) => r.json.jobs.length === 0), 'all jobs end', 60000);
	await stop(house.server);
	const holds = wordsInFiles(house.server.data);
	const live = [...house.state.documents.values()].flatMap((d) => d.parts.map((p) => p.canary));
	const left = new Set([...house.state.documents.keys()]);
	const gone = [...house.keys.values()].filter((k) => !left.has(k.document) && !house.state.attachments.has(k.document)).map((k) => k.canary);
	assert.ok(live.some(holds), 'words that are there are seen in the files: the test can fail');
	assert.deepEqual(gone.map((w) => [w, holds(w)]).filter(([, file]) => file), [], 'words of deleted documents are still in a file');
}

async function stop(server) {
	server.child.kill('SIGTERM');
	const exit = await server.ended;
	assert.equal(exit.status, 0, server.log.slice(-2000));
}

/** The data folder that a backup of the running server makes. */
async function backedUp(server) {
	const data = temporaryFolder();
	const folder = path.join(server.data, '..', `${path.basename(data)}-backup`);
	for (const args of [['backup', folder, '--data', server.data], ['restore', folder, '--data', data]]) {
		const r = await runCarrel(args);
		assert.equal(r.status, 0, `${args[0]}: ${r.stderr}`);
	}
	rmSync(folder, { recursive: true });
	return data;
}

test('no canary reaches anybody who may not read it', { timeout: 7_200_000 }, async (t) => {
	console.log(`SEED=${SEED} QUERIES=${QUERIES}`);
	const fake = await startFakeModel({ mode: 'echo' });
	const settings = { 'model-url': fake.url, 'model-name': 'echo', 'model-context': 4096, 'source-tokens': 1000, 'http-workers': 4 };
	const servers = [await startCarrel({ settings })];
	t.after(() => Promise.all(servers.map((s) => s.stop())).finally(() => fake.close()));
	const house = new House(servers[0], SEED);
	await house.populate();
	await learnAbsent(house, 'uma');
	for (let n = 0; house.stats.queries < QUERIES; n++) {
		if (servers.length === 1 && house.stats.queries > QUERIES * 0.8) {
			const data = await backedUp(servers[0]);
			await stop(servers[0]);
			house.server = await startCarrel({ settings, data });
			house.server.ownsData = true;
			servers.push(house.server);
		}
		await step(house, n);
		fake.requests.length = 0;
	}
	console.log(`figure: ${JSON.stringify(house.stats)}`);
	await streamsEnd(house, fake);
	await checkPurged(house);
	assert.ok(house.stats.shown > QUERIES / 10, 'readable canaries were shown: the test can fail');
	if (QUERIES >= 50_000) {
		assert.ok(Object.values(house.stats).every((n) => n > 0), `every kind of answer was seen: ${JSON.stringify(house.stats)}`);
	}
});
