// A full disk: what needs space is refused with 507, what was acknowledged stays, reading goes on; with space again
// everything goes on without a restart and without an order. People can delete all the while. Needs the right to mount a small tmpfs, else it is skipped.
import test from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, openSync, rmSync, statfsSync, unlinkSync, writeSync } from 'node:fs';
import path from 'node:path';
import { PASSWORD, runCarrel, startCarrel, temporaryFolder, until } from '../flow/carrel.mjs';
import { seeded, SEED } from './house.mjs';

const DISK = '48m';
const { word, prose, below } = seeded(SEED);
const folder = temporaryFolder('carrel-full-');
const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${DISK}`, 'tmpfs', folder]).status === 0;
const filler = path.join(folder, 'filler');

test.after(() => {
	if (mounted) {
		spawnSync('umount', ['-l', folder]);
	}
	rmSync(folder, { recursive: true, force: true });
});

/** Takes all the space there is but so many bytes. */
function fill(leave = 0) {
	const fd = openSync(filler, 'a');
	const block = Buffer.alloc(4096, 1);
	const { bavail, bsize } = statfsSync(folder);
	try {
		for (let left = bavail * bsize - leave; left > 0; left -= block.length) {
			writeSync(fd, block);
		}
	} catch (error) {
		assert.equal(error.code, 'ENOSPC');
	}
	closeSync(fd);
}

function textWith(w) {
	return Array.from({ length: 6 }, (_, i) => `# Part ${i + 1}\n\nThe word is ${w}${i}. ${Array.from({ length: 10 + below(20) }, () => `${prose(12)}.`).join(' ')}\n`).join('\n');
}

function assertFull(r, what) {
	assert.equal(r.status, 507, `${what}: ${r.status} ${r.text}`);
	assert.equal(r.json.error.type, 'insufficient_storage', r.text);
	assert.match(r.json.error.message, /no space left/);
	assert.ok(!r.text.includes(folder), 'it tells no path');
}

test('a full disk loses nothing, and what was accepted goes on when there is space again', { timeout: 200_000 }, async (t) => {
	if (!mounted) {
		t.skip('no tmpfs can be mounted here: the full disk is not tested');
		return;
	}
	console.log(`SEED=${SEED}`);
	const data = path.join(folder, 'data');
	const server = await startCarrel({ data, settings: { 'ingest-retry-ms': 20 } });
	t.after(() => server.stop());
	const { operator } = server;
	assert.equal((await operator.post('/v1/users', { name: 'zoe', password: PASSWORD, role: 'admin' })).status, 201);
	const acl = [{ principal: 'workspace', right: 'read' }, { principal: 'user:zoe', right: 'own' }];
	const collection = (await operator.post('/v1/collections', { name: 'full', acl })).json.id;
	assert.equal((await operator.post('/v1/users', { name: 'ann' })).status, 201);
	assert.equal((await (await server.signIn('zoe')).post('/v1/conversations', {})).status, 201);
	const ann = { 'x-carrel-as': 'ann' };
	const conversation = (await operator.post('/v1/conversations', {}, ann)).json.id;
	const accepted = []; // a word of each
	const upload = async () => {
		const w = word('zq');
		const r = await operator.upload(collection, `${w}.md`, textWith(w));
		if (r.status === 202) {
			accepted.push(w);
		}
		return r;
	};
	const found = async (w) => (await operator.post('/v1/search', { query: `${w}1`, limit: 5 })).json.passages.some((p) => p.text.includes(w));
	const jobs = async (state) => (await operator.get(`/v1/jobs?state=${state}&limit=200`)).json.jobs;

	// Some are there before; then the disk fills up while more arrive.
	for (let i = 0; i < 5; i++) {
		assert.equal((await upload()).status, 202);
	}
	await until(() => found(accepted[4]), 'the first documents are found', 20000);
	fill(600 * 1024);
	let last;
	for (let i = 0; i < 500; i++) {
		last = await upload();
		if (last.status !== 202) {
			break;
		}
	}
	assertFull(last, 'an upload');
	fill();
	assertFull(await upload(), 'another upload');
	assertFull(await operator.upload(collection, 'large.md', 'x'.repeat(3_000_000)), 'a large upload');

	// Reading goes on. So much is written that what was free inside the database is used up.
	let refused = null;
	for (let i = 0; i < 3000 && !refused; i++) {
		const r = await operator.post('/v1/conversations', { title: prose(20) }, ann);
		assert.ok([201, 507].includes(r.status), r.text);
		refused = r.status === 507 ? r : null;
	}
	assertFull(refused, 'a conversation');
	assertFull(await operator.post(`/v1/conversations/${conversation}/turns`, { input: prose(1000) }, ann), 'a turn');
	assert.equal((await operator.get('/healthz')).status, 200);
	assert.equal((await operator.get('/v1/documents?limit=200')).json.documents.length, accepted.length);
	assert.ok(await found(accepted[0]));
	assert.equal(server.exit, null, 'it is still there');

	// So does deleting: people sign in, what they delete is gone at once, its files are freed, and nothing large comes in.
	assert.equal((await operator.post('/v1/users', { name: 'ben', password: PASSWORD, role: 'admin' })).status, 507);
	const zoe = await server.signIn('zoe');
	const victims = accepted.splice(0, 4);
	for (const w of victims) {
		const { documents } = (await zoe.get(`/v1/documents?q=${w}`)).json;
		const r = await zoe.delete(`/v1/documents/${documents[0].id}`);
		assert.equal(r.status, 202, `deleting on a full disk: ${r.text}`);
		assert.ok(!(await found(w)), `${w} was deleted`);
	}
	assert.equal((await zoe.delete(`/v1/conversations/${(await zoe.get('/v1/conversations')).json.conversations[0].id}`)).status, 204);
	assertFull(await upload(), 'an upload while there is only the reserve');
	const purges = async () => (await jobs('queued')).concat(await jobs('running')).filter((j) => j.kind === 'purge');
	await until(async () => (await purges()).length === 0, 'the purges end', 60000);

	// Space again: nobody has to do anything.
	unlinkSync(filler);
	await until(async () => (await jobs('queued')).length + (await jobs('running')).length === 0, 'all jobs end', 90000);
	for (const state of ['failed', 'quarantined']) {
		assert.deepEqual(await jobs(state), [], `jobs are ${state}`);
	}
	assert.equal((await upload()).status, 202);
	for (const w of accepted) {
		await until(() => found(w), `${w} is found`, 20000);
	}
	const turn = await operator.post(`/v1/conversations/${conversation}/turns`, { input: 'What is the word of part 1?' }, ann);
	assert.equal(turn.status, 202, turn.text);
	const run = await operator.get(turn.json.streamUrl, ann);
	assert.match(run.text, /event: assistant.completed/);
	console.log(`${accepted.length} documents accepted`);
	await server.stop();
	const check = await runCarrel(['check', '--deep', '--data', data]);
	assert.equal(check.status, 0, check.stdout + check.stderr);
});
