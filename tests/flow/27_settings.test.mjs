// Settings while the server runs: shown with where they come from, changed in carrel.ini, tried out.
import test from 'node:test';
import assert from 'node:assert/strict';
import http from 'node:http';
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { startCarrel, temporaryFolder } from './carrel.mjs';
import { startFakeModel } from './fake_model.mjs';
import { unlisted } from './openapi.mjs';
import { assertError, operate, output } from './people.mjs';

const KEY = 'sk-very-secret-indeed';
const data = temporaryFolder();
const ini = path.join(data, 'carrel.ini');
writeFileSync(ini, '# by hand\nanswer-tokens = 500\n\nmodel-retries: 1\n', { mode: 0o600 });
const start = () => startCarrel({ data, settings: { 'login-tries': 50 }, env: { CARREL_SOURCE_TOKENS: '2000' } });
let carrel = await start();
test.after(async () => {
	await carrel.stop();
	rmSync(data, { recursive: true, force: true });
});

async function asked(method, url, body) {
	const r = await operate(carrel, method, url, body);
	assert.equal(unlisted(method, url, r), null);
	assert.ok(!r.text.includes(KEY), 'a secret is never shown');
	return r;
}
const patch = (settings) => asked('PATCH', '/v1/settings', { settings });
const attempt = async (what, settings) => {
	const r = await asked('POST', '/v1/settings/test', { what, settings });
	assert.equal(r.status, 200, r.text);
	return r.json;
};
const shown = async () => Object.fromEntries((await asked('GET', '/v1/settings')).json.settings.map((s) => [s.name, s]));

async function answer(question) {
	const c = (await operate(carrel, 'POST', '/v1/conversations', {}, { as: 'ann' })).json.id;
	const turn = (await operate(carrel, 'POST', `/v1/conversations/${c}/turns`, { input: question }, { as: 'ann' })).json;
	await operate(carrel, 'GET', `/v1/runs/${turn.runId}/stream`, undefined, { as: 'ann' });
	return (await operate(carrel, 'GET', `/v1/runs/${turn.runId}`, undefined, { as: 'ann' })).json;
}

test('each says where it comes from', async () => {
	const s = await shown();
	assert.deepEqual([s['answer-tokens'].value, s['answer-tokens'].source], ['500', 'file']);
	assert.deepEqual([s['source-tokens'].value, s['source-tokens'].source], ['2000', 'environment']);
	assert.deepEqual([s['login-tries'].value, s['login-tries'].source], ['50', 'flag']);
	assert.deepEqual([s['model-key'].value, s['model-key'].source, s['model-key'].secret], ['', 'default', true]);
	assert.deepEqual([s['http-workers'].live, s['model-url'].live], [false, true]);
});

test('all changes count or none; the file keeps the rest', async () => {
	const before = readFileSync(ini, 'utf8');
	for (const [settings, status, code] of [[{ 'model-name': 'm', 'answer-tokens': 3 }, 400, 'bad_setting'], [{ 'model-name': 'm', nonsense: 1 }, 400, 'unknown_setting'],
		[{ 'model-name': 'm', 'login-tries': 20 }, 409, 'fixed_setting'], [{ 'model-name': 'm', 'source-tokens': 20 }, 409, 'fixed_setting'],
		[{ data: '/tmp' }, 400, 'bad_setting'], [{ 'model-key': `${KEY}\nlisten = 0.0.0.0:1` }, 400, 'bad_setting'], [{ 'model-key': `${KEY} ;x` }, 400, 'bad_setting'],
		[{ 'model-name': true }, 400, 'bad_field'], [{ 'answer-tokens': 1.5 }, 400, 'bad_field'], [undefined, 400, 'missing_field'], [[], 400, 'bad_field'],
		[{ 'model-url': 'file:///etc/passwd' }, 400, 'bad_setting']]) {
		assertError(await patch(settings), status, code);
	}
	assert.equal(readFileSync(ini, 'utf8'), before);
	assert.equal((await shown())['model-name'].value, 'default');
	const r = await patch({ 'answer-tokens': 400, 'http-workers': 3, 'model-key': KEY });
	assert.equal(r.status, 200, r.text);
	assert.deepEqual(r.json.restart, ['http-workers']);
	assert.equal(readFileSync(ini, 'utf8'), `# by hand\nanswer-tokens = 400\n\nmodel-retries: 1\nhttp-workers = 3\nmodel-key = ${KEY}\n`);
	assert.equal(statSync(ini).mode & 0o777, 0o600);
	const s = await shown();
	assert.deepEqual([s['model-key'].value, s['http-workers'].value, s['http-workers'].source], ['set', '3', 'file']);
	assert.deepEqual((await patch({ 'http-workers': null })).json.restart, []);
	assert.equal((await shown())['http-workers'].source, 'default');
	assert.ok(!output(carrel).includes(KEY));
});

test('a model that is set counts for the next question', async () => {
	const made = await operate(carrel, 'POST', '/v1/users', { name: 'ann' });
	assert.equal(made.status, 201, made.text);
	assert.equal((await answer('What is the price of tea?')).mode !== 'model', true);
	const fake = await startFakeModel();
	try {
		assert.equal((await patch({ 'model-url': fake.url, 'model-name': 'plain' })).status, 200);
		const me = (await operate(carrel, 'GET', '/v1/me', undefined, { as: 'ann' })).json;
		assert.equal(me.server.model, 'plain');
		const tried = await attempt('model');
		assert.deepEqual([tried.ok, tried.message], [true, 'The model "plain" answers.']);
		assert.equal(fake.last().headers.authorization, `Bearer ${KEY}`);
		// Many changes while others read.
		await Promise.all(Array.from({ length: 30 }, (_, i) => (i % 2 ? shown() : patch({ 'model-name': i % 4 ? 'plain' : 'cite' }))));
		assert.equal((await patch({ 'model-url': null })).status, 200);
	} finally {
		await fake.close();
	}
});

test('trying out says in a sentence what is wrong', async () => {
	let reply;
	let seen;
	const server = http.createServer((req, res) => {
		seen = req.headers;
		reply(res);
	});
	await new Promise((done) => server.listen(0, '127.0.0.1', done));
	const url = `http://127.0.0.1:${server.address().port}/v1`;
	const status = (n, body = '') => (res) => {
		res.statusCode = n;
		res.end(body);
	};
	const error = (message) => JSON.stringify({ error: { message } });
	for (const [how, says] of [[status(401, error(`Incorrect key ${KEY}`)), /refuses the key \(401\)/], [status(404), /no \/chat\/completions .*404/], [status(404, error('no model m')), /"no model m"/],
		[status(429), /busy/], [status(500, error('out of <b>memory</b>')), /error \(500\): "out of/], [status(302), /another address/], [status(200, '<html>'), /not JSON/],
		[status(200, '{}'), /no choices/], [status(200, '[]'), /not JSON/], [(res) => res.destroy(), /connection failed/], [(res) => res.end('x'.repeat(2 << 20)), /more than any answer/]]) {
		reply = how;
		const r = await attempt('model', { 'model-url': url, 'model-name': 'm', 'model-key': KEY });
		assert.equal(r.ok, false);
		assert.match(r.message, says);
		assert.equal(seen.authorization, `Bearer ${KEY}`);
	}
	for (const [how, says] of [[status(404), /"nö+" is not there/], [status(200, JSON.stringify({ choices: [{ message: {} }] })), /"nö+" answers/], [status(500, error('ü'.repeat(900))), /"ü+"/]]) {
		reply = how; // a name is cut between characters
		assert.match((await attempt('model', { 'model-url': url, 'model-name': `n${'ö'.repeat(90)}` })).message, says);
	}
	reply = status(200, JSON.stringify({ data: [{ embedding: [1, 2, 3] }] }));
	assert.equal((await patch({ 'embed-key': KEY, 'embed-url': 'http://127.0.0.1:1/v1' })).status, 200);
	assert.match((await attempt('embedder', { embedder: 'openai', 'embed-url': url, 'embed-model': 'e' })).message, /3 numbers/);
	assert.equal(seen.authorization, undefined, 'a kept key is for its own server');
	assert.equal((await patch({ 'rerank-key': KEY, 'rerank-url': 'http://127.0.0.1:1/v1' })).status, 200);
	for (const [how, ok, says] of [[status(200, JSON.stringify({ results: [{ index: 1, relevance_score: 2 }, { index: 0, relevance_score: -3 }] })), true, /what fits the question comes first/],
		[status(200, JSON.stringify([{ index: 0, score: 0.9 }, { index: 1, score: 0.1 }])), false, /right model/], [status(501, error('does not rerank')), false, /status 501: does not rerank\.$/],
		[status(404), false, /status 404/], [status(200, '<html>'), false, /not JSON/]]) {
		reply = how;
		const r = await attempt('reranker', { 'rerank-url': url });
		assert.deepEqual([r.ok, says.test(r.message)], [ok, true], r.message);
		assert.equal(seen.authorization, undefined, 'a kept key is for its own server');
	}
	reply = status(501, error(`does not rerank ${KEY}`));
	assert.ok(!(await attempt('reranker', { 'rerank-url': url, 'rerank-key': KEY })).message.includes(KEY));
	assert.equal(seen.authorization, `Bearer ${KEY}`);
	await new Promise((done) => {
		server.close(done);
		server.closeAllConnections();
	});
	assert.match((await attempt('reranker')).message, /cannot be reached/);
	assert.match((await attempt('reranker', { 'rerank-url': '' })).message, /not set/);
	assert.match((await attempt('model', { 'model-url': url })).message, /Nothing answers/);
	assert.match((await attempt('model', { 'model-url': 'http://no-such-host.invalid/v1' })).message, /name of the server/);
	assert.match((await attempt('embedder', { embedder: 'openai' })).message, /needs embed-url and embed-model/);
	assert.equal((await attempt('embedder')).ok, true);
	assert.match((await attempt('model')).message, /not set/);
	for (const body of [{ what: 'all' }, {}, { what: 'model', settings: { 'model-url': 'gopher://x' } }, { what: 'model', settings: { nonsense: 'x' } }, { what: 'model', more: 1 }]) {
		assertError(await asked('POST', '/v1/settings/test', body), 400);
	}
});

test('after a restart all of it counts; it is written down without values', async () => {
	await patch({ 'answer-tokens': 321, 'http-workers': 2 });
	const audit = await operate(carrel, 'GET', '/v1/audit?limit=200');
	const entry = audit.json.audit.find((x) => x.action === 'settings.change');
	assert.deepEqual([JSON.parse(entry.detail), entry.actor], [{ names: ['answer-tokens', 'http-workers'] }, 'operator']);
	assert.ok(!audit.text.includes(KEY));
	await carrel.stop();
	carrel = await start();
	const r = await asked('GET', '/v1/settings');
	assert.deepEqual(r.json.restart, []);
	const s = await shown();
	assert.deepEqual([s['answer-tokens'].value, s['http-workers'].value, s['model-key'].value], ['321', '2', 'set']);
});
