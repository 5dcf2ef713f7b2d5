// Pages of documents that have none of their own, drawn through a converter. The converter is the test's: what is called
// a .doc is a gzipped PDF; an .xls is read, but its pages are never drawn, a .ppt's slowly (or, where it says so, not).
import test from 'node:test';
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { addUser, ask, shelf, startDesk } from './answers.mjs';
import { pause, runCarrel, temporaryFolder, until } from './carrel.mjs';
import { unlisted } from './openapi.mjs';
import { ghost } from './people.mjs';

const SCRIPT = 'case "$1$0" in *ver_*xls) exit 3;; *ver_*ppt) sleep 1; gunzip -c <"$0" | grep -aq "% refuse" && exit 3;; esac; gunzip -c <"$0" >"$1/x.pdf"';
const settings = { 'external-command': `sh -c '${SCRIPT}' {file} {dir}` };
const pdf = (name) => gzipSync(readFileSync(`fixtures/documents/company/${name}.pdf`), { level: 9 });
const carrel = await startDesk({ settings });
test.after(() => carrel.stop());
const people = {};
for (const name of ['ada', 'ben', 'eve']) {
	people[name] = await addUser(carrel, name);
}
const acl = [['ada', 'own'], ['ben', 'read']].map(([name, right]) => ({ principal: people[name], right }));
const { documents } = await shelf(carrel, 'ada', 'office', {
	'travel.doc': pdf('travel-policy'), 'leave.xls': pdf('leave-policy'), 'security.ppt': pdf('security-policy'), 'plain.txt': 'Nothing to draw here.\n',
}, acl);
const as = (name) => (method, url, body) => carrel.operator(method, url, body, { as: name });
const at = (name, rest) => `/v1/documents/${documents[name]}/${rest}`;
const get = (name, rest, who = 'ben') => as(who)('GET', at(name, rest));
const made = () => carrel.output().split('view.made').length - 1;

async function view(name, rest = '', who) {
	const r = await get(name, `view${rest}`, who);
	assert.equal(r.status, 200, r.text);
	assert.equal(unlisted('GET', '/v1/documents/{id}/view', r), null);
	return r.json;
}

async function passage(name, query) {
	const r = await as('ben')('POST', '/v1/search', { query, limit: 20 });
	return r.json.passages.find((p) => p.documentId === documents[name]);
}

const isPng = (r) => r.status === 200 && r.headers['content-type'] === 'image/png' && r.body.subarray(1, 4).toString() === 'PNG';
const blobs = () => readdirSync(path.join(carrel.data, 'blobs'), { recursive: true }).filter((n) => /\w{64}$/.test(n));

test('its pages are drawn when somebody looks, once, with the passage highlighted', async () => {
	assert.deepEqual([(await view('travel.doc', '?draw=0')).state, made()], ['possible', 0]);
	const p = await passage('travel.doc', 'most a hotel room in Milan may cost');
	const shown = await view('travel.doc', `?chunk=${p.chunkId}`);
	assert.deepEqual([shown.state, made()], ['ready', 1]);
	const { pages } = (await get('travel.doc', 'text')).json;
	assert.equal(shown.pages.length, pages.length);
	assert.ok(shown.pages.every((x) => x.width > 100 && x.height > 100));
	// It is the same PDF here: the words must be found exactly where the reader of PDFs found them.
	const chunk = (await as('ben')('GET', `/v1/chunks/${p.chunkId}`)).json;
	assert.equal(shown.page, chunk.boxes[0].page);
	const rects = (list) => list.map((b) => [b.page, ...b.rect.map(Math.round)].join(' '));
	const common = rects(shown.boxes).filter((r) => rects(chunk.boxes).includes(r)).length;
	assert.ok(common >= 0.9 * chunk.boxes.length && shown.boxes.length <= 1.2 * chunk.boxes.length, JSON.stringify([shown.boxes, chunk.boxes]));
	const plain = await get('travel.doc', `pages/${shown.page}.png?width=300`);
	const marked = await get('travel.doc', `pages/${shown.page}.png?width=300&chunk=${p.chunkId}`);
	assert.ok(isPng(plain) && isPng(marked));
	assert.notDeepEqual(plain.body, marked.body);
	assert.equal(made(), 1);
});

test('a citation’s lines are fewer than its passage’s', async () => {
	const turn = await ask(carrel, 'ben', 'What is the most a hotel room in Milan may cost per night?');
	const c = turn.citations.find((x) => x.documentId === documents['travel.doc']);
	const whole = await view('travel.doc', `?chunk=${c.chunkId}`);
	const quoted = await view('travel.doc', `?citation=${turn.run}:${c.ordinal}`);
	assert.ok(quoted.boxes.length > 0 && quoted.boxes.length < whole.boxes.length, JSON.stringify([quoted.boxes.length, whole.boxes.length]));
	assert.ok(isPng(await get('travel.doc', `pages/${quoted.page}.png?width=300&citation=${turn.run}:${c.ordinal}`)));
});

test('who may not read it sees no page of it, nor that it has some', async () => {
	const absent = await as('eve')('GET', `/v1/documents/${ghost('doc')}/view`);
	for (const rest of ['view', 'view?draw=0', 'view?draw=2', 'pages/1.png']) {
		const r = await get('travel.doc', rest, 'eve');
		assert.deepEqual([r.status, r.text], [404, absent.text], rest);
	}
	assert.equal((await carrel.server.anonymous.get(at('travel.doc', 'view'))).status, 401);
});

test('wrong orders', async () => {
	const p = await passage('travel.doc', 'most a hotel room in Milan may cost');
	for (const [rest, status] of [['view?draw=2', 400], ['view?draw=x', 400], [`view?chunk=${ghost('chk')}`, 404], ['view?version=ver_x', 404], ['view?citation=run_x:1', 404],
		['pages/0.png', 404], ['pages/999.png', 404], ['pages/x.png', 404], ['pages/1.png?width=9', 400]]) {
		assert.equal((await get('travel.doc', rest)).status, status, rest);
	}
	assert.equal((await get('leave.xls', `view?chunk=${p.chunkId}`)).status, 404, 'of another document');
});

test('what cannot be drawn says so, and is tried once', async () => {
	for (let i = 0; i < 3; i++) {
		const r = await get('leave.xls', 'pages/1.png');
		assert.deepEqual([r.status, r.json.error.code], [422, 'no_pages']);
		assert.deepEqual([(await view('leave.xls')).state, (await view('leave.xls', '?draw=0')).state], ['none', 'none']);
	}
	assert.equal(carrel.output().split('view.failed').length - 1, 1);
	assert.deepEqual((await view('plain.txt')).state, 'none');
	assert.equal((await get('plain.txt', 'pages/1.png')).json.error.code, 'no_pages');
	const p = await passage('leave.xls', 'days of annual leave');
	const text = (await get('leave.xls', `text?chunk=${p.chunkId}`)).json;
	assert.ok(text.highlight.byteEnd > text.highlight.byteStart, 'its text is shown at the passage');
});

test('one conversion at a time; others are told when to ask again', async () => {
	const answers = await Promise.all(Array.from({ length: 4 }, () => get('security.ppt', 'pages/1.png?width=200')));
	assert.equal(answers.filter(isPng).length, 1);
	for (const r of answers.filter((x) => !isPng(x))) {
		assert.deepEqual([r.status, r.json.error.code, r.headers['retry-after']], [503, 'view_busy', '2']);
	}
	assert.ok(isPng(await get('security.ppt', 'pages/1.png?width=200')));
	assert.equal(made(), 2);
});

test('who loses the right while it is drawn is shown nothing; what is deleted meanwhile leaves nothing', async () => {
	for (const how of ['revoke', 'refuse', 'delete']) {
		// other words, else the same bytes would be the same document
		const r = await carrel.upload('ada', 'office', `${how}.ppt`, Buffer.concat([pdf('incident-report-2026-02'), Buffer.from(gzipSync(Buffer.from(`% ${how}`)))]));
		assert.equal((await carrel.jobEnd(r.json.jobId)).state, 'done');
		documents[`${how}.ppt`] = r.json.documentId;
		const before = blobs().length;
		const drawing = get(`${how}.ppt`, 'pages/1.png');
		await pause(300);
		const done = how !== 'delete' ? await as('ada')('PUT', at(`${how}.ppt`, 'acl'), { entries: [{ principal: people.ada, right: 'own' }] })
			: await as('ada')('DELETE', `/v1/documents/${documents['delete.ppt']}`);
		assert.ok(done.status < 300, done.text);
		const late = await drawing;
		assert.equal(late.status, 404, `${how}: ${late.status}`);
		if (how === 'delete') {
			await carrel.jobEnd(done.json.jobId);
			assert.ok(blobs().length < before, `${blobs().length} of ${before} blobs`);
		}
	}
});

test('a purge takes the drawn pages with it; check finds lost ones and has them drawn again', async () => {
	assert.equal((await view('security.ppt')).state, 'ready');
	const before = new Set(blobs());
	await as('ada')('DELETE', `/v1/documents/${documents['security.ppt']}`).then((r) => carrel.jobEnd(r.json.jobId));
	assert.equal(before.size - blobs().length, 3, 'original, text and pages');

	const known = new Set(blobs());
	const r = await carrel.upload('ada', 'office', 'expense.doc', pdf('expense-policy'));
	await carrel.jobEnd(r.json.jobId);
	documents['expense.doc'] = r.json.documentId;
	const read = new Set(blobs());
	assert.equal((await view('expense.doc')).state, 'ready');
	const drawn = blobs().filter((name) => !read.has(name));
	assert.equal(drawn.length, 1);
	assert.ok(known.size < read.size);
	await carrel.server.stop();
	rmSync(path.join(carrel.data, 'blobs', drawn[0]));
	const check = async (...more) => {
		const r = await runCarrel(['check', '--data', carrel.data, ...more]);
		return r.stdout + r.stderr;
	};
	assert.match(await check(), /its pages are not there: run `carrel check --repair`/);
	assert.match(await check('--repair'), /its pages are not there: mended/);
	assert.doesNotMatch(await check(), /its pages/);
	await carrel.start();
	assert.equal((await view('expense.doc', '?draw=0')).state, 'possible');
	assert.equal((await view('expense.doc')).state, 'ready');
});

test('without a converter: what was drawn is shown, the rest as text', async () => {
	settings['external-command'] = 'off';
	await carrel.restart();
	assert.equal((await view('travel.doc')).state, 'ready');
	assert.ok(isPng(await get('travel.doc', 'pages/1.png?width=200')));
	assert.equal((await view('leave.xls')).state, 'none');
	assert.deepEqual((await get('leave.xls', 'pages/1.png')).json.error.code, 'no_pages');
});

test('a server that stops ends a conversion', async () => {
	settings['external-command'] = `sh -c 'case "$1" in *ver_*) sleep 100;; esac; gunzip -c <"$0" >"$1/x.pdf"' {file} {dir}`;
	await carrel.restart();
	const r = await carrel.upload('ada', 'office', 'slow.doc', pdf('procurement-policy'));
	await carrel.jobEnd(r.json.jobId);
	const drawing = as('ada')('GET', `/v1/documents/${r.json.documentId}/view`).catch(() => null);
	await until(() => readdirSync(path.join(carrel.data, 'stage')).some((name) => name.startsWith('ver_')), 'the conversion begins');
	const start = Date.now();
	await carrel.server.stop();
	assert.ok(Date.now() - start < 9000, `${Date.now() - start} ms`);
	await drawing;
	assert.deepEqual(readdirSync(path.join(carrel.data, 'stage')), []);
});

test('check shows the first findings of a kind and counts the rest', async (t) => {
	const data = temporaryFolder(), files = temporaryFolder();
	t.after(() => [data, files].forEach((folder) => rmSync(folder, { recursive: true, force: true })));
	for (let i = 0; i < 23; i++) {
		writeFileSync(path.join(files, `${i}.txt`), `Note ${i} of the harbour master.\n`);
	}
	assert.equal((await runCarrel(['ingest', files, '--collection', 'notes', '--quiet', '--data', data])).status, 0);
	rmSync(path.join(data, 'blobs'), { recursive: true });
	const plain = await runCarrel(['check', '--data', data]);
	const count = (text, what) => text.split('\n').filter((line) => line.includes(what)).length;
	assert.equal(count(plain.stderr, 'blobs '), 21, plain.stderr);
	assert.match(plain.stderr, /blobs +26 more; 46 findings, \d/); // originals and texts
	const json = await runCarrel(['check', '--json', '--data', data]);
	assert.equal(count(json.stdout, 'not there'), 46);
});
