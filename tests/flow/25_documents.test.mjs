// Documents through the API: in, found, new versions, renamed, deleted, permissions, downloads, page images, and
// every wrong way of each.
import test from 'node:test';
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { multipart, pause, ROOT, startCarrel, until } from './carrel.mjs';
import { unlisted } from './openapi.mjs';
import { ask, assertError, bearer, form, ghost, operate, signIn } from './people.mjs';

const PASSWORD = 'correct horse battery';
const carrel = await startCarrel({ settings: { 'upload-max-mb': 2, 'ingest-retry-ms': 10, 'http-idle-ms': 2000 } });
test.after(() => carrel.stop());

const op = async (...args) => {
	const r = await operate(carrel, ...args);
	assert.ok(r.status >= 200 && r.status < 300, `${args[0]} ${args[1]}: ${r.status} ${r.text}`);
	return r.json;
};
const tokens = {};
const as = (name) => bearer(tokens[name]);
const get = (url, name) => ask(carrel, 'GET', url, { headers: as(name) });
const send = (method, url, name, body) => ask(carrel, method, url, { headers: as(name), body });
const ids = {};

function post(name, f) {
	return ask(carrel, 'POST', '/v1/documents', { body: f.body, headers: { ...as(name), ...f.headers } });
}

const upload = (name, collection, file, fields = {}) => post(name, form({ collection, ...fields }, file));

// Uploads and waits: { ...receipt, job }.
async function bring(name, collection, file, fields) {
	const r = await upload(name, collection, file, fields);
	assert.equal(r.status, 202, r.text);
	assert.equal(unlisted('POST', '/v1/documents', r), null);
	const job = r.json.jobId ? await carrel.operator.jobEnd(r.json.jobId) : null;
	return { ...r.json, job };
}

async function found(words, name) {
	const r = await send('POST', '/v1/search', name, { query: words, limit: 20 });
	assert.equal(r.status, 200, r.text);
	return r.json.passages.filter((p) => words.split(' ').every((w) => p.text.toLowerCase().includes(w)));
}

let nText = 0;
const text = (word) => ({ name: `note-${++nText}.md`, bytes: `# Note ${nText}\n\nThe secret ingredient number ${nText} is ${word}, said the cook.\n` });

test('people and collections', async () => {
	for (const name of ['reader', 'writer', 'owner', 'outsider']) {
		ids[name] = (await op('POST', '/v1/users', { name, password: PASSWORD })).id;
		tokens[name] = (await signIn(carrel, name, PASSWORD)).access;
	}
	const acl = ['read', 'write', 'own'].map((right, i) => ({ principal: `user:${['reader', 'writer', 'owner'][i]}`, right }));
	ids.kitchen = (await op('POST', '/v1/collections', { name: 'kitchen', acl })).id;
	ids.cellar = (await op('POST', '/v1/collections', { name: 'cellar', acl: [{ principal: 'user:owner', right: 'own' }] })).id;
});

test('a document comes in, is read, and is found', async () => {
	const r = await upload('writer', 'kitchen', { name: 'soup.md', bytes: '# Soup\n\nA good broth wants marjoram and patience.\n', type: 'text/markdown' });
	assert.equal(r.status, 202, r.text);
	assert.equal(unlisted('POST', '/v1/documents', r), null);
	assert.equal(r.json.arrival, 'new');
	assert.equal(r.json.state, 'queued');
	const events = await carrel.operator.events(`/v1/jobs/${r.json.jobId}/stream`);
	assert.match(events.headers['content-type'], /^text\/event-stream/);
	assert.equal(events.events.at(-1).event, 'done');
	const job = JSON.parse(events.events.at(-1).data);
	assert.equal(job.state, 'done');
	const d = (await get(`/v1/documents/${r.json.documentId}`, 'reader')).json;
	assert.deepEqual([d.name, d.state, d.mediaType, d.title, d.language, d.right], ['soup.md', 'indexed', 'text/markdown', 'Soup', 'en', 'read']);
	assert.equal(d.sha256, r.json.sha256);
	assert.equal(d.currentVersionId, r.json.versionId);
	const hits = await found('marjoram patience', 'reader');
	assert.equal(hits.length, 1);
	assert.equal(hits[0].documentId, d.id);
	const chunk = (await get(`/v1/chunks/${hits[0].chunkId}`, 'reader')).json;
	assert.match(chunk.text, /marjoram/);
	const read = (await get(`/v1/documents/${d.id}/text?chunk=${hits[0].chunkId}`, 'reader')).json;
	const bytes = Buffer.from(read.text);
	assert.match(bytes.subarray(read.highlight.byteStart - read.byteStart, read.highlight.byteEnd - read.byteStart).toString(), /marjoram/);
	ids.soup = d.id;
	ids.soupChunk = hits[0].chunkId;
	assert.equal((await found('marjoram patience', 'outsider')).length, 0);
});

test('the same bytes are recognised, changed ones are a new version', async () => {
	const one = { name: 'menu.txt', bytes: 'On Monday there is halibut with fennel.\n' };
	const first = await bring('writer', 'kitchen', one);
	for (const name of ['menu.txt', 'menu again.txt']) {
		const again = await upload('writer', 'kitchen', { ...one, name });
		assert.equal(again.status, 202);
		assert.deepEqual([again.json.arrival, again.json.documentId, again.json.versionId, again.json.jobId, again.json.state],
			['duplicate', first.documentId, first.versionId, null, 'indexed'], again.text);
	}
	const elsewhere = await bring('owner', 'cellar', one);
	assert.equal(elsewhere.arrival, 'new');
	assert.notEqual(elsewhere.documentId, first.documentId);

	const second = await bring('writer', 'kitchen', { name: 'menu.txt', bytes: 'On Monday there is venison with juniper.\n' });
	assert.deepEqual([second.arrival, second.documentId], ['version', first.documentId]);
	assert.equal((await found('venison juniper', 'reader')).length, 1);
	assert.equal((await found('halibut fennel', 'reader')).length, 0, 'the former version is not found any more');
	const versions = (await get(`/v1/documents/${first.documentId}/versions`, 'reader')).json.versions;
	assert.deepEqual(versions.map((v) => [v.seq, v.state]).sort(), [[1, 'superseded'], [2, 'indexed']]);
	const old = await get(`/v1/documents/${first.documentId}/content?version=${first.versionId}`, 'reader');
	assert.equal(old.text, one.bytes);
	assert.match((await get(`/v1/documents/${first.documentId}/content`, 'reader')).text, /venison/);
	for (const version of [ghost('ver'), 'x', elsewhere.versionId]) {
		assertError(await get(`/v1/documents/${first.documentId}/content?version=${version}`, 'reader'), 404, 'not_found');
	}
	// Two at once of the same new bytes make one document.
	const race = { name: 'race.md', bytes: '# Race\n\nTwo arrive, one stays.\n' };
	const both = await Promise.all([upload('writer', 'kitchen', race), upload('owner', 'kitchen', race)]);
	assert.deepEqual(both.map((r) => r.json.arrival).sort(), ['duplicate', 'new']);
	assert.equal(both[0].json.documentId, both[1].json.documentId);
});

test('the same bytes in a document that the uploader may not read tell nothing', async () => {
	const file = { name: 'hidden.md', bytes: '# Hidden\n\nThe gardener was paid in zirconium.\n' };
	const hidden = await bring('owner', 'kitchen', file, { acl: JSON.stringify([{ principal: 'user:owner', right: 'own' }]) });
	const mine = await bring('writer', 'kitchen', { ...file, name: 'my own copy.md' });
	assert.equal(mine.arrival, 'new');
	assert.notEqual(mine.documentId, hidden.documentId);
	assertError(await get(`/v1/documents/${hidden.documentId}`, 'writer'), 404, 'not_found');
	const seen = await found('gardener zirconium', 'writer');
	assert.deepEqual(seen.map((p) => p.documentId), [mine.documentId]);
	// Nor do they make a version of it, or are refused, whatever the name.
	const same = await bring('writer', 'kitchen', { name: 'hidden.md', bytes: '# Mine\n\nOther words, of rhodium.\n' });
	assert.equal(same.arrival, 'new');
	assert.notEqual(same.documentId, hidden.documentId);
	assert.equal((await send('PATCH', `/v1/documents/${mine.documentId}`, 'writer', { name: 'hidden.md' })).status, 409);
	await send('DELETE', `/v1/documents/${same.documentId}`, 'writer');
	assert.equal((await send('PATCH', `/v1/documents/${mine.documentId}`, 'writer', { name: 'hidden.md' })).status, 200);
	const both = await found('gardener zirconium', 'owner'); // a copy is shown once, with where else it is
	assert.equal(both.length, 1);
	assert.deepEqual([both[0], ...both[0].also].map((p) => p.documentId).sort(), [hidden.documentId, mine.documentId].sort());
	assert.equal((await get(`/v1/documents/${hidden.documentId}/versions`, 'owner')).json.versions.length, 1);
});

test('uploads: every wrong way, and nothing comes of them', async () => {
	const list = async () => (await op('GET', '/v1/documents?limit=200')).documents.map((d) => d.id).sort();
	const before = await list();
	const file = { name: 'x.txt', bytes: 'some text' };
	const wrong = async (f, status, code, name = 'writer') => {
		assertError(await post(name, f), status, code);
	};
	await wrong(form({ collection: 'kitchen' }), 400, 'missing_file');
	await wrong(form({}, file), 400, 'missing_field');
	await wrong(form({ collection: '' }, file), 404, 'not_found');
	await wrong(form({ collection: 'no such' }, file), 404, 'not_found');
	await wrong(form({ collection: ghost('col') }, file), 404, 'not_found');
	await wrong(form({ collection: 'cellar' }, file), 404, 'not_found');
	await wrong(form({ collection: 'kitchen' }, file), 404, 'not_found', 'reader');
	await wrong(form({ collection: 'kitchen' }, file), 404, 'not_found', 'outsider');
	await wrong(form({ collection: 'kitchen', nonsense: 'x' }, file), 400, 'unknown_field');
	await wrong(form({ collection: 'kitchen', acl: 'not json' }, file), 400, 'bad_acl');
	await wrong(form({ collection: 'kitchen', acl: '{}' }, file), 400, 'bad_acl');
	await wrong(form({ collection: 'kitchen', acl: '[{"principal":"user:nobody","right":"read"}]' }, file), 400, 'unknown_principal');
	await wrong(form({ collection: 'kitchen', acl: '[{"principal":"workspace","right":"all"}]' }, file), 400, 'bad_acl');
	await wrong(form({ collection: 'x'.repeat(70_000) }, file), 400, 'bad_field');
	await wrong(form({ collection: 'kitchen' }, { ...file, name: '' }), 400);
	const late = multipart({}, [{ name: 'a.txt', content: 'a' }, { field: 'collection', name: 'c', content: 'kitchen' }]);
	await wrong(late, 400);
	const good = form({ collection: 'kitchen' }, file);
	for (const type of ['multipart/form-data', 'multipart/form-data; boundary=', 'multipart/form-data; boundary=other', `multipart/form-data; boundary=${'b'.repeat(200)}`]) {
		const r = await post('writer', { body: good.body, headers: { 'content-type': type } });
		assert.ok(r.status === 400 || r.status === 415, `${type}: ${r.status} ${r.text}`);
		assertError(r, r.status);
	}
	for (const type of ['application/json', 'text/plain', 'application/pdf']) {
		assertError(await post('writer', { body: good.body, headers: { 'content-type': type } }), 415);
	}
	// A body that ends early, at each place that matters.
	for (const cut of [0, 5, 60, good.body.indexOf('some text') + 4, good.body.length - 30, good.body.length - 6]) {
		const r = await post('writer', { body: good.body.subarray(0, cut), headers: good.headers });
		assertError(r, 400);
	}
	assertError(await ask(carrel, 'POST', '/v1/documents', good), 401, 'unauthenticated');
	assertError(await ask(carrel, 'PUT', '/v1/documents', { headers: as('writer') }), 405, 'method_not_allowed');
	assert.deepEqual(await list(), before, 'what was refused left nothing');
});

test('uploads: too large is said before the body where its length is announced', async () => {
	const huge = 4 * 1024 * 1024;
	const raw = carrel.raw();
	raw.send(`POST /v1/documents HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${tokens.writer}\r\nContent-Type: multipart/form-data; boundary=b\r\n` +
		`Content-Length: ${huge}\r\nExpect: 100-continue\r\n\r\n`);
	const heard = await raw.rest(5000);
	assert.match(heard, /^HTTP\/1\.1 413 /);
	assert.match(heard, /"too_large"/);
	// Past the limit within an announced length that is allowed: the file alone is counted.
	const f = form({ collection: 'kitchen' }, { name: 'big.txt', bytes: Buffer.alloc(2 * 1024 * 1024 + 1, 'x') });
	const r = await post('writer', f).catch((e) => e);
	if (r.status !== undefined) {
		assertError(r, 413, 'file_too_large');
	}
	const most = await upload('writer', 'kitchen', { name: 'most.txt', bytes: Buffer.alloc(2 * 1024 * 1024, 'most words \n') });
	assert.equal(most.status, 202, most.text);
	await op('DELETE', `/v1/documents/${most.json.documentId}`);
});

test('uploads: a client that vanishes or stalls leaves nothing behind', async () => {
	const names = async () => (await op('GET', '/v1/documents?limit=200')).documents.map((d) => d.name);
	const f = form({ collection: 'kitchen' }, { name: 'vanished.txt', bytes: 'a'.repeat(100_000) });
	const head = `POST /v1/documents HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${tokens.writer}\r\nContent-Type: ${f.headers['content-type']}\r\n` +
		`Content-Length: ${f.body.length}\r\n\r\n`;
	const gone = carrel.raw().send(head).send(f.body.subarray(0, 50_000));
	await pause(50);
	gone.destroy();
	const stalled = carrel.raw().send(head).send(f.body.subarray(0, 50_000));
	const heard = await stalled.rest(8000); // http-idle-ms
	assert.match(heard, /^HTTP\/1\.1 408 /);
	await until(async () => (await carrel.counts()).http.connections <= 8, 'the connections are let go');
	assert.ok(!(await names()).includes('vanished.txt'));
	const whole = await post('writer', f);
	assert.equal(whole.status, 202);
	assert.equal(whole.json.arrival, 'new');
});

test('several files in one form', async () => {
	const f = multipart({ collection: 'kitchen' }, [{ name: 'one.md', content: '# One\n\nFirst of two.\n' }, { name: 'sub/two.md', content: '# Two\n\nSecond of two.\n' }]);
	const r = await post('writer', f);
	assert.equal(r.status, 202, r.text);
	assert.equal(unlisted('POST', '/v1/documents', r), null);
	assert.deepEqual(r.json.documents.map((d) => d.arrival), ['new', 'new']);
	const second = await get(`/v1/documents/${r.json.documents[1].documentId}`, 'reader');
	assert.equal(second.json.name, 'sub/two.md');
});

test('what a file is, is told by its bytes', async () => {
	const pdf = readFileSync('fixtures/documents/company/leave-policy.pdf');
	const cases = [
		[{ name: 'leave.txt', bytes: pdf, type: 'text/plain' }, 'application/pdf', 'indexed'],
		[{ name: 'page.pdf', bytes: '<!doctype html><html><body><p>A lying page about parsnips.</p></body></html>', type: 'application/pdf' }, 'text/html', 'indexed'],
		[{ name: 'noname', bytes: 'Plain words about turnips without any type.\n', type: null }, 'text/plain', 'indexed'],
		[{ name: 'words.pdf', bytes: 'Just words about radishes, no PDF at all.\n', type: 'application/pdf' }, 'text/plain', 'indexed'],
		[{ name: 'type.txt', bytes: 'Odd type, words about leeks.\n', type: 'text/html; charset="utf-8' }, 'text/plain', 'indexed'],
		[{ name: 'picture.md', bytes: Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64') }, 'image/png', 'no_text'],
		[{ name: 'program.txt', bytes: readFileSync(process.execPath).subarray(0, 200_000) }, null, 'failed'],
	];
	for (const [file, mediaType, state] of cases) {
		const r = await bring('writer', 'kitchen', file);
		const d = (await get(`/v1/documents/${r.documentId}`, 'reader')).json;
		assert.equal(d.state, state, `${file.name}: ${d.reason} ${d.message}`);
		if (mediaType) {
			assert.equal(d.mediaType, mediaType, file.name);
		} else {
			assert.equal(d.reason, 'unsupported_type', file.name);
			assert.ok(d.message.length > 20);
		}
	}
});

test('the bad inputs of fixtures/broken end as its README says', { timeout: 60_000 }, async () => {
	const expected = {
		'empty.pdf': ['failed', 'empty_file'],
		'empty.txt': ['failed', 'empty_file'],
		'truncated.pdf': ['failed', 'broken_file'],
		'header-only.pdf': ['failed', 'broken_file'],
		'no-text.pdf': ['no_text', null],
		'encrypted-empty-password.pdf': ['indexed', null],
		'encrypted-password-otter.pdf': ['failed', 'password_required'],
		'latin-1.txt': ['indexed', null],
		'utf-16.txt': ['indexed', null],
		'nuls.txt': ['failed', 'unsupported_type'],
		'deep.html': ['indexed', null],
		'long-line.md': ['indexed', null],
		'html-named.pdf': ['indexed', null],
	};
	const listed = [...readFileSync('fixtures/broken/README.md', 'utf8').matchAll(/`([\w-]+\.(?:pdf|txt|html|md))`/g)].map((m) => m[1]);
	assert.deepEqual([...new Set(listed)].sort(), Object.keys(expected).sort());
	const receipts = {};
	for (const name of Object.keys(expected)) {
		const r = await upload('owner', 'cellar', { name, bytes: readFileSync(`fixtures/broken/${name}`) });
		assert.equal(r.status, 202, `${name}: ${r.text}`);
		receipts[name] = r.json;
	}
	// Two of them are the same zero bytes: a failed one that comes again is tried again.
	assert.equal(receipts['empty.txt'].documentId, receipts['empty.pdf'].documentId);
	for (const [name, [state, reason]] of Object.entries(expected)) {
		const job = receipts[name].jobId ? await carrel.operator.jobEnd(receipts[name].jobId) : null;
		const d = (await get(`/v1/documents/${receipts[name].documentId}`, 'owner')).json;
		assert.deepEqual([d.state, d.reason], [state, reason], `${name}: ${d.message} ${JSON.stringify(job)}`);
		if (reason) {
			assert.ok(d.message.length > 20, `${name} says what to do`);
			assert.equal(job?.tries, 1, `${name}: trying again cannot mend it`);
		}
	}
	assert.match((await get(`/v1/documents/${receipts['latin-1.txt'].documentId}/text`, 'owner')).json.text, /[äöüß]/);
	assert.match((await get(`/v1/documents/${receipts['utf-16.txt'].documentId}/text`, 'owner')).json.text, /[\u4e00-\u9fff]/);
});

test('jobs: listed, tried again, stopped, and every wrong way', async () => {
	const bad = await upload('writer', 'kitchen', { name: 'bad.pdf', bytes: '%PDF-1.7\nnothing more' });
	const job = await carrel.operator.jobEnd(bad.json.jobId);
	assert.equal(job.state, 'failed');
	assert.equal(job.reason, 'broken_file');
	const failed = (await get('/v1/jobs?state=failed&limit=200', 'reader')).json.jobs;
	assert.ok(failed.some((j) => j.id === job.id));
	assert.ok(failed.every((j) => j.state === 'failed'));
	assert.deepEqual((await get('/v1/jobs?limit=200', 'outsider')).json.jobs, []);
	for (const q of ['state=nonsense', 'limit=0', 'limit=201', 'limit=x', 'after=x']) {
		assertError(await get(`/v1/jobs?${q}`, 'reader'), 400, 'bad_parameter');
	}
	const again = await send('POST', `/v1/jobs/${job.id}/retry`, 'writer');
	assert.equal(again.status, 202, again.text);
	assert.equal((await carrel.operator.jobEnd(job.id)).state, 'failed');
	assertError(await send('POST', `/v1/jobs/${job.id}/retry`, 'reader'), 404, 'not_found');
	// Pages of two give all of them once.
	const all = (await get('/v1/jobs?limit=200', 'reader')).json.jobs.map((j) => j.id);
	const paged = [];
	for (let next = ''; next !== null;) {
		const page = (await get(`/v1/jobs?limit=2${next && `&after=${next}`}`, 'reader')).json;
		paged.push(...page.jobs.map((j) => j.id));
		next = page.next;
	}
	assert.deepEqual(paged, all);
	// A long one is stopped within a second.
	const long = await upload('writer', 'kitchen', { name: 'long.html', bytes: `<p>${'<b>word</b> and another sentence. '.repeat(40_000)}</p>` });
	const from = Date.now();
	assert.equal((await send('POST', `/v1/jobs/${long.json.jobId}/cancel`, 'writer')).status, 202);
	const end = await carrel.operator.jobEnd(long.json.jobId);
	assert.ok(Date.now() - from < 2000, `stopped after ${Date.now() - from} ms`);
	assert.ok(['cancelled', 'done'].includes(end.state), end.state);
});

test('renaming', async () => {
	const rename = (id, body, name = 'writer') => send('PATCH', `/v1/documents/${id}`, name, body);
	const a = await bring('writer', 'kitchen', text('saffron'));
	const b = await bring('writer', 'kitchen', text('sorrel'));
	const r = await rename(a.documentId, { name: 'folder/renamed ümlaut.md' });
	assert.equal(r.status, 200, r.text);
	assert.equal(r.json.name, 'folder/renamed ümlaut.md');
	assert.equal((await found('saffron', 'reader'))[0].name, 'folder/renamed ümlaut.md');
	assertError(await rename(b.documentId, { name: 'folder/renamed ümlaut.md' }), 409);
	for (const body of [{}, { name: '' }, { name: 7 }, { name: 'x'.repeat(1001) }, { name: 'a', collection: 'b' }, { name: null }]) {
		assertError(await rename(b.documentId, body), 400);
	}
	assertError(await rename(b.documentId, { name: 'x.md' }, 'reader'), 404, 'not_found');
	const clean = (await rename(b.documentId, { name: '../../etc/./pass\u202ewd\r\nX: y' })).json.name;
	assert.ok(!/[\u202e\r\n]|\.\./.test(clean) && !clean.startsWith('/'), JSON.stringify(clean));
});

test('deleting: gone from everywhere at once', async () => {
	const file = text('quixotic nectarine');
	const d = await bring('writer', 'kitchen', file);
	const [hit] = await found('quixotic nectarine', 'reader');
	assert.equal(hit.documentId, d.documentId);
	assertError(await send('DELETE', `/v1/documents/${d.documentId}`, 'reader'), 404, 'not_found');
	const r = await send('DELETE', `/v1/documents/${d.documentId}`, 'writer');
	assert.equal(r.status, 202, r.text);
	assert.deepEqual(await found('quixotic nectarine', 'reader'), []);
	for (const url of ['', '/content', '/versions', '/text', '/pages/1.png', `/text?chunk=${hit.chunkId}`, `/content?version=${d.versionId}`]) {
		assertError(await get(`/v1/documents/${d.documentId}${url}`, 'owner'), 404, 'not_found');
	}
	assertError(await get(`/v1/documents/${d.documentId}/acl`, 'owner'), 404, 'not_found');
	assertError(await get(`/v1/chunks/${hit.chunkId}`, 'owner'), 404, 'not_found');
	assertError(await get(`/v1/jobs/${d.jobId}`, 'owner'), 404, 'not_found');
	for (const [method, body] of [['DELETE'], ['PATCH', { name: 'x' }]]) {
		assertError(await send(method, `/v1/documents/${d.documentId}`, 'owner', body), 404, 'not_found');
	}
	assertError(await send('PUT', `/v1/documents/${d.documentId}/acl`, 'owner', { entries: [] }), 404, 'not_found');
	const listed = (await get('/v1/documents?limit=200', 'owner')).json.documents;
	assert.ok(!listed.some((x) => x.id === d.documentId));
	await carrel.operator.jobEnd(r.json.jobId);
	const again = await bring('writer', 'kitchen', file);
	assert.equal(again.arrival, 'new');
	assert.notEqual(again.documentId, d.documentId);
	assert.equal((await found('quixotic nectarine', 'reader')).length, 1);
});

test('a change of permissions counts at the next request', async () => {
	const d = await bring('owner', 'cellar', text('ultramarine truffle'));
	const sees = async (name) => {
		const one = (await get(`/v1/documents/${d.documentId}`, name)).status === 200;
		const hits = (await found('ultramarine truffle', name)).length === 1;
		const list = (await get('/v1/documents?limit=200', name)).json.documents.some((x) => x.id === d.documentId);
		assert.ok(one === hits && hits === list, `${name}: shown ${one}, found ${hits}, listed ${list}`);
		return one;
	};
	const acl = (entries) => send('PUT', `/v1/documents/${d.documentId}/acl`, 'owner', { entries });
	const own = { principal: 'user:owner', right: 'own' };
	assert.deepEqual([await sees('owner'), await sees('reader')], [true, false]);
	assert.equal((await acl([own, { principal: 'user:reader', right: 'read' }])).status, 200);
	assert.deepEqual([await sees('owner'), await sees('reader'), await sees('outsider')], [true, true, false]);
	const group = (await op('POST', '/v1/groups', { name: 'tasters' })).id;
	assert.equal((await acl([own, { principal: 'group:tasters', right: 'read' }])).json.inherited, false);
	assert.equal(await sees('reader'), false);
	await op('PUT', `/v1/groups/${group}/members/${ids.reader}`);
	assert.equal(await sees('reader'), true);
	await op('DELETE', `/v1/groups/${group}/members/${ids.reader}`);
	assert.equal(await sees('reader'), false);
	assert.equal((await acl([own, { principal: 'workspace', right: 'read' }])).status, 200);
	assert.deepEqual([await sees('reader'), await sees('outsider')], [true, true]);
	const back = await send('DELETE', `/v1/documents/${d.documentId}/acl`, 'owner');
	assert.equal(back.json.inherited, true);
	assert.deepEqual([await sees('owner'), await sees('reader'), await sees('outsider')], [true, false, false]);
	await op('PUT', `/v1/collections/${ids.cellar}/acl`, { entries: [own, { principal: 'user:reader', right: 'read' }] });
	assert.equal(await sees('reader'), true);
	await op('PUT', `/v1/collections/${ids.cellar}/acl`, { entries: [own] });
	assert.equal(await sees('reader'), false);
	// An owner who gives away the own right is told so, and is out.
	assert.equal((await acl([{ principal: 'user:reader', right: 'own' }])).status, 200);
	assert.deepEqual([await sees('owner'), await sees('reader')], [false, true]);
	// Who owns the document alone is not told who may read its collection.
	const dropped = await send('DELETE', `/v1/documents/${d.documentId}/acl`, 'reader');
	assert.deepEqual([dropped.status, dropped.text], [204, '']);
	assert.deepEqual([await sees('owner'), await sees('reader')], [true, false]);
	// A new version keeps the document's own entries.
	const hidden = text('indigo walnut');
	const e = await bring('owner', 'kitchen', hidden, { acl: JSON.stringify([own]) });
	await bring('owner', 'kitchen', { name: hidden.name, bytes: '# Other\n\nNow it is cobalt hazelnut.\n' });
	assert.deepEqual([(await found('cobalt hazelnut', 'owner')).length, (await found('cobalt hazelnut', 'reader')).length], [1, 0]);
	assertError(await get(`/v1/documents/${e.documentId}`, 'reader'), 404, 'not_found');
});

test('lists are sorted, searched and filtered; every page holds what the asker may read', async () => {
	const c = (await op('POST', '/v1/collections', { name: 'shelf', acl: [{ principal: 'user:reader', right: 'read' }, { principal: 'user:owner', right: 'own' }] })).id;
	const files = [['Über Zwiebeln.md', 'onions'], ['apfel.md', 'apples and pears, at some length'], ['Birne.md', 'pears'], ['apfel 2.md', 'a']];
	for (const [name, words] of files) {
		await bring('owner', 'shelf', { name, bytes: `# Of ${words}\n\nWhat is said of ${words}.\n` });
	}
	const hidden = await bring('owner', 'shelf', { name: 'apfel geheim.md', bytes: '# Of apples\n\nSecret apples.\n' }, { acl: JSON.stringify([{ principal: 'user:owner', right: 'own' }]) });
	const broken = await bring('owner', 'shelf', { name: 'zzz.pdf', bytes: '%PDF-1.4 and nothing' });
	assert.notEqual(broken.job.state, 'done');
	const names = async (query, name = 'reader') => {
		const all = [];
		for (let next = ''; next !== null;) {
			const r = await get(`/v1/documents?collection=${c}&limit=2&${query}${next && `&after=${next}`}`, name);
			assert.equal(r.status, 200, r.text);
			assert.equal(unlisted('GET', '/v1/documents', r), null);
			assert.ok(r.json.documents.length === 2 || r.json.next === null, 'a page is full or the last');
			all.push(...r.json.documents.map((d) => d.name));
			next = r.json.next;
		}
		return all;
	};
	const byName = ['apfel 2.md', 'apfel.md', 'Birne.md', 'Über Zwiebeln.md', 'zzz.pdf'];
	assert.deepEqual(await names(''), byName);
	assert.deepEqual(await names('sort=-name'), [...byName].reverse());
	assert.deepEqual(await names('', 'owner'), ['apfel 2.md', 'apfel geheim.md', ...byName.slice(1)]);
	assert.deepEqual(await names('sort=created'), [...files.map(([n]) => n), 'zzz.pdf']);
	const bytes = await names('sort=bytes');
	assert.deepEqual(await names('sort=-bytes'), [...bytes].reverse());
	assert.equal(bytes.at(-1), 'apfel.md');
	for (const sort of ['pages', '-pages', 'state', '-state', '-created']) {
		assert.deepEqual((await names(`sort=${sort}`)).sort(), [...byName].sort(), sort);
	}
	assert.deepEqual(await names('q=APFEL'), ['apfel 2.md', 'apfel.md']);
	assert.deepEqual(await names(`q=${encodeURIComponent('ÜBER zw')}`), ['Über Zwiebeln.md']);
	assert.deepEqual(await names('q=of%20pears'), ['Birne.md'], 'the title');
	assert.deepEqual(await names('q=%25'), []);
	assert.deepEqual(await names('state=failed'), ['zzz.pdf']);
	assert.deepEqual(await names('state=failed,indexed&sort=-name'), [...byName].reverse());

	const first = (await get(`/v1/documents?collection=${c}&limit=1`, 'reader')).json;
	for (const q of ['sort=size', 'sort=', 'state=lost', 'state=', 'state=failed,', `q=${'x'.repeat(501)}`, 'after=x', `after=${first.next}&sort=created`, `after=${first.next}x`,
		`after=${Buffer.from(JSON.stringify([0, 7, ids.soup])).toString('base64url')}`, `after=${Buffer.from('[0,"a","doc_x"]').toString('base64url')}`]) {
		assertError(await get(`/v1/documents?collection=${c}&${q}`, 'reader'), 400, 'bad_parameter');
	}

	// What stands beside each: the right, who may read it, and its job as long as that is not done.
	const shown = async (id, name) => (await get(`/v1/documents/${id}`, name)).json;
	const bad = await shown(broken.documentId, 'reader');
	assert.deepEqual([bad.job.id, bad.job.state, bad.right], [broken.jobId, 'failed', 'read']);
	assert.ok(bad.job.message.length > 10);
	assert.deepEqual(bad.access, { workspace: false, groups: [], users: 2, you: true });
	const secret = await shown(hidden.documentId, 'owner');
	assert.deepEqual([secret.access, secret.job, secret.right], [{ workspace: false, groups: [], users: 1, you: true }, null, 'own']);
	await op('POST', '/v1/groups', { name: 'Cooks' });
	await send('PUT', `/v1/documents/${hidden.documentId}/acl`, 'owner', { entries: [{ principal: 'group:Cooks', right: 'read' }, { principal: 'workspace', right: 'read' }] });
	assert.deepEqual((await shown(hidden.documentId, 'outsider')).access, { workspace: true, groups: ['Cooks'], users: 0, you: false });
	const shelves = (await get('/v1/collections', 'reader')).json.collections;
	assert.deepEqual(shelves.find((x) => x.id === c).access, { workspace: false, groups: [], users: 2, you: true });

	// Jobs by their ids: those that one may see, in that order.
	const jobs = async (list, name) => (await get(`/v1/jobs?ids=${list}`, name)).json.jobs.map((j) => j.id);
	await op('PUT', `/v1/documents/${hidden.documentId}/acl`, { entries: [{ principal: 'user:owner', right: 'own' }] });
	assert.deepEqual(await jobs([hidden.jobId, broken.jobId, ghost('job')], 'owner'), [hidden.jobId, broken.jobId]);
	assert.deepEqual(await jobs([hidden.jobId, broken.jobId, ghost('job')], 'reader'), [broken.jobId]);
	assert.deepEqual(await jobs([hidden.jobId, broken.jobId], 'outsider'), []);
	for (const list of ['x', `${broken.jobId},x`, Array(101).fill(broken.jobId), ids.soup]) {
		assertError(await get(`/v1/jobs?ids=${list}`, 'reader'), 400, 'bad_parameter');
	}
	assert.equal((await jobs(Array(100).fill(broken.jobId), 'reader')).length, 100);
});

test('what deleting touches, and what was spent', async () => {
	const d = await bring('owner', 'kitchen', { name: 'quince.md', bytes: '# Quince\n\nThe quince harvest of Lindau yields 4,200 kilos a year.\n' });
	const impact = async (name) => {
		const r = await get(`/v1/documents/${d.documentId}/impact`, name);
		assert.equal(unlisted('GET', '/v1/documents/{id}/impact', r), null);
		return r;
	};
	assert.deepEqual((await impact('writer')).json, { versions: 1, chunks: 1, bytes: 66, citations: 0, answers: 0, parts: 0 });
	assertError(await impact('reader'), 404, 'not_found');
	const usage = async () => {
		const r = await op('GET', '/v1/usage?days=1');
		return r.rows.filter((x) => x.name === 'reader');
	};
	assert.deepEqual(await usage(), []);
	const conversation = (await send('POST', '/v1/conversations', 'reader', {})).json.id;
	const turn = (await send('POST', `/v1/conversations/${conversation}/turns`, 'reader', { input: 'How many kilos does the quince harvest of Lindau yield?' })).json;
	assert.equal((await get(`/v1/runs/${turn.runId}/stream`, 'reader')).status, 200);
	const run = (await get(`/v1/runs/${turn.runId}`, 'reader')).json;
	const cited = run.citations.filter((x) => x.documentId === d.documentId).length;
	assert.ok(cited > 0, run.answer);
	assert.deepEqual((await impact('owner')).json, { versions: 1, chunks: 1, bytes: 66, citations: cited, answers: 1, parts: 0 });
	const rows = await usage();
	assert.equal(rows.length, 1);
	assert.deepEqual([rows[0].userId, rows[0].displayName, rows[0].model, rows[0].runs], [ids.reader, 'reader', 'extractive', 1]);
	assert.equal(rows[0].day, new Date().toISOString().slice(0, 10));
	for (const q of ['days=0', 'days=367', 'days=x']) {
		assertError(await operate(carrel, 'GET', `/v1/usage?${q}`), 400, 'bad_parameter');
	}
	assertError(await get('/v1/usage', 'owner'), 404, 'not_found');
	await send('DELETE', `/v1/documents/${d.documentId}`, 'owner');
});

test('a browser shows what runs nothing, and saves the rest', async () => {
	const pdf = { name: 'menu.pdf', bytes: Buffer.concat([readFileSync(path.join(ROOT, 'fixtures/documents/company/price-list-2026.pdf')), Buffer.from('\n% menu\n')]) };
	const files = [[pdf, 'application/pdf', false],
		[{ name: 'plain.txt', bytes: 'Grüße aus der Küche, in plain words.\n' }, 'text/plain; charset=utf-8', true],
		[{ name: 'latin.txt', bytes: Buffer.from('Gr\xfc\xdfe aus der K\xfcche, in plain words, once more.\n', 'latin1') }, 'text/plain', true],
		[{ name: 'notes.md', bytes: '# Notes <script>alert(1)</script>\n\nSome [link](javascript:alert(1)) here.\n' }, 'text/plain; charset=utf-8', true],
		[{ name: 'prices.csv', bytes: 'article,price\nquince jam,4.50\nrose hip tea,3.20\nplum butter,5.10\n' }, 'text/plain; charset=utf-8', true],
		[{ name: 'data.xml', bytes: '<?xml version="1.0"?><menu xmlns:h="http://www.w3.org/1999/xhtml"><dish>Soup</dish><h:script>alert(1)</h:script></menu>' }, 'text/plain; charset=utf-8', true],
		[{ name: 'order.eml', bytes: 'From: a@b.example\r\nTo: c@d.example\r\nSubject: an order\r\nDate: Tue, 3 Mar 2026 10:00:00 +0100\r\n\r\nTwo jars of jam, please.\r\n' }, 'text/plain; charset=utf-8', true],
		[{ name: 'page.html', bytes: '<!DOCTYPE html><html><body><h1>Page</h1><script>alert(1)</script><p>Words of the page.</p></body></html>' }, null]];
	for (const [file, type, sandboxed] of files) {
		const d = await bring('writer', 'kitchen', file);
		const saved = await get(`/v1/documents/${d.documentId}/content`, 'reader');
		const shown = await get(`/v1/documents/${d.documentId}/content?inline=1`, 'reader');
		assert.equal(shown.status, 200, shown.text);
		assert.match(saved.headers['content-disposition'], /^attachment; /);
		assert.deepEqual(shown.bytes, saved.bytes);
		assert.equal(shown.headers['x-content-type-options'], 'nosniff');
		const policy = shown.headers['content-security-policy'];
		assert.match(policy, /default-src 'none'/);
		assert.ok(!policy.includes('script'), policy);
		if (type === null) {
			assert.match(shown.headers['content-disposition'], /^attachment; /, file.name);
			assert.equal(policy, saved.headers['content-security-policy']);
			continue;
		}
		assert.match(shown.headers['content-disposition'], /^inline; /, file.name);
		assert.equal(shown.headers['content-type'], type, file.name);
		assert.equal(/(^|; )sandbox(;|$)/.test(policy), sandboxed, policy);
	}
	assertError(await get(`/v1/documents/${ids.soup}/content?inline=2`, 'reader'), 400, 'bad_parameter');
});

test('lists: in pages, of a collection, and every wrong parameter', async () => {
	const all = (await get('/v1/documents?limit=200', 'reader')).json.documents.map((d) => d.id);
	const paged = [];
	for (let next = ''; next !== null;) {
		const page = (await get(`/v1/documents?limit=3${next && `&after=${next}`}`, 'reader')).json;
		paged.push(...page.documents.map((d) => d.id));
		next = page.next;
	}
	assert.deepEqual(paged, all);
	assert.ok((await get('/v1/documents?collection=kitchen', 'reader')).json.documents.every((d) => d.collectionId === ids.kitchen));
	assertError(await get('/v1/documents?collection=cellar', 'reader'), 404, 'not_found');
	assertError(await get('/v1/documents?collection=nowhere', 'reader'), 404, 'not_found');
	for (const q of ['limit=0', 'limit=201', 'limit=many', 'after=x', `after=${ghost('col')}`]) {
		assertError(await get(`/v1/documents?${q}`, 'reader'), 400, 'bad_parameter');
	}
	const absent = (await get(`/v1/documents/${ghost('doc')}`, 'reader')).text;
	for (const id of ['x', 'doc_', ids.soup.toLowerCase(), `${ids.soup}x`, ids.kitchen, '..', '%2e%2e', '%20']) {
		const r = await get(`/v1/documents/${id}`, 'reader');
		assert.equal(r.status, 404, `${id}: ${r.text}`);
		assert.equal(r.text, absent);
	}
});

test('pages of a PDF are images, with the passage highlighted', async () => {
	const d = await bring('writer', 'kitchen', { name: 'travel-policy.pdf', bytes: readFileSync('fixtures/documents/company/travel-policy.pdf') });
	assert.equal(d.job.state, 'done');
	const [hit] = (await send('POST', '/v1/search', 'reader', { query: 'most a hotel room in Milan may cost', limit: 1 })).json.passages;
	assert.equal(hit.documentId, d.documentId);
	const chunk = (await get(`/v1/chunks/${hit.chunkId}`, 'reader')).json;
	assert.equal(chunk.pageFirst, 2);
	const image = (page, q = '') => get(`/v1/documents/${d.documentId}/pages/${page}.png${q}`, 'reader');
	const width = (r) => r.bytes.readUInt32BE(16);
	const plain = await image(chunk.pageFirst, '?width=300');
	assert.equal(plain.status, 200, plain.text.slice(0, 300));
	assert.equal(plain.headers['content-type'], 'image/png');
	assert.equal(plain.bytes.subarray(0, 8).toString('hex'), '89504e470d0a1a0a');
	assert.equal(width(plain), 300);
	const marked = await image(chunk.pageFirst, `?width=300&chunk=${hit.chunkId}`);
	assert.equal(width(marked), 300);
	assert.notDeepEqual(marked.bytes, plain.bytes, 'the passage is highlighted');
	assert.deepEqual((await image(chunk.pageFirst, '?width=300')).bytes, plain.bytes, 'the same again');
	assert.equal(width(await image(1, '?width=64')), 64);
	for (const page of ['0', '-1', '999', 'x', '1x', '01', '1e3', '99999999999999999999', '']) {
		const r = await image(page);
		assertError(r, 404, 'not_found');
	}
	for (const w of ['63', '2401', 'x', '-5', '']) {
		assertError(await image(1, `?width=${w}`), 400, 'bad_parameter');
	}
	for (const id of [ghost('chk'), 'x', '', ids.soupChunk]) {
		assertError(await image(1, `?chunk=${id}`), 404, 'not_found');
	}
	const noPages = await get(`/v1/documents/${ids.soup}/pages/1.png`, 'reader');
	assertError(noPages, 422, 'no_pages');
	assert.equal((await ask(carrel, 'GET', `/v1/documents/${d.documentId}/pages/1.png`, { headers: as('outsider') })).status, 404);
});

test('downloads give the very bytes under a harmless name', async () => {
	const bytes = Buffer.from('<script>alert(1)</script> the price of basil\n');
	for (const name of ['a"b.html', 'c\r\nSet-Cookie: x=1\r\n.html', '../../etc/passwd', '..\\..\\windows.html', 'ü 文件 \u202egnp.html', `${'n'.repeat(900)}.html`, '%0d%0a.html',
		"it's;x=1.html", 'C:\\temp\\x.html', '.hidden', ' ', '\u200b.html']) {
		const f = multipart({ collection: 'kitchen', name }, [{ name: 'x.html', content: Buffer.concat([bytes, Buffer.from(JSON.stringify(name))]) }]);
		const r = await post('writer', f);
		assert.equal(r.status, 202, `${JSON.stringify(name)}: ${r.text}`);
		const d = (await get(`/v1/documents/${r.json.documentId}`, 'reader')).json;
		assert.ok(!d.name.split('/').includes('..') && !/[\r\n\u202e\u200b\\]/.test(d.name) && d.name.trim() === d.name && d.name, JSON.stringify(d.name));
		const c = await get(`/v1/documents/${r.json.documentId}/content`, 'reader');
		assert.equal(c.status, 200);
		assert.deepEqual(c.bytes, Buffer.concat([bytes, Buffer.from(JSON.stringify(name))]));
		assert.equal(c.headers['set-cookie'], undefined);
		assert.equal(c.headers['x-content-type-options'], 'nosniff');
		assert.match(c.headers['content-security-policy'], /sandbox/);
		assert.match(c.headers['content-disposition'], /^attachment; filename="[^"\\\r\n/]+"; filename\*=UTF-8''[A-Za-z0-9!#$&+.^_`|~%-]+$/);
		const shown = decodeURIComponent(c.headers['content-disposition'].split("UTF-8''")[1]);
		assert.equal(shown, d.name.split('/').at(-1));
	}
});

test('collections: made, renamed, deleted with what is in them, and every wrong way', async () => {
	for (const body of [{}, { name: '' }, { name: ' x' }, { name: 'a\nb' }, { name: 'x'.repeat(201) }, { name: 7 }, { name: 'x', acl: {} }, { name: 'x', acl: [{}] }, { name: 'x', nonsense: 1 }]) {
		assertError(await send('POST', '/v1/collections', 'writer', body), 400);
	}
	assertError(await send('POST', '/v1/collections', 'writer', { name: 'kitchen' }), 409);
	const made = await send('POST', '/v1/collections', 'writer', { name: 'pantry', acl: [{ principal: 'user:reader', right: 'read' }] });
	assert.equal(made.status, 201, made.text);
	assert.equal(made.json.right, 'own', 'who makes it owns it');
	const id = made.json.id;
	const d = await bring('writer', 'pantry', text('periwinkle'));
	assert.equal((await get(`/v1/collections/${id}`, 'reader')).json.documents, 1);
	assert.equal((await get('/v1/collections', 'outsider')).json.collections.length, 0);
	assertError(await send('PATCH', `/v1/collections/${id}`, 'reader', { name: 'x' }), 404, 'not_found');
	assertError(await send('PATCH', `/v1/collections/${id}`, 'writer', { name: 'kitchen' }), 409);
	assert.equal((await send('PATCH', `/v1/collections/${id}`, 'writer', { name: 'larder' })).json.name, 'larder');
	assertError(await send('DELETE', `/v1/collections/${id}`, 'reader'), 404, 'not_found');
	assert.equal((await found('periwinkle', 'reader')).length, 1);
	assert.deepEqual((await send('DELETE', `/v1/collections/${id}`, 'writer')).json, { documents: 1 });
	assert.deepEqual(await found('periwinkle', 'reader'), []);
	assertError(await get(`/v1/documents/${d.documentId}`, 'writer'), 404, 'not_found');
	assertError(await get(`/v1/collections/${id}`, 'writer'), 404, 'not_found');
	assertError(await send('DELETE', `/v1/collections/${id}`, 'writer'), 404, 'not_found');
	assertError(await upload('writer', id, text('late')), 404, 'not_found');
	assert.equal((await send('POST', '/v1/collections', 'writer', { name: 'larder' })).status, 201, 'its name is free again');
});

test('that a name is taken tells nobody of a collection that he does not see', async () => {
	const seen = await send('POST', '/v1/collections', 'writer', { name: 'strongroom' });
	const answer = (r) => [r.status, Object.keys(r.json).join(), r.json.right, r.json.documents];
	const same = await send('POST', '/v1/collections', 'outsider', { name: 'strongroom' });
	const other = await send('POST', '/v1/collections', 'outsider', { name: 'broom cupboard' });
	assert.deepEqual(answer(same), answer(other));
	assert.equal(same.status, 201, same.text);
	assert.equal((await send('PATCH', `/v1/collections/${other.json.id}`, 'outsider', { name: 'Strongroom' })).status, 409, 'he has one of that name');
	assert.equal((await send('DELETE', `/v1/collections/${same.json.id}`, 'outsider')).status, 200);
	assert.equal((await send('PATCH', `/v1/collections/${other.json.id}`, 'outsider', { name: 'strongroom' })).status, 200);
	// A name means the one that one sees; who may see all prefers one that he may use.
	assert.equal((await bring('writer', 'strongroom', text('whelk'))).job.state, 'done');
	assert.equal((await get(`/v1/collections/${seen.json.id}`, 'writer')).json.documents, 1);
	assert.equal((await get(`/v1/collections/${other.json.id}`, 'outsider')).json.documents, 0);
	assertError(await ask(carrel, 'POST', '/v1/collections', { body: { name: 'strongroom' }, socket: true }), 409, 'name_taken');
});

test('a real report through the web API: the answer cites the right page', { timeout: 60_000 }, async (t) => {
	const file = path.resolve(ROOT, '../shared/corpus/reports/DOL2022.pdf');
	if (!existsSync(file)) {
		t.skip(`${file} is not here`);
		return;
	}
	const d = await bring('owner', 'cellar', { name: 'DOL2022.pdf', bytes: readFileSync(file), type: 'application/pdf' });
	assert.equal(d.job.state, 'done', JSON.stringify(d.job));
	assert.equal((await get(`/v1/documents/${d.documentId}`, 'owner')).json.pages, 47);
	// Its data are embedded in it a second time, as XML, which says the same without pages.
	const { documents: parts } = (await get(`/v1/documents?parent=${d.documentId}`, 'owner')).json;
	assert.deepEqual(parts.map((p) => p.name), ['DOL2022.pdf/DOL2022.xml']);
	assert.equal((await send('DELETE', `/v1/documents/${parts[0].id}`, 'owner')).status, 202);
	const conversation = (await send('POST', '/v1/conversations', 'owner', {})).json.id;
	const input = "What did DOL's 2012 Registered Apprenticeship evaluation find about the net lifetime benefits for apprentices?";
	const turn = await send('POST', `/v1/conversations/${conversation}/turns`, 'owner', { input });
	assert.equal(turn.status, 202, turn.text);
	await get(turn.json.streamUrl, 'owner');
	const run = (await get(`/v1/runs/${turn.json.runId}`, 'owner')).json;
	assert.equal(run.state, 'completed');
	const cited = run.citations.find((c) => c.documentId === d.documentId && c.page === 10);
	assert.ok(cited, `page 10 is not cited: ${JSON.stringify(run.citations.map((c) => [c.documentId, c.page]))}\n${run.answer}`);
	const page = await get(`/v1/documents/${d.documentId}/pages/10.png?chunk=${cited.chunkId}&width=400`, 'owner');
	assert.equal(page.status, 200);
	assert.equal(page.headers['content-type'], 'image/png');
});
