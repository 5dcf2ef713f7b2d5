// Uploads and their jobs: every wrong way, limits, clients that vanish, what a file is.
import test from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { multipart, pause, until } from './carrel.mjs';
import { openKitchen } from './kitchen.mjs';
import { unlisted } from './openapi.mjs';
import { ask, assertError, form, ghost } from './people.mjs';

const { carrel, tokens, op, as, get, send, post, upload, bring, text } = await openKitchen();

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
