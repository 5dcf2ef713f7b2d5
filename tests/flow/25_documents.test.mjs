// Documents and collections through the API: in, found, new versions, renamed, deleted, permissions.
import test from 'node:test';
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from './carrel.mjs';
import { openKitchen } from './kitchen.mjs';
import { unlisted } from './openapi.mjs';
import { ask, assertError, ghost, operate } from './people.mjs';

const { carrel, ids, op, get, send, upload, bring, found, text } = await openKitchen();

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
