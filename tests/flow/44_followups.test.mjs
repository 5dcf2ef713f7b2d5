// Questions that follow up on earlier ones: by the built-in rule, by a model, and when that does not help.
import assert from 'node:assert/strict';
import test from 'node:test';
import { LEAVE, TRAVEL, ZH, addUser, ask, newConversation, open, postTurn, shelf, startDesk } from './answers.mjs';
import { until } from './carrel.mjs';
import { startFakeModel } from './fake_model.mjs';

const MILAN = 'How much may a hotel room in Milan cost per night?';
const fake = await startFakeModel({ mode: 'cite' });
const carrel = await startDesk();
test.after(async () => {
	await carrel.stop();
	await fake.close();
});
await addUser(carrel, 'ada');
await addUser(carrel, 'bob');
const books = await shelf(carrel, 'ada', 'rules', { 'travel.md': TRAVEL, 'leave.md': LEAVE, 'zh.md': ZH });
const set = async (values) => assert.equal((await carrel.operator('PATCH', '/v1/settings', { settings: values })).status, 200);
const searched = (r) => r.events.find((e) => e.type === 'retrieval.completed').data;
const stored = async (r) => (await carrel.operator('GET', `/v1/runs/${r.run}/retrieval`, undefined, { as: 'ada' })).json;

test('without a model, the words that are missing are carried over', async () => {
	const first = await ask(carrel, 'ada', MILAN);
	assert.deepEqual([searched(first).query, searched(first).rewritten], [MILAN, null]);
	const second = await ask(carrel, 'ada', 'Who approves a dearer one?', { conversation: first.conversation });
	const event = searched(second);
	assert.match(event.query, /^Who approves a dearer one\? .*hotel room/);
	assert.equal(event.rewritten, 'rule');
	assert.equal(event.timeUs.rewrite, undefined);
	assert.equal(event.passages[0].documentId, books.documents['travel.md']);
	const kept = await stored(second);
	assert.deepEqual([kept.query, kept.rewritten], [event.query, 'rule']);
	for (const [language, before, question, answer] of [['zh', '北京的住宿上限是多少？', '报销单呢？', /十个工作日/]]) {
		const one = await ask(carrel, 'ada', before);
		const two = await ask(carrel, 'ada', question, { conversation: one.conversation });
		assert.equal(searched(two).rewritten, 'rule', language);
		assert.match(two.answer, answer);
	}
});

test('a new subject is searched as it was asked', async () => {
	for (const question of ['How many days of annual leave may be carried over?', 'Illness?']) {
		const first = await ask(carrel, 'ada', MILAN);
		const next = await ask(carrel, 'ada', question, { conversation: first.conversation });
		assert.deepEqual([searched(next).query, searched(next).rewritten], [question, null]);
		assert.equal(searched(next).passages[0].documentId, books.documents['leave.md']);
	}
});

test('an ephemeral chat follows up too', async () => {
	const messages = [{ role: 'user', content: MILAN }, { role: 'assistant', content: 'At most 175 EUR.' }, { role: 'user', content: 'And who approves more?' }];
	const stream = await (await open(carrel, 'POST', '/v1/chat', { as: 'ada', body: { messages } }).ready).done;
	assert.match(stream.events.find((e) => e.type === 'retrieval.completed').data.query, /hotel/);
});

test('a model rewrites what leans, and only that', async () => {
	await set({ 'model-url': fake.url, 'model-name': 'fake', 'rewrite-ms': 20_000 });
	let asked;
	fake.rewrite = (text) => {
		asked = text;
		return ' "Who approves a dearer hotel room in Milan?"\nIt is about hotels.';
	};
	const first = await ask(carrel, 'ada', MILAN);
	assert.equal(fake.requests.length, 1);
	const second = await ask(carrel, 'ada', 'Who approves it?', { conversation: first.conversation });
	assert.equal(fake.requests.length, 3);
	assert.deepEqual([searched(second).query, searched(second).rewritten], ['Who approves a dearer hotel room in Milan?', 'model']);
	assert.ok(searched(second).timeUs.rewrite > 0);
	assert.deepEqual((await stored(second)).timeUs, searched(second).timeUs);
	assert.equal(asked, `Earlier questions:\n${MILAN}\n\nLast question:\nWho approves it?\n`);
	assert.ok(fake.requests[1].body.max_tokens <= 100);
	// what the model is asked to answer is the question as it was put
	assert.match(fake.last().body.messages.at(-1).content, /Question: Who approves it\?$/);
	await ask(carrel, 'ada', 'How many days of annual leave may be carried over?', { conversation: first.conversation });
	assert.equal(fake.requests.length, 4);
});

for (const [what, rewrite] of [['an answer instead of a question', () => 'It is 900 EUR, and the chief pilot signs.'], ['nothing', () => ''],
	['too much', () => 'hotel '.repeat(200)], ['nothing in time', () => undefined]]) {
	test(`the rule stands in for a model that says ${what}`, async () => {
		const first = await ask(carrel, 'ada', MILAN);
		fake.rewrite = rewrite;
		await set({ 'rewrite-ms': rewrite() === undefined ? 600 : 20_000 });
		const began = performance.now();
		const second = await ask(carrel, 'ada', 'Who approves it?', { conversation: first.conversation });
		assert.ok(performance.now() - began < 15_000);
		assert.equal(searched(second).rewritten, 'rule');
		assert.match(searched(second).query, /hotel room/);
		assert.equal(second.last.data.mode, 'model');
	});
}

test('a stop while the model rewrites ends the answer and the request', async () => {
	await set({ 'rewrite-ms': 60_000 });
	const first = await ask(carrel, 'ada', MILAN);
	let request;
	fake.rewrite = (text, seen) => { request = seen; };
	const turn = await postTurn(carrel, 'ada', first.conversation, 'Who approves it?');
	await until(() => request, 'the model is asked to rewrite');
	const began = performance.now();
	const cancel = await carrel.operator('POST', `/v1/runs/${turn.json.runId}/cancel`, undefined, { as: 'ada' });
	assert.ok(cancel.status < 300, cancel.text);
	const stream = await (await open(carrel, 'GET', turn.json.streamUrl, { as: 'ada' }).ready).done;
	assert.equal(stream.events.at(-1).type, 'run.cancelled');
	await request.gone;
	assert.ok(performance.now() - began < 20_000);
	await set({ 'rewrite-ms': 0 });
	request = null;
	const second = await ask(carrel, 'ada', 'Who approves it?', { conversation: first.conversation });
	assert.deepEqual([request, searched(second).rewritten], [null, 'rule']);
});

// A turn whose answer may not be shown any more takes no part: neither its words nor what a model made of them.
test('what may not be shown any more is not searched for', async () => {
	await set({ 'rewrite-ms': 60_000 });
	const secret = await shelf(carrel, 'ada', 'board', { 'osprey.md': '# Osprey\n\nThe osprey takeover is signed by Nora Quill in spring.\n' });
	const first = await ask(carrel, 'bob', 'Who signs the osprey takeover?');
	assert.match(first.answer, /Nora Quill/);
	let release;
	const asked = new Promise((told) => {
		fake.rewrite = (text) => { told(text); return new Promise((line) => { release = line; }); };
	});
	const turn = await postTurn(carrel, 'bob', first.conversation, 'And when?');
	assert.match(await asked, /osprey/);
	await carrel.operator('PUT', `/v1/collections/${secret.collection}/acl`, { entries: [{ principal: 'user:ada', right: 'own' }] }, { as: 'ada' });
	release('When is the osprey takeover signed?');
	const stream = await (await open(carrel, 'GET', turn.json.streamUrl, { as: 'bob' }).ready).done;
	const event = stream.events.find((e) => e.type === 'retrieval.completed').data;
	assert.deepEqual([event.query, event.rewritten], ['And when?', null]);
	fake.rewrite = (text) => { assert.doesNotMatch(text, /osprey/); return ''; };
	const later = await ask(carrel, 'bob', 'And who?', { conversation: first.conversation });
	assert.doesNotMatch(JSON.stringify(later.events) + JSON.stringify(fake.last().body), /osprey|Quill/);
	const fresh = await newConversation(carrel, 'bob');
	assert.equal(searched(await ask(carrel, 'bob', 'And who?', { conversation: fresh })).rewritten, null);
});
