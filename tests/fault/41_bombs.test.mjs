// Small files that want to be large, slow or deep: each ends with its reason within its limits, the server and its
// zygote stay, and other people's documents go on meanwhile.
import test from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { startCarrel } from '../flow/carrel.mjs';
import * as bombs from './bombs.mjs';
import { IN_A_SESSION, processesOf, watchSession } from './house.mjs';

const CPU_S = 3, STALL_S = 10, MEMORY_MB = 256;
const BOMBS = [
	['inflating.pdf', bombs.inflatingPdf, ['out_of_cpu', 'out_of_memory', 'over_limit', 'stalled']],
	['endless.pdf', bombs.endlessPdf, ['out_of_cpu', 'stalled']],
	['inflating.docx', bombs.inflatingDocx, ['over_limit']],
	['nested.docx', bombs.nestedDocx, [null, 'over_limit']],
	['deep.docx', bombs.deepDocx, ['over_limit']],
	['square.docx', bombs.squareDocx, ['over_limit']],
	['laughing.docx', bombs.laughingDocx, ['refused_file']],
	['parts.docx', bombs.manyParts, ['over_limit']],
];

const peakMb = (pid) => Number(readFileSync(`/proc/${pid}/status`, 'utf8').match(/VmHWM:\s+(\d+)/)[1]) / 1024;

test('bombs end with their reason, and others go on', { timeout: 280_000 }, async (t) => {
	const server = await startCarrel({ command: IN_A_SESSION, settings: { 'ingest-workers': 2, 'ingest-cpu-s': CPU_S, 'ingest-stall-s': STALL_S,
		'ingest-memory-mb': MEMORY_MB, 'ocr-languages': '', 'external-command': 'off' } });
	t.after(() => server.stop());
	watchSession(server.pid);
	const zygotes = () => processesOf(server.pid).filter((p) => p.name.startsWith('carrel-zygote')).map((p) => p.pid);
	const before = zygotes();
	const admin = await server.bootstrap();
	const eve = await server.createUser(admin, 'eve'), ben = await server.createUser(admin, 'ben');
	for (const [name, owner] of [['eves', 'eve'], ['bens', 'ben']]) {
		const made = await admin.post('/v1/collections', { name, acl: [{ principal: `user:${owner}`, right: 'own' }] });
		assert.equal(made.status, 201, made.text);
	}
	const sent = async (user, collection, name, bytes) => {
		const r = await user.upload(collection, name, bytes);
		assert.equal(r.status, 202, r.text);
		return r.json.jobId;
	};
	const jobs = [];
	const from = performance.now();

	for (const [name, make] of BOMBS) {
		const bytes = make();
		assert.ok(bytes.length < 8 << 20, `${name} has ${bytes.length} bytes`);
		jobs.push({ name, size: bytes.length, id: await sent(eve, 'eves', name, bytes) });
	}
	// Sent when the queue is full of bombs: fairness lets them through, since each has an end.
	const good = [];
	for (let i = 0; i < 5; i++) {
		good.push(await sent(ben, 'bens', `note-${i}.md`, `# Note ${i}\n\nThe ferry of berth ${i} leaves at noon.\n`));
	}
	for (const id of good) {
		assert.equal((await ben.jobEnd(id)).state, 'done');
	}
	const open = (await server.counts()).jobs;
	console.log(`figure: ${good.length} notes indexed after ${((performance.now() - from) / 1000).toFixed(1)} s, with ${open.queued + open.running} bombs still to come`);
	for (const job of jobs) {
		const end = await eve.jobEnd(job.id);
		const wanted = BOMBS.find(([name]) => name === job.name)[2];
		console.log(`figure: ${job.name}, ${job.size} bytes: ${end.state} ${end.reason ?? ''}`);
		assert.ok(wanted.includes(end.reason ?? null), `${job.name}: ${end.state}, ${end.reason}: ${end.message}`);
		assert.equal(end.state, end.reason ? 'failed' : 'done');
	}
	assert.deepEqual(zygotes(), before, 'the zygote is the same');
	assert.deepEqual(processesOf(server.pid).filter((p) => /^carrel-(extract|render)/.test(p.name)), [], 'no child is left');
	assert.ok(peakMb(server.pid) < 150, `${peakMb(server.pid)} MB`);
});
