// `carrel backup` of a server that goes on working, and `carrel restore`: the same answers for the same people, all that was
// acknowledged before it began and nothing of what was deleted before; and everything that is refused. SEED repeats a run.
import test from 'node:test';
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { runCarrel, startCarrel, temporaryFolder, until } from './carrel.mjs';
import { makePdf, seeded, SEED } from '../fault/house.mjs';

const { word, prose, pick } = seeded(SEED);
console.log(`SEED=${SEED}`);
const root = temporaryFolder('carrel-backup-');
const data = path.join(root, 'data');
const folder = path.join(root, 'backup');
const readers = { hr: 'hanna', sales: 'sven' };
const documents = []; // { id, name, word, text, group, deleted: 'no' | 'asked' | 'yes' }
let server, count = 0;
const others = [];
test.after(async () => {
	others.forEach((other) => other.kill());
	await Promise.all([server?.stop(), ...others.map((other) => other.ended)]);
	rmSync(root, { recursive: true, force: true });
});

const carrel = (...args) => runCarrel([...args, '--data', data]);
const inside = (at) => readdirSync(at, { recursive: true, withFileTypes: true }).filter((f) => f.isFile()).map((f) => path.join(f.path, f.name));
/** The index keeps stems, and prefixes once: a word without its ends. */
const core = (w) => w.slice(4, 11);
const as = (at, name) => ({ post: (url, body) => at.operator.post(url, body, { 'x-carrel-as': name }), get: (url) => at.operator.get(url, { 'x-carrel-as': name }) });

async function made(r, status = 201) {
	assert.equal(r.status, status, r.text);
	return r.json;
}

const collections = {};
async function upload(group = pick(Object.keys(readers)), at = server) {
	const d = { name: `n${count++}.md`, word: word('zq'), group, deleted: 'no' };
	d.text = `# A note\n\nThe word of this note is ${d.word}. ${Array.from({ length: 12 }, () => `${prose(12)}.`).join(' ')}\n`;
	const r = await made(await at.operator.upload(collections[group], d.name, d.text), 202);
	documents.push(Object.assign(d, { id: r.documentId, job: r.jobId }));
	return d;
}

async function remove(d) {
	d.deleted = 'asked';
	await made(await server.operator.delete(`/v1/documents/${d.id}`), 202);
	d.deleted = 'yes';
}

async function ask(at, name, question) {
	const c = await made(await as(at, name).post('/v1/conversations', {}));
	const run = await made(await as(at, name).post(`/v1/conversations/${c.id}/turns`, { input: question }), 202);
	await at.operator.events(run.streamUrl, { headers: { 'x-carrel-as': name } });
	return { conversation: c.id, run: await made(await as(at, name).get(`/v1/runs/${run.runId}`), 200) };
}

/** Uploads, deletes, asks and orders new chunks, until told to stop. */
async function work(stop, done) {
	while (!stop.now) {
		const d = await upload();
		await server.operator.jobEnd(d.job);
		await ask(server, readers[d.group], `What is the word of the note ${d.word}?`);
		await remove(await upload());
		await made(await server.operator.post('/v1/reindex', { collection: collections[d.group], all: true }), 202);
		done.rounds++;
	}
}

const found = async (at, name, w) => {
	const r = await made(await as(at, name).post('/v1/search', { query: w, limit: 3 }), 200);
	return JSON.stringify(r.passages).includes(w);
};

let before; // what was acknowledged when the backup was ordered
const people = Object.values(readers);

test('a backup of a server that goes on working', { timeout: 120_000 }, async () => {
	server = await startCarrel({ data, settings: { 'ingest-workers': 2 } });
	writeFileSync(path.join(data, 'carrel.ini'), 'answer-tokens = 333\n');
	for (const [group, name] of Object.entries(readers)) {
		await made(await server.operator.post('/v1/users', { name }));
		collections[group] = (await made(await server.operator.post('/v1/collections', { name: group, acl: [{ principal: `user:${name}`, right: 'read' }] }))).id;
	}
	for (let i = 0; i < 24; i++) {
		await upload();
	}
	await made(await server.operator.upload(collections.hr, 'pages.pdf', makePdf([['A page about larches.'], ['And one about oaks.']])), 202);
	await Promise.all(documents.map((d) => server.operator.jobEnd(d.job)));
	const asked = documents.find((d) => d.group === 'hr');
	const chat = await ask(server, 'hanna', `What is the word of the note ${asked.word}?`);
	const stop = { now: false }, done = { rounds: 0 };
	const busy = Promise.all([work(stop, done), work(stop, done)]);
	await until(() => done.rounds > 0, 'the work goes on', 60000);
	// many purges stand in the queue when it begins
	for (let i = 0; i < 8; i++) {
		await remove(documents.find((d) => d.deleted === 'no' && d !== asked));
	}
	before = { chat, documents: documents.map((d) => ({ ...d })) };
	const rounds = done.rounds;
	const r = await carrel('backup', folder, '--json');
	stop.now = true;
	await busy;
	assert.equal(r.status, 0, r.stderr);
	const said = JSON.parse(r.stdout);
	console.log(`figure: ${said.files} files, ${said.bytes} bytes in ${said.ms} ms beside ${done.rounds - rounds} rounds of work`);
	assert.equal(said.missing, 0);
	assert.equal(said.folder, folder);
	assert.equal(inside(folder).length, said.files + 1, 'its files, and their list');
	assert.equal(said.bytes, inside(folder).filter((f) => path.basename(f) !== 'manifest').reduce((sum, f) => sum + statSync(f).size, 0));
	assert.ok(!existsSync(`${folder}.partial`));
	assert.deepEqual([statSync(folder).mode & 0o777, new Set(inside(folder).map((f) => statSync(f).mode & 0o777))], [0o700, new Set([0o600])]);
});

test('nothing in it of what was deleted before', () => {
	const files = inside(folder).map((f) => readFileSync(f));
	const holds = (w) => files.some((bytes) => bytes.includes(core(w)));
	const gone = before.documents.filter((d) => d.deleted === 'yes');
	assert.ok(gone.length >= 8 && before.documents.some((d) => d.deleted === 'no' && holds(d.word)), 'the test can fail');
	assert.deepEqual(gone.filter((d) => holds(d.word)).map((d) => d.name), []);
});

/** The server on a restored folder knows what was acknowledged, and shows it to those who may read it. */
async function checkRestored(at, label) {
	let n = 0;
	for (const d of before.documents) {
		for (const name of people) {
			const mine = readers[d.group] === name && d.deleted === 'no';
			// what was asked to go, and what came and went while it was made, may be there or not
			const now = documents.find((x) => x.id === d.id);
			if (d.deleted !== 'asked' && (now.deleted === 'no' || d.deleted === 'yes')) {
				assert.equal(await found(at, name, d.word), mine, `${label}: ${name} finds ${d.name}, ${d.deleted}`);
				const r = await as(at, name).get(`/v1/documents/${d.id}/content`);
				assert.deepEqual([r.status, r.status === 200 && r.text], mine ? [200, d.text] : [404, false], label);
				n += mine ? 1 : 0;
			}
		}
	}
	assert.ok(n > 5, 'the test can fail');
	const turns = await made(await as(at, 'hanna').get(`/v1/conversations/${before.chat.conversation}/turns`), 200);
	assert.equal(turns.turns[0].run.answer, before.chat.run.answer, label);
	assert.equal((await as(at, 'sven').get(`/v1/conversations/${before.chat.conversation}/turns`)).status, 404);
	const { settings } = await made(await at.operator.get('/v1/settings'), 200);
	assert.equal(settings.find((s) => s.name === 'answer-tokens').value, '333');
}

async function restored(from, label) {
	const to = path.join(root, `restored-${count++}`);
	const r = await runCarrel(['restore', from, '--data', to, '--json']);
	assert.equal(r.status, 0, r.stderr);
	assert.equal(statSync(to).mode & 0o777, 0o700);
	const check = await runCarrel(['check', '--deep', '--data', to]);
	assert.equal(check.status, 0, `${label}: ${check.stdout}${check.stderr}`);
	const other = await startCarrel({ data: to });
	others.push(other);
	await until(async () => (await other.counts()).jobs.queued + (await other.counts()).jobs.running === 0, 'its jobs end', 60000);
	await checkRestored(other, label);
	// and it goes on as any other
	const d = await upload('hr', other);
	documents.pop();
	assert.equal((await other.operator.jobEnd(d.job)).state, 'done');
	assert.ok(await found(other, 'hanna', d.word));
	await other.stop();
	const again = await runCarrel(['check', '--deep', '--data', to]);
	assert.equal(again.status, 0, `${label}: ${again.stdout}${again.stderr}`);
	rmSync(to, { recursive: true });
}

test('restored, it answers the same people the same', { timeout: 120_000 }, () => restored(folder, 'of a running server'));

test('a backup without a server', { timeout: 120_000 }, async () => {
	await server.stop();
	const to = path.join(root, 'second');
	mkdirSync(to); // empty is fine
	const r = await carrel('backup', `${to}/`);
	assert.equal(r.status, 0, r.stderr);
	assert.match(r.stdout, /the backup is whole: \d+ files/);
	await restored(to, 'without a server');
	server = await startCarrel({ data });
});

test('what a backup refuses', async () => {
	const refused = async (args, status, text, at = ['--data', data]) => {
		const r = await runCarrel(['backup', ...args, ...at]);
		assert.deepEqual([r.status, text.test(r.stderr)], [status, true], `${args}: ${r.status} ${r.stderr}`);
	};
	await refused([folder], 2, /not empty/);
	await refused([path.join(folder, 'manifest')], 2, /Not a directory/);
	await refused([path.join(root, 'no', 'such')], 2, /there is no folder/);
	await refused([path.join(data, 'backup')], 2, /data folder/);
	await refused([path.join(root, 'x')], 3, /nothing in the data folder/, ['--data', path.join(root, 'nowhere')]);
	await refused([path.join(root, 'x'), '--server', server.url, '--token', 'ct_x'], 2, /own machine/);
	await refused([path.join(root, 'x'), '--as', 'hanna'], 9, /./);
	await refused(['a', 'b'], 2, /one word too many/);
	// somebody's own folder of that name is not touched
	mkdirSync(path.join(root, 'x.partial'));
	writeFileSync(path.join(root, 'x.partial', 'mine'), 'mine');
	await refused([path.join(root, 'x')], 2, /not left by Carrel/);
	assert.equal(readFileSync(path.join(root, 'x.partial', 'mine'), 'utf8'), 'mine');
	assert.ok(!existsSync(path.join(root, 'x')));
});

test('a file that was lost before is told, and the rest is in the backup', { timeout: 60_000 }, async () => {
	const lost = path.join(root, 'lost');
	const d = documents.find((x) => x.deleted === 'no');
	const { versions } = await made(await server.operator.get(`/v1/documents/${d.id}/versions`), 200);
	const blobs = inside(path.join(data, 'blobs'));
	assert.ok(versions.length && blobs.length > 10);
	const victim = blobs[blobs.length >> 1];
	const bytes = readFileSync(victim);
	writeFileSync(victim, bytes.subarray(0, bytes.length - 1));
	const r = await carrel('backup', lost, '--json');
	writeFileSync(victim, bytes);
	assert.deepEqual([r.status, JSON.parse(r.stdout.split('\n')[0]).missing], [8, 1], r.stderr);
	assert.match(r.stderr, /check --deep/);
	const back = await runCarrel(['restore', lost, '--data', path.join(root, 'without')]);
	assert.equal(back.status, 8, back.stderr);
	assert.ok(existsSync(path.join(root, 'without', 'carrel.db')));
	const check = await runCarrel(['check', '--data', path.join(root, 'without')]);
	assert.equal(check.status, 8);
	assert.match(check.stdout + check.stderr, /not there/);
});

test('a damaged backup is not restored, and nothing is made', { timeout: 120_000 }, async () => {
	const copy = path.join(root, 'copy');
	const to = path.join(root, 'never');
	const listed = readFileSync(path.join(folder, 'manifest'), 'utf8').split('\n');
	const blob = inside(path.join(folder, 'blobs'))[3].slice(folder.length + 1);
	const flip = (name, at) => {
		const bytes = readFileSync(path.join(copy, name));
		bytes[at < 0 ? bytes.length + at : at] ^= 1;
		writeFileSync(path.join(copy, name), bytes);
	};
	const list = (lines) => writeFileSync(path.join(copy, 'manifest'), lines.join('\n'));
	const harms = {
		'a bit of a stored file': () => flip(blob, -1),
		'a stored file is gone': () => rmSync(path.join(copy, blob)),
		'a stored file is cut off': () => truncateSync(path.join(copy, blob), 5),
		'another file in its place': () => cpSync(path.join(copy, inside(path.join(folder, 'blobs'))[4].slice(folder.length + 1)), path.join(copy, blob)),
		'a bit of the database': () => flip('carrel.db', 5000),
		'the database is gone': () => rmSync(path.join(copy, 'carrel.db')),
		'the settings are gone': () => rmSync(path.join(copy, 'carrel.ini')),
		'the list is cut off': () => list(listed.slice(0, 9)),
		'a line of the list is gone': () => list(listed.filter((_, i) => i !== 7)),
		'a line of the list stands twice': () => list([...listed.slice(0, 7), listed[6], ...listed.slice(7)]),
		'the list names another file': () => list(listed.map((l) => l.replace('carrel.ini', '../../x.ini'))),
		'something behind the list': () => list([...listed, 'more', '']),
		'the list is gone': () => rmSync(path.join(copy, 'manifest')),
		'of a newer Carrel': () => list(listed.map((l) => l.replace(/^schema .*/, 'schema 999'))),
	};
	const status = { 'the list is gone': 9, 'of a newer Carrel': 3 };
	cpSync(folder, copy, { recursive: true });
	for (const [what, harm] of Object.entries(harms)) {
		harm();
		const r = await runCarrel(['restore', copy, '--data', to]);
		assert.equal(r.status, status[what] ?? 8, `${what}: ${r.stdout}${r.stderr}`);
		assert.match(r.stderr, /damaged|newer Carrel|is no backup/, what);
		assert.ok(!existsSync(to) && !existsSync(`${to}.partial`), what);
		['manifest', 'carrel.db', 'carrel.ini', blob].forEach((name) => cpSync(path.join(folder, name), path.join(copy, name)));
	}
});

test('what restore refuses', async () => {
	const refused = async (args, text) => {
		const r = await runCarrel(['restore', ...args]);
		assert.deepEqual([r.status, text.test(r.stderr)], [2, true], r.stderr);
	};
	await refused([folder, '--data', data], /a server works on/);
	await refused([folder, '--data', root], /not empty/);
	await refused([folder, '--data', path.join(root, 'y'), '--server', server.url], /on this machine/);
	for (const [from, text] of [[root, /is no backup/], [path.join(root, 'nowhere'), /there is no folder .*nowhere/]]) {
		const r = await runCarrel(['restore', from, '--data', path.join(root, 'y')]);
		assert.deepEqual([r.status, text.test(r.stderr)], [9, true], r.stderr);
	}
	assert.ok(!existsSync(path.join(root, 'y')));
});

test('a disk without room is told before anything is written to it', async (t) => {
	const small = temporaryFolder('carrel-small-');
	t.after(() => {
		spawnSync('umount', ['-l', small]);
		rmSync(small, { recursive: true, force: true });
	});
	if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', small]).status !== 0) {
		t.skip('no tmpfs can be mounted here');
		return;
	}
	for (const args of [['backup', path.join(small, 'x'), '--data', data], ['restore', folder, '--data', path.join(small, 'x')]]) {
		const r = await runCarrel(args);
		assert.deepEqual([r.status, /takes about \d+ MB .* 3 MB are free there/.test(r.stderr)], [8, true], r.stderr);
		assert.deepEqual(readdirSync(small), []);
	}
});
