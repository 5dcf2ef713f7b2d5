// Copies and versions of one document are shown once, with the places where they are said besides: those that
// the asker may read. And a reranker: its order, and what happens without it.
import assert from 'node:assert/strict';
import http from 'node:http';
import test from 'node:test';
import { addUser, newConversation, open, postTurn, shelf, startDesk } from './answers.mjs';
import { runCarrel, until } from './carrel.mjs';

const carrel = await startDesk();
test.after(() => carrel.stop());
await addUser(carrel, 'ada');
await addUser(carrel, 'bob');
const own = [{ principal: 'user:ada', right: 'own' }];
const all = [{ principal: 'workspace', right: 'read' }];
const search = async (as, query, more = {}) => {
	const r = await carrel.operator('POST', '/v1/search', { query, limit: 5, explain: true, ...more }, { as });
	assert.equal(r.status, 200, r.text);
	return r.json;
};
const RULE = (days) => `# Lending of boats

Every member of the rowing club may borrow a boat of the second class for ${days} days. Oars, cushions and a bailer are
lent with it by the harbour master, who writes the hour of return into the green ledger beside the gate. A boat that
comes back wet is dried by whoever borrowed it, and the varnish is looked at under a lamp.
`;

test('a copy is shown once, and told to those who may read it', async () => {
	await shelf(carrel, 'ada', 'club', { 'lending.md': RULE(4) }, all);
	const hidden = await shelf(carrel, 'ada', 'board', { 'house rules.md': RULE(4) }, own);
	const query = 'Who lends oars and cushions?';
	const ada = await search('ada', query), bob = await search('bob', query);
	assert.equal(ada.passages.length, 1);
	assert.equal(ada.passages[0].name, 'house rules.md'); // the newer one
	assert.deepEqual(ada.passages[0].also.map((k) => k.name), ['lending.md']);
	const cut = ada.candidates.find((c) => c.fate === 'near-duplicate');
	assert.equal(cut.sameAs, ada.candidates.find((c) => c.kept).fusedRank);
	// the hidden copy changes nothing for bob
	assert.deepEqual([bob.passages.map((p) => p.name), bob.passages[0].also], [['lending.md'], []]);
	assert.ok(bob.candidates.every((c) => c.sameAs === null && c.name === 'lending.md'));
	const { stdout } = await runCarrel(['search', query, '--data', carrel.data]);
	assert.match(stdout, /also in: lending\.md/);
	await carrel.operator('PUT', `/v1/collections/${hidden.collection}/acl`, { entries: [...own, { principal: 'user:bob', right: 'read' }] }, { as: 'ada' });
	assert.deepEqual((await search('bob', query)).passages[0].also.map((k) => k.name), ['lending.md']);
});

test('of two versions the final one is shown, unless the question asks for the other', async () => {
	await shelf(carrel, 'ada', 'pier', { 'Winter storage FINAL.md': RULE(4).replaceAll('boat', 'dinghy'),
		'winter-storage (draft).md': RULE(9).replaceAll('boat', 'dinghy').replace('under a lamp', 'by daylight') }, all);
	const found = await search('bob', 'For how many days may I borrow a dinghy?', { collections: ['pier'] });
	assert.deepEqual(found.passages.map((p) => p.name), ['Winter storage FINAL.md']);
	assert.deepEqual(found.passages[0].also.map((k) => k.name), ['winter-storage (draft).md']);
	const draft = await search('bob', 'For how many days may I borrow a dinghy, says the draft?', { collections: ['pier'] });
	assert.ok(draft.passages.some((p) => p.name === 'winter-storage (draft).md'));
});

test('a reranker orders what was found; when it fails the fused order stays, and it is told', async (t) => {
	await shelf(carrel, 'ada', 'mill', { 'a.md': '# Millstones\n\nThe millstone is dressed every spring by the miller.\n',
		'b.md': '# Millers\n\nThe miller keeps the spring flood away from the wheel.\n' }, all);
	const seen = [];
	let broken = false;
	const server = http.createServer((req, res) => {
		const parts = [];
		req.on('data', (c) => parts.push(c)).on('end', () => {
			const body = JSON.parse(Buffer.concat(parts));
			seen.push(body);
			res.writeHead(broken ? 503 : 200, { 'content-type': 'application/json' });
			res.end(JSON.stringify({ results: body.documents.map((text, index) => ({ index, relevance_score: /flood/.test(text) ? 0.9 : 0.1 })) }));
		});
	});
	t.after(() => (server.close(), server.closeAllConnections?.()));
	await new Promise((done) => server.listen(0, '127.0.0.1', done));
	const query = 'When is the millstone dressed by the miller?';
	const before = await search('bob', query, { collections: ['mill'] });
	assert.deepEqual([before.passages[0].name, before.candidates[0].rerankRank], ['a.md', null]);
	const set = await carrel.operator('PATCH', '/v1/settings', { settings: { 'rerank-url': `http://127.0.0.1:${server.address().port}/v1`, 'rerank-timeout-ms': 30_000 } });
	assert.equal(set.status, 200, set.text);
	const after = await search('bob', query, { collections: ['mill'] });
	assert.equal(after.passages[0].name, 'b.md');
	assert.deepEqual(after.candidates.map((c) => [c.fusedRank, c.rerankRank]), [[2, 1], [1, 2]]);
	assert.ok(after.timeUs.rerank > 0 && after.rerankError === undefined);
	assert.equal(seen[0].query, query);
	assert.ok(seen.every((body) => body.documents.every((text) => !/bailer/.test(text)))); // of that collection only
	broken = true;
	const fallen = await search('bob', query, { collections: ['mill'] });
	assert.equal(fallen.passages[0].name, 'a.md');
	assert.match(fallen.rerankError, /^rerank_/);
	const cli = await runCarrel(['search', query, '--collection', 'mill', '--data', carrel.data]);
	assert.match(cli.stderr, /not reranked/);
});

test('a stop does not wait for a reranker', async (t) => {
	let asked = 0;
	const server = http.createServer((req) => { asked++; req.resume(); });
	t.after(() => (server.close(), server.closeAllConnections?.()));
	await new Promise((done) => server.listen(0, '127.0.0.1', done));
	const set = await carrel.operator('PATCH', '/v1/settings', { settings: { 'rerank-url': `http://127.0.0.1:${server.address().port}/v1`, 'rerank-timeout-ms': 60_000 } });
	assert.equal(set.status, 200, set.text);
	const turn = await postTurn(carrel, 'bob', await newConversation(carrel, 'bob'), 'Who dresses the millstone, and what does the miller do?');
	await until(() => asked > 0, 'the reranker is asked');
	const began = performance.now();
	await carrel.operator('POST', `/v1/runs/${turn.json.runId}/cancel`, undefined, { as: 'bob' });
	const stream = await (await open(carrel, 'GET', turn.json.streamUrl, { as: 'bob' }).ready).done;
	assert.equal(stream.events.at(-1).type, 'run.cancelled');
	assert.ok(performance.now() - began < 20_000);
});
