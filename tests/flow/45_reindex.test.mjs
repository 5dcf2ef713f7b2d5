// Another embedder: filled beside the one that serves, compared by what people asked, swapped, taken back, dropped.
// Nobody learns by the comparison what others asked, or of a document that they may not read.
import test from 'node:test';
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { addUser, newConversation, postTurn, read, shelf, startDesk } from './answers.mjs';
import { runCarrel, temporaryFolder, until } from './carrel.mjs';
import { embed, startFakeModel } from './fake_model.mjs';
import { unlisted } from './openapi.mjs';

const SECRET = 'zanzibar';
const fake = await startFakeModel();
const settings = { 'embed-url': fake.url, 'embed-model': 'nomic-embed-text', 'embed-key': 'sk-not-to-be-shown', 'embed-retries': 1, 'ingest-retry-ms': 50 };
const carrel = await startDesk({ settings });
test.after(async () => {
	await carrel.stop();
	await fake.close();
});
const ann = await addUser(carrel, 'ann');
const ben = await addUser(carrel, 'ben');
assert.equal((await carrel.operator('PATCH', `/v1/users/${ann}`, { role: 'admin' })).status, 200);
const text = (i) => `The ${['harbour', 'lighthouse', 'orchard', 'observatory', 'ferry'][i % 5]} number ${i} opens at ${i + 5} and closes at noon.\n`;
const files = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`hours-${i}.txt`, text(i)]));
await shelf(carrel, 'ann', 'desk', files, [{ principal: ann, right: 'own' }, { principal: ben, right: 'read' }]);
const { documents } = await shelf(carrel, 'ben', 'private', { 'plan.txt': `The plan for ${SECRET} is to open a second lighthouse.\n` }, [{ principal: ben, right: 'own' }]);

async function question(who, words) {
	const turn = await postTurn(carrel, who, await newConversation(carrel, who), words);
	assert.equal(turn.status, 202, turn.text);
	await read(carrel, turn.json.streamUrl, { as: who });
}

async function shown(as, details = true) {
	const r = await carrel.operator('GET', `/v1/reindex${details ? '?details=1' : ''}`, undefined, { as });
	assert.equal(r.status, 200, r.text);
	const json = JSON.parse(r.text);
	assert.equal(unlisted('GET', '/v1/reindex', { ...r, json }), null);
	assert.ok(!r.text.includes('sk-not'));
	return { ...json, text: r.text, of: (state) => json.spaces.find((s) => s.state === state) };
}

const order = async (body, as) => {
	const r = await carrel.operator('POST', '/v1/reindex', body, { as });
	return { ...r, json: r.text ? JSON.parse(r.text) : undefined };
};
async function done(body) {
	const r = await order(body);
	assert.equal(r.status, 202, r.text);
	const job = await carrel.jobEnd(r.json.jobId);
	assert.equal(job.state, 'done', job.message);
	return job;
}
/** Cancelled while the embedding server is silent. */
async function givenUp(body) {
	const before = asked().length;
	const ours = (x) => x.input.some((text) => / opens at /.test(text));
	fake.embeddings = (x) => (ours(x) ? 'silent' : undefined);
	const r = await order(body);
	assert.equal(r.status, 202, r.text);
	await until(() => asked().slice(before).some((x) => ours(x.body)), 'it is asked to embed');
	if (body.embedder) {
		assert.equal((await order({ space: 'drop' })).status, 404, 'it is worked on');
	}
	await carrel.operator('POST', `/v1/jobs/${r.json.jobId}/cancel`);
	assert.equal((await carrel.jobEnd(r.json.jobId)).state, 'cancelled');
	fake.embeddings = undefined;
}
const cli = (args) => runCarrel(['reindex', '--data', carrel.data, ...args]);
const asked = () => fake.requests.filter((r) => r.path.endsWith('/embeddings'));

test('compared, not swapped', async () => {
	for (const [who, words] of [['ann', 'When does the ferry open?'], ['ann', 'When does the orchard close?'], ['ben', `What is the plan for ${SECRET}?`], ['ben', 'When does the ferry open?']]) {
		await question(who, words);
	}
	assert.equal((await shown('ann')).replay, null);
	const r = await cli(['--embedder', 'openai', '--compare']);
	assert.equal(r.status, 0, r.stderr);
	assert.match(r.stdout, /^4 recent questions asked of both: \d+ % of the first 10 passages are the same,\n\d+ finds? another passage first\.\n/);
	assert.match(r.stdout, /the new vectors wait: `carrel reindex --swap`/);
	const now = await shown('ann');
	assert.deepEqual([now.of('serving').embedder, now.of('waiting').embedder, now.of('waiting').missing], ['builtin', 'openai', 0]);
	assert.ok(now.of('waiting').bytes >= 21 * 32 * 2);
	assert.deepEqual([now.replay.questions, now.replay.failed, now.replay.doubtful], [4, 0, null]);
	// nomic wants words before a text, and a document has other ones than a question
	const inputs = asked().flatMap((x) => x.body.input);
	assert.ok(inputs.some((t) => t.startsWith('search_document: ')) && inputs.some((t) => t.startsWith('search_query: When')));
	assert.ok(inputs.filter((t) => t.includes('opens at')).every((t) => t.startsWith('search_document: ')));
	assert.equal(asked().at(-1).headers.authorization, 'Bearer sk-not-to-be-shown');
});

test('whoever reads the comparison sees only their own questions and what they may read', async () => {
	const of = await shown('ann');
	assert.deepEqual(of.replay.own.map((q) => q.question).sort(), ['When does the ferry open?', 'When does the orchard close?']);
	assert.ok(of.replay.own.every((q) => q.before.documentName.startsWith('hours-') && q.overlap >= 0 && q.overlap <= 1));
	assert.ok(!of.text.includes(SECRET) && !of.text.includes('plan.txt') && !of.text.includes(documents['plan.txt']));
	const operators = await shown(undefined);
	assert.deepEqual([operators.replay.own, operators.replay.questions], [[], 4]);
	const r = await cli(['--spaces', '--details']);
	assert.ok(r.stdout.includes('waiting') && !r.stdout.includes(SECRET), r.stdout);
	assert.equal((await order({ embedder: 'openai' }, 'ben')).status, 404);
	assert.equal((await carrel.operator('GET', '/v1/reindex', undefined, { as: 'ben' })).status, 404);
});

test('swapped on order, the former kept; what is added or deleted meanwhile is not lost', async () => {
	const before = asked().length;
	const r = await cli(['--swap', '--keep']);
	assert.equal(r.status, 0, r.stderr);
	assert.match(r.stdout, /the new vectors serve/);
	assert.equal(asked().length, before, 'nothing is embedded twice');
	let now = await shown('ann');
	assert.deepEqual([now.of('serving').embedder, now.of('kept').embedder, now.of('kept').missing], ['openai', 'builtin', 0]);
	await shelf(carrel, 'ann', 'more', { 'new.txt': 'The planetarium opens at nine.\n' });
	assert.equal((await shown('ann')).of('kept').missing, 1);
	// deleted: gone from the kept ones as well
	const chunks = now.of('kept').chunks;
	const deleted = await carrel.operator('DELETE', `/v1/documents/${documents['plan.txt']}`, undefined, { as: 'ben' });
	assert.equal(deleted.status, 202, deleted.text);
	await carrel.jobEnd(JSON.parse(deleted.text).jobId, 'ben');
	now = await shown('ann');
	assert.equal(now.of('kept').chunks, chunks - 1);
	// and back again: filled up first
	const back = await cli(['--back', '--keep', '--json']);
	assert.equal(back.status, 0, back.stderr);
	now = await shown('ann');
	assert.deepEqual([now.of('serving').embedder, now.of('serving').missing, now.of('kept').embedder], ['builtin', 0, 'openai']);
	// a way back that is given up stays one
	await shelf(carrel, 'ann', 'late', { 'late.txt': 'The aquarium opens at ten.\n' });
	await givenUp({ space: 'back' });
	now = await shown('ann');
	assert.deepEqual([now.of('serving').embedder, now.of('kept').embedder, now.of('kept').missing, now.of('filling')], ['builtin', 'openai', 1, undefined]);
	assert.equal((await cli(['--back', '--keep'])).status, 0);
	assert.equal((await cli(['--back', '--keep'])).status, 0);
	now = await shown('ann');
	assert.deepEqual([now.of('serving').embedder, now.of('kept').missing], ['builtin', 0]);
	assert.equal((await cli(['--drop'])).status, 0);
	assert.equal((await shown('ann')).of('kept'), undefined);
	for (const args of [['--back'], ['--swap'], ['--drop']]) {
		assert.equal((await cli(args)).status, 9, args.join(' '));
	}
	for (const args of [['--back', '--embedder', 'openai'], ['--compare'], ['--embedder', 'openai', '--compare', '--yes'], ['--drop', '--swap']]) {
		assert.equal((await cli(args)).status, 2, args.join(' '));
	}
	for (const body of [{ space: 'swap', all: true }, { space: 'nonsense' }, { embedder: 'openai', swap: 'perhaps' }, { embedder: 'openai', keep: 1 }]) {
		assert.equal((await order(body)).status, 400, JSON.stringify(body));
	}
});

test('what an order that was given up has filled can be dropped', async () => {
	await givenUp({ embedder: 'openai' });
	assert.ok((await shown('ann')).of('filling'));
	assert.equal((await cli(['--drop'])).status, 0);
	assert.equal((await shown('ann')).of('filling'), undefined);
	assert.equal((await cli(['--drop'])).status, 9);
});

test('it looks wrong: the new ones wait', async () => {
	// Questions cannot be embedded, documents can.
	fake.embeddings = (body) => (body.input[0].startsWith('search_query: When') ? { status: 500, json: { error: { message: 'out of order' } } } : undefined);
	await done({ embedder: 'openai' });
	let now = await shown('ann');
	assert.equal(now.of('serving').embedder, 'builtin');
	assert.match(now.replay.doubtful, /could not be searched/);
	assert.ok(now.of('waiting'));
	// Another order takes the place of what waits.
	fake.embeddings = undefined;
	await done({ embedder: 'openai', swap: 'never' });
	await done({ embedder: 'openai' });
	now = await shown('ann');
	assert.deepEqual([now.of('serving').embedder, now.replay.doubtful], ['openai', null]);
	assert.deepEqual((await order({ space: 'drop' })).status, 202);
	await done({ embedder: 'builtin', swap: 'always' });
	assert.equal((await shown('ann')).of('serving').embedder, 'builtin');
});

test('a server that limits, drops, changes its limits or refuses', async () => {
	let refused = 0;
	fake.requests.length = 0;
	fake.embeddings = (body, nth) => {
		if (nth === 2) {
			return { status: 429, headers: { 'retry-after': '0' }, json: { error: { message: 'slow down' } } };
		}
		if (nth === 4) {
			return 'drop';
		}
		if (body.encoding_format === 'base64') {
			return { status: 400, json: { error: { message: 'unknown field encoding_format: base64' } } };
		}
		refused += body.input.length > 6;
		return body.input.length > 6 ? { status: 413, json: { error: `batch size ${body.input.length} > maximum allowed batch size 6` } } : undefined;
	};
	await done({ embedder: 'openai', swap: 'always' });
	assert.ok(refused >= 1 && refused <= 3, `${refused}`);
	assert.equal((await shown('ann')).of('serving').embedder, 'openai');
	// The model is changed under the same address: words still find, and it is said.
	fake.embeddings = undefined;
	fake.called = 'another-model';
	const found = await carrel.operator('POST', '/v1/search', { query: 'planetarium' }, { as: 'ann' });
	assert.equal(JSON.parse(found.text).passages[0].documentName ?? JSON.parse(found.text).passages[0].name, 'new.txt');
	assert.ok(carrel.output().includes('embed_model_changed'));
	fake.called = undefined;
	for (const [how, reason] of [[{ status: 401, json: { error: { message: 'wrong key sk-not-to-be-shown' } } }, 'embed_key'], [{ json: { data: [{ index: 0, embedding: [0, 0] }] } }, 'embed_answer'],
		[{ text: '<html>' }, 'embed_answer'], [{ status: 302, json: {} }, 'embed_refused']]) {
		fake.embeddings = () => how;
		const r = await order({ embedder: 'openai' });
		assert.deepEqual([r.status, r.json.error.code], [502, reason], r.text);
		assert.ok(!r.text.includes('sk-not'));
	}
	fake.embeddings = undefined;
	assert.ok(!carrel.output().includes('sk-not-to-be-shown'));
	// a question that was asked before needs no request
	const search = () => carrel.operator('POST', '/v1/search', { query: 'when does the ferry leave' }, { as: 'ben' });
	await search();
	const n = asked().length;
	await search();
	assert.equal(asked().length, n);
	assert.equal(embed('ferry').length, 32);
});

test('a reranker is sent only what its asker may read; its key is not shown', async () => {
	await shelf(carrel, 'ben', 'diary', { 'diary.txt': `The lighthouse of ${SECRET} opens at midnight.\n` }, [{ principal: ben, right: 'own' }]);
	const set = await carrel.operator('PATCH', '/v1/settings', { settings: { 'rerank-url': fake.url, 'rerank-model': 'judge', 'rerank-key': 'sk-rerank-not-shown' } });
	assert.equal(set.status, 200, set.text);
	const sent = async (as) => {
		fake.requests.length = 0;
		const r = await carrel.operator('POST', '/v1/search', { query: `lighthouse of ${SECRET}` }, { as });
		assert.equal(r.status, 200, r.text);
		const [one, ...more] = fake.requests.filter((x) => x.path.endsWith('/rerank'));
		assert.deepEqual([more.length, one.body.model, one.headers.authorization], [0, 'judge', 'Bearer sk-rerank-not-shown']);
		return { documents: one.body.documents.join('\n'), found: r.text };
	};
	assert.ok((await sent('ben')).documents.includes(SECRET));
	const { documents: hers, found } = await sent('ann');
	assert.ok(hers.includes('lighthouse') && !hers.includes(SECRET) && !found.includes('diary'));
	assert.ok(!carrel.output().includes('sk-rerank-not-shown'));
	assert.equal((await carrel.operator('PATCH', '/v1/settings', { settings: { 'rerank-url': null } })).status, 200);
});

test('without a server, as with one', async () => {
	const data = temporaryFolder();
	const flags = ['--data', data, '--embed-url', fake.url, '--embed-model', 'fake', '--json', '--quiet'];
	try {
		assert.equal((await runCarrel(['ingest', 'fixtures/documents/hr', '--collection', 'lib', '--data', data])).status, 0);
		const r = await runCarrel(['reindex', '--embedder', 'openai', ...flags]);
		assert.equal(r.status, 0, r.stderr);
		const said = JSON.parse(r.stdout.trim().split('\n').at(-1));
		assert.deepEqual([said.replay.questions, said.spaces.filter((s) => s.state === 'serving').map((s) => s.embedder)], [0, ['openai']]);
	} finally {
		rmSync(data, { recursive: true, force: true });
	}
});
