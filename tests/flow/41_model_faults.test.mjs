// Answers of a model, and of one that misbehaves. Alone: what is measured is short.
import test from 'node:test';
import assert from 'node:assert/strict';
import { addUser, ask, digest, LEAVE, newConversation, open, postTurn, read, shelf, startDesk, TRAVEL } from './answers.mjs';
import { startFakeModel } from './fake_model.mjs';

const fake = await startFakeModel({ mode: 'cite' });
const carrel = await startDesk({ env: {
	CARREL_MODEL_URL: fake.url, CARREL_MODEL_NAME: 'fake-1', CARREL_MODEL_KEY: 'sk-very-secret', CARREL_MODEL_FIRST_MS: '600',
	CARREL_MODEL_STALL_MS: '400', CARREL_ANSWER_TOKENS: '200', CARREL_RUNS_AT_ONCE: '3',
} });
test.after(async () => {
	await carrel.stop();
	await fake.close();
});
await addUser(carrel, 'ada');
await addUser(carrel, 'bob');
await shelf(carrel, 'ada', 'policies', { 'travel.md': TRAVEL, 'leave.md': LEAVE });
const MILAN = 'What may a hotel room in Milan cost per night?';

function script(mode) {
	fake.mode = mode;
	fake.requests.length = 0;
}

async function askIn(mode, options) {
	script(mode);
	return ask(carrel, 'ada', MILAN, options);
}

async function begin() {
	const conversation = await newConversation(carrel, 'ada');
	const r = await postTurn(carrel, 'ada', conversation, MILAN);
	assert.equal(r.status, 202, r.text);
	return { conversation, run: r.json.runId, path: r.json.streamUrl };
}

async function until(test_, what) {
	for (const stop = performance.now() + 5000; performance.now() < stop;) {
		const value = await test_();
		if (value) {
			return value;
		}
		await new Promise((done) => setTimeout(done, 5));
	}
	throw new Error(`waited in vain for ${what}`);
}

const deltas = (stream) => stream.events.filter((e) => e.type === 'assistant.delta').length;
const runOf = async (r) => (await carrel.operator('GET', `/v1/runs/${r.run}`, undefined, { as: 'ada' })).json;
const cancel = (r) => carrel.operator('POST', `/v1/runs/${r.run}/cancel`, undefined, { as: 'ada' });

test('the model answers, its markers become citations', async () => {
	const r = await askIn('cite');
	assert.equal(r.last.data.mode, 'model');
	assert.equal(r.last.data.state, 'completed');
	assert.equal(r.citations.length, 1);
	assert.equal(r.citations[0].support, 'verified');
	assert.equal(r.citations[0].handle, 1);
	assert.ok(!r.answer.includes('[9]'));
	assert.equal(r.last.data.droppedMarkers, 1);
	assert.deepEqual(r.last.data.usage, { promptTokens: 321, answerTokens: 12 });
	const { body, headers, path } = fake.last();
	assert.equal(path, '/v1/chat/completions');
	assert.equal(headers.authorization, 'Bearer sk-very-secret');
	assert.equal(body.model, 'fake-1');
	assert.equal(body.stream, true);
	assert.equal(body.max_tokens, 200);
	assert.equal(body.messages[0].role, 'system');
	assert.doesNotMatch(JSON.stringify(body), /(doc|chk|ver|run|conv|usr)_01/);
	assert.ok(!carrel.output().includes('sk-very-secret'));
});

test('earlier turns are part of the prompt, without their markers', async () => {
	const first = await askIn('cite');
	await askIn('cite', { conversation: first.conversation });
	const { messages } = fake.last().body;
	assert.deepEqual(messages.map((m) => m.role), ['system', 'user', 'assistant', 'user']);
	assert.equal(messages[1].content, MILAN);
	assert.doesNotMatch(messages[2].content, /\[1\]/);
});

for (const [mode, words] of [['crlf', 'Line ends differ. It works.'], ['packets', '水表 costs €5 — “quoted” 😀.'], ['nulls', 'Said.'],
	['busy', null], ['picky', null], ['whole', 'Not streamed.'], ['plain', 'Nothing is cited here.']]) {
	test(`a model that is ${mode} is understood`, async () => {
		const r = await askIn(mode);
		assert.equal(r.last.data.mode, 'model', JSON.stringify(r.last));
		assert.equal(r.last.data.state, 'completed');
		assert.equal(words ?? r.answer, r.answer);
	});
}

for (const [mode, reason, requests] of [['broken', 'model_status', 3], ['garbage', 'model_garbage', 1], ['error200', 'model_error', 1],
	['silent', 'model_timeout', 1], ['early_drop', 'model_unreachable', 3]]) {
	test(`a model that is ${mode} is replaced by the sources' own words`, async () => {
		const r = await askIn(mode);
		assert.equal(r.last.data.mode, 'extractive');
		assert.equal(r.last.data.state, 'completed');
		assert.equal(r.last.data.reason, reason);
		assert.match(r.answer, /175 EUR/);
		assert.equal(fake.requests.length, requests);
	});
}

for (const [mode, reason] of [['stall', 'model_stalled'], ['drop', 'model_dropped'], ['late_error', 'model_error'], ['huge', 'model_too_large'],
	['endless', 'model_too_large']]) {
	test(`a model that is ${mode} leaves a partial answer`, async () => {
		const r = await askIn(mode);
		assert.equal(r.last.type, 'assistant.completed');
		assert.equal(r.last.data.state, 'partial');
		assert.equal(r.last.data.reason, reason);
		assert.ok(r.answer.length > 5 && r.answer.length < 10_000);
		assert.equal(r.last.data.answer, r.answer);
		assert.equal(fake.requests.length, 1);
		const run = await runOf(r);
		assert.equal(run.state, 'partial');
		assert.equal(run.answer, r.answer);
	});
}

test('weak evidence is refused before the model is asked', async () => {
	script('echo');
	const r = await ask(carrel, 'ada', 'Which podcast does the marketing department publish?');
	assert.equal(r.last.data.mode, 'refused');
	assert.equal(fake.requests.length, 0);
});

test('responseMode extractive asks no model', async () => {
	const r = await askIn('echo', { responseMode: 'extractive' });
	assert.equal(r.last.data.mode, 'extractive');
	assert.equal(fake.requests.length, 0);
});

test('any number of listeners read one run, each from where it was', async () => {
	script('slow');
	const r = await begin();
	const streams = await Promise.all([0, 0, 3].map((at) => open(carrel, 'GET', `${r.path}?lastEventId=${at}`, { as: 'ada' }).ready));
	const gone = await open(carrel, 'GET', r.path, { as: 'ada', onEvent: (ev, s) => ev.type === 'assistant.delta' && s.close() }).ready;
	await gone.done;
	const all = await Promise.all(streams.map((s) => s.done));
	assert.ok(all[0].events.length > 10);
	assert.deepEqual(all[1].events, all[0].events);
	assert.deepEqual(all[2].events, all[0].events.filter((e) => e.id > 3));
	assert.equal(digest(all[0].events).last.data.state, 'completed');
	assert.equal(digest(all[0].events).answer.trim().split(' ').length, 40);
	const replay = await read(carrel, r.path, { as: 'ada' });
	assert.deepEqual(replay.events, all[0].events);
});

test('a run goes on without listeners', async () => {
	script('slow');
	const r = await begin();
	const run = await until(async () => {
		const now = await runOf(r);
		return now.finishedMs && now;
	}, 'the end of the run');
	assert.equal(run.state, 'completed');
});

test('cancel stops the model at once', async () => {
	script('slow');
	const r = await begin();
	const stream = await open(carrel, 'GET', r.path, { as: 'ada' }).ready;
	await until(() => deltas(stream) > 0, 'the first word');
	const asked = performance.now();
	assert.equal((await cancel(r)).status, 202);
	const closed = await fake.last().gone;
	assert.ok(closed - asked < 150, `${closed - asked} ms`);
	await stream.done;
	assert.equal(stream.events.at(-1).type, 'run.cancelled');
	const run = await runOf(r);
	assert.equal(run.state, 'cancelled');
	assert.match(run.answer, /^word0/);
	assert.equal((await cancel(r)).json.state, 'cancelled');
});

test('a conversation that is deleted stops all its answers', async () => {
	script('slow');
	const before = fake.requests.length;
	const r = await begin();
	const more = await carrel.operator('POST', `/v1/conversations/${r.conversation}/turns`, { input: MILAN, parentTurnSeq: 0 }, { as: 'ada' });
	assert.equal(more.status, 202, more.text);
	await until(() => fake.requests.length === before + 2, 'both questions at the model');
	const asked = performance.now();
	assert.equal((await carrel.operator('DELETE', `/v1/conversations/${r.conversation}`, undefined, { as: 'ada' })).status, 204);
	for (const q of fake.requests.slice(before)) {
		const closed = await q.gone;
		assert.ok(closed - asked < 1000, `${closed - asked} ms`);
	}
});

test('a turn that is being answered is not answered twice', async () => {
	script('slow');
	const r = await begin();
	const again = await carrel.operator('POST', `/v1/conversations/${r.conversation}/turns/1/regenerate`, {}, { as: 'ada' });
	assert.equal(again.status, 409);
	assert.equal(again.json.error.code, 'run_open');
	await cancel(r);
});

test('more runs than may be written at once wait their turn', async () => {
	script('slow');
	const runs = await Promise.all(Array.from({ length: 7 }, begin));
	let most = 0;
	const count = setInterval(() => { most = Math.max(most, fake.requests.filter((q) => !q.closed).length); }, 5);
	const ends = await Promise.all(runs.map((r) => read(carrel, r.path, { as: 'ada' })));
	clearInterval(count);
	assert.ok(most > 1 && most <= 3, `${most} at once`);
	for (const s of ends) {
		assert.equal(s.events.at(-1).data.state, 'completed');
	}
});

test('an ephemeral chat ends with its client', async () => {
	script('slow');
	const stream = await open(carrel, 'POST', '/v1/chat', { as: 'bob', body: { messages: [{ role: 'user', content: MILAN }] },
		onEvent: (ev, s) => ev.type === 'assistant.delta' && s.close() }).ready;
	await stream.done;
	const left = performance.now();
	assert.ok(await fake.last().gone - left < 1000);
});

test('an ephemeral chat ends when a document of its prompt may not be read any more', async () => {
	const acl = [{ principal: 'user:bob', right: 'read' }];
	const books = await shelf(carrel, 'ada', 'gulls', { 'gulls.md': '# Gulls\n\nA gull in Genoa may cost 12 EUR per night.\n' }, acl);
	const terns = await shelf(carrel, 'ada', 'terns', { 'terns.md': '# Terns\n\nTerns are free.\n' }, acl);
	const own = [{ principal: 'user:ada', right: 'own' }];
	const change = {
		collection: () => carrel.operator('PUT', `/v1/collections/${books.collection}/acl`, { entries: own }, { as: 'ada' }),
		document: () => carrel.operator('DELETE', `/v1/documents/${books.documents['gulls.md']}`, undefined, { as: 'ada' }),
		other: () => carrel.operator('DELETE', `/v1/documents/${terns.documents['terns.md']}`, undefined, { as: 'ada' }),
	};
	for (const [what, ends] of [['other', false], ['collection', true], ['document', true]]) {
		await carrel.operator('PUT', `/v1/collections/${books.collection}/acl`, { entries: [...own, ...acl] }, { as: 'ada' });
		script('slow');
		const stream = await open(carrel, 'POST', '/v1/chat', { as: 'bob', body: { collections: ['gulls'], messages: [{ role: 'user', content: 'What may a gull in Genoa cost per night?' }] } }).ready;
		await until(() => deltas(stream) > 0, 'the first word');
		const shown = stream.events.find((e) => e.type === 'retrieval.completed').data;
		assert.ok(shown.candidates.some((c) => c.handle === 1 && /12 EUR/.test(c.text)));
		const done = await change[what]();
		assert.ok(done.status < 300, done.text);
		const from = performance.now();
		await stream.done;
		const whole = stream.events.at(-1).type === 'assistant.completed';
		assert.equal(whole, !ends, `${what}: ${stream.events.at(-1).type}`);
		if (ends) {
			assert.ok(performance.now() - from < 1500);
			assert.ok(await fake.last().gone - from < 1500); // and the model is not paid for more
		}
	}
});

test('a deleted conversation stops its run', async () => {
	script('slow');
	const r = await begin();
	const stream = await open(carrel, 'GET', r.path, { as: 'ada' }).ready;
	await until(() => deltas(stream) > 0, 'the first word');
	assert.equal((await carrel.operator('DELETE', `/v1/conversations/${r.conversation}`, undefined, { as: 'ada' })).status, 204);
	await stream.done;
	assert.match(stream.events.at(-1).type, /run\.(failed|cancelled)/);
	assert.equal((await carrel.operator('GET', `/v1/runs/${r.run}`, undefined, { as: 'ada' })).status, 404);
});

test('what a model is sent never holds what the asker may not read', async () => {
	await shelf(carrel, 'ada', 'secret', { 'plan.md': '# Hotel plan\n\nA hotel room in Milan may cost 9999 quokka per night.\n' }, []);
	script('echo');
	const r = await ask(carrel, 'bob', MILAN);
	assert.equal(r.last.data.mode, 'model');
	assert.match(r.answer, /175 EUR/);
	assert.doesNotMatch(r.answer, /quokka/);
	assert.match((await ask(carrel, 'ada', MILAN)).answer, /quokka/);
});

test('what a model may have repeated of an earlier answer is withheld with it', async () => {
	const books = await shelf(carrel, 'ada', 'plans', { 'fair.md': '# Fair\n\nThe stand at the Milan fair is green as a wombat.\n' }, []);
	script('echo');
	const first = await ask(carrel, 'ada', 'Which colour has the stand at the Milan fair?', { collections: ['plans'] });
	assert.match(first.answer, /wombat/);
	const second = await ask(carrel, 'ada', MILAN, { conversation: first.conversation, collections: ['policies'] });
	assert.match(second.answer, /wombat/); // from the history
	const shut = await carrel.operator('PUT', `/v1/documents/${books.documents['fair.md']}/acl`, { entries: [] }, { as: 'ada' });
	assert.equal(shut.status, 200, shut.text);
	const turns = await carrel.operator('GET', `/v1/conversations/${first.conversation}/turns`, undefined, { as: 'ada' });
	assert.deepEqual(turns.json.turns.map((t) => t.run.withheld), [true, true]);
	assert.doesNotMatch(turns.text, /wombat/);
	assert.doesNotMatch((await read(carrel, `/v1/runs/${second.run}/stream`, { as: 'ada' })).text, /wombat/);
	assert.deepEqual((await carrel.operator('GET', '/v1/conversations?q=wombat', undefined, { as: 'ada' })).json.conversations, []);
	const third = await ask(carrel, 'ada', MILAN, { conversation: first.conversation });
	assert.doesNotMatch(third.answer, /wombat/);
});

test('a killed server leaves what was said, as partial', async () => {
	script('slow');
	const r = await begin();
	const stream = await open(carrel, 'GET', r.path, { as: 'ada' }).ready;
	await until(() => deltas(stream) > 12, 'some words');
	await carrel.kill();
	await stream.done;
	await carrel.start();
	const run = await runOf(r);
	assert.equal(run.state, 'partial');
	assert.equal(run.reason, 'interrupted');
	assert.match(run.answer, /^word0 word1 /);
	const last = stream.events.at(-1).id;
	const rest = await read(carrel, `${r.path}?lastEventId=${last}`, { as: 'ada' });
	assert.equal(rest.events.at(-1).type, 'run.failed');
	assert.equal(rest.events.at(-1).data.code, 'interrupted');
	assert.ok(rest.events[0].id > last);
	script('cite');
	const again = await carrel.operator('POST', `/v1/conversations/${r.conversation}/turns/1/regenerate`, {}, { as: 'ada' });
	assert.equal(again.status, 202);
	assert.equal((await read(carrel, again.json.streamUrl, { as: 'ada' })).events.at(-1).data.state, 'completed');
});

test('a stopping server ends its runs as partial', async () => {
	script('slow');
	const r = await begin();
	const stream = await open(carrel, 'GET', r.path, { as: 'ada' }).ready;
	await until(() => deltas(stream) > 3, 'some words');
	await carrel.restart();
	await stream.done;
	assert.equal(stream.events.at(-1).type, 'run.failed');
	assert.equal(stream.events.at(-1).data.code, 'interrupted');
	const run = await runOf(r);
	assert.equal(run.state, 'partial');
	assert.match(run.answer, /^word0 /);
});
