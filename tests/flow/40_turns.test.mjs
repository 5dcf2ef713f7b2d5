// Conversations, turns, runs and their streams, on the built-in answerer.
import test from 'node:test';
import assert from 'node:assert/strict';
import { addUser, ask, digest, LEAVE, newConversation, open, parseEvents, postTurn, read, shelf, startDesk, TRAVEL, ZH } from './answers.mjs';

const carrel = await startDesk();
test.after(() => carrel.stop());
for (const name of ['ada', 'bob', 'eve']) {
	await addUser(carrel, name);
}
const books = await shelf(carrel, 'ada', 'policies', { 'travel.md': TRAVEL, 'leave.md': LEAVE, 'zh.md': ZH });
const MILAN = 'What may a hotel room in Milan cost per night?';

test('an answer comes as numbered events and cites its place', async () => {
	const r = await ask(carrel, 'ada', MILAN);
	assert.deepEqual(r.types.slice(0, 2), ['run.started', 'retrieval.completed']);
	assert.equal(r.types.at(-1), 'assistant.completed');
	assert.deepEqual(r.events.map((e) => e.id), r.events.map((_, i) => i + 1));
	assert.equal(r.events[0].data.runId, r.run);
	assert.equal(r.events[1].data.passages[0].documentId, books.documents['travel.md']);
	assert.match(r.answer, /175 EUR/);
	assert.match(r.answer, /\[1\]/);
	assert.equal(r.last.data.state, 'completed');
	assert.equal(r.last.data.mode, 'extractive');
	assert.equal(r.last.data.reason, 'model_not_set');
	assert.equal(r.last.data.answer, r.answer);
	const cited = r.citations[0];
	assert.equal(cited.documentId, books.documents['travel.md']);
	assert.match(cited.quote, /175 EUR/);
	assert.equal(cited.support, 'verified');
	assert.equal(cited.page, 1);
	assert.match(Buffer.from(r.answer).subarray(cited.answerStart, cited.answerEnd).toString(), /175 EUR/);
	assert.equal(r.last.data.citations, r.citations.length);
});

test('the stored run and turn say the same', async () => {
	const r = await ask(carrel, 'ada', MILAN);
	const run = await carrel.operator('GET', `/v1/runs/${r.run}`, undefined, { as: 'ada' });
	assert.equal(run.status, 200);
	assert.equal(run.json.answer, r.answer);
	assert.equal(run.json.state, 'completed');
	assert.equal(run.json.withheld, false);
	assert.deepEqual(run.json.citations, r.citations);
	const turns = await carrel.operator('GET', `/v1/conversations/${r.conversation}/turns`, undefined, { as: 'ada' });
	assert.equal(turns.json.turns.length, 1);
	assert.equal(turns.json.turns[0].input, MILAN);
	assert.equal(turns.json.turns[0].run.answer, r.answer);
	assert.equal(turns.json.next, null);
	const conversation = await carrel.operator('GET', `/v1/conversations/${r.conversation}`, undefined, { as: 'ada' });
	assert.equal(conversation.json.title, MILAN);
});

test('a stream resumes after any event, and ends for good', async () => {
	const r = await ask(carrel, 'ada', MILAN);
	for (const at of [0, ...r.events.map((e) => e.id)]) {
		const again = await read(carrel, `/v1/runs/${r.run}/stream`, { as: 'ada', headers: { 'last-event-id': String(at) } });
		const rest = r.events.filter((e) => e.id > at);
		assert.equal(again.status, rest.length ? 200 : 204);
		assert.deepEqual(again.events, rest);
	}
	const query = await read(carrel, `/v1/runs/${r.run}/stream?lastEventId=2`, { as: 'ada' });
	assert.deepEqual(query.events, r.events.slice(2));
	for (const bad of ['x', '-1', '1.5', '99999999999999999999']) {
		assert.equal((await read(carrel, `/v1/runs/${r.run}/stream`, { as: 'ada', headers: { 'last-event-id': bad } })).status, 400);
	}
	assert.equal((await read(carrel, `/v1/runs/${r.run}/stream?lastEventId=5000`, { as: 'ada' })).status, 204);
});

test('what the documents do not say is refused, in the language of the question', async () => {
	for (const [question, words] of [
		['Which podcast does the marketing department publish?', /could not find/],
		['Bietet das Unternehmen einen Kindergarten für Kleinkinder an?', /nichts gefunden/],
		['篮球队下次比赛是哪天？', /没有找到/],
	]) {
		const r = await ask(carrel, 'ada', question);
		assert.equal(r.last.data.mode, 'refused', `${question}: ${r.answer}`);
		assert.match(r.answer, words);
		assert.equal(r.citations.length, 0);
		assert.equal(r.last.data.reason, 'weak_evidence');
	}
});

test('Chinese questions are answered from Chinese documents', async () => {
	const r = await ask(carrel, 'ada', '北京的住宿上限是多少？');
	assert.match(r.answer, /550/);
	assert.equal(r.citations[0].documentId, books.documents['zh.md']);
});

test('an Idempotency-Key makes one run of many posts', async () => {
	const c = await newConversation(carrel, 'ada');
	const post = (body, key) => postTurn(carrel, 'ada', c, body, { 'idempotency-key': key });
	const many = await Promise.all(Array.from({ length: 8 }, () => post({ input: MILAN, responseMode: 'extractive' }, 'k1')));
	for (const r of many) {
		assert.equal(r.status, 202, r.text);
		assert.deepEqual(r.json, many[0].json);
	}
	assert.deepEqual((await post({ responseMode: 'extractive', input: MILAN }, 'k1')).json, many[0].json);
	const other = await post({ input: 'Something else?' }, 'k1');
	assert.equal(other.status, 409);
	assert.equal(other.json.error.code, 'idempotency_key_reused');
	assert.equal((await post({ input: MILAN }, 'k2')).json.turnSeq, 2);
	assert.equal((await post({ input: MILAN }, 'x'.repeat(129))).status, 400);
	assert.equal((await post({ input: MILAN }, 'a b')).status, 400);
});

test('a follow-up knows what was asked before', async () => {
	const first = await ask(carrel, 'ada', 'How many days of annual leave may be carried over into the next year?');
	assert.match(first.answer, /six days/);
	const second = await ask(carrel, 'ada', 'And why?', { conversation: first.conversation });
	assert.equal(second.seq, 2);
	assert.ok(second.events[1].data.passages.some((p) => p.documentId === books.documents['leave.md']));
	const unknown = await postTurn(carrel, 'ada', first.conversation, { input: 'And?', parentTurnSeq: 77 });
	assert.equal(unknown.status, 400);
	const branch = await ask(carrel, 'ada', 'And then?', { conversation: first.conversation, parentTurnSeq: 1 });
	assert.equal(branch.seq, 3);
	const turns = await carrel.operator('GET', `/v1/conversations/${first.conversation}/turns?afterSeq=1&limit=1`, undefined, { as: 'ada' });
	assert.equal(turns.json.turns[0].seq, 2);
	assert.equal(turns.json.next, 2);
});

test('an answer is made again', async () => {
	const r = await ask(carrel, 'ada', MILAN);
	const path = `/v1/conversations/${r.conversation}/turns`;
	const again = await carrel.operator('POST', `${path}/1/regenerate`, {}, { as: 'ada' });
	assert.equal(again.status, 202, again.text);
	assert.notEqual(again.json.runId, r.run);
	const stream = await read(carrel, again.json.streamUrl, { as: 'ada' });
	assert.equal(digest(stream.events).answer, r.answer);
	const turns = await carrel.operator('GET', path, undefined, { as: 'ada' });
	assert.equal(turns.json.turns.length, 1);
	assert.equal(turns.json.turns[0].run.id, again.json.runId);
	assert.equal((await carrel.operator('POST', `${path}/9/regenerate`, {}, { as: 'ada' })).status, 404);
});

test('all answers of a turn are listed, and one of them is shown', async () => {
	const r = await ask(carrel, 'ada', MILAN);
	const path = `/v1/conversations/${r.conversation}/turns`;
	const again = await carrel.operator('POST', `${path}/1/regenerate`, { collections: ['policies'] }, { as: 'ada' });
	await read(carrel, again.json.streamUrl, { as: 'ada' });
	const turn = async () => (await carrel.operator('GET', path, undefined, { as: 'ada' })).json.turns[0];
	const both = await turn();
	assert.deepEqual(both.runs.map((x) => [x.id, x.state, x.mode]), [[r.run, 'completed', 'extractive'], [again.json.runId, 'completed', 'extractive']]);
	assert.ok(both.runs[0].createdMs <= both.runs[1].createdMs);
	assert.equal(both.run.id, again.json.runId);
	const choose = (seq, body, as = 'ada') => carrel.operator('PUT', `${path}/${seq}/run`, body, { as });
	const chosen = await choose(1, { runId: r.run });
	assert.equal(chosen.status, 200, chosen.text);
	assert.deepEqual(chosen.json, await turn());
	assert.equal(chosen.json.run.id, r.run);
	assert.equal(chosen.json.runs.length, 2);
	const other = await ask(carrel, 'ada', MILAN, { conversation: r.conversation });
	const elsewhere = await ask(carrel, 'ada', MILAN);
	for (const [seq, body, as] of [[1, { runId: other.run }], [1, { runId: elsewhere.run }], [9, { runId: r.run }], [1, { runId: r.run }, 'bob'], [1, { runId: 'x' }]]) {
		assert.equal((await choose(seq, body, as)).status, 404, `${seq} ${body.runId}`);
	}
	assert.equal((await choose(1, {})).status, 400);
	assert.equal((await turn()).run.id, r.run);
});

test('questions branch off anywhere, before the first one too', async () => {
	const first = await ask(carrel, 'ada', 'How many days of annual leave may be carried over into the next year?');
	const inside = { conversation: first.conversation };
	const other = await ask(carrel, 'ada', 'And why?', { ...inside, parentTurnSeq: 0 }); // knows nothing of leave
	assert.equal(other.seq, 2);
	assert.equal(other.last.data.mode, 'refused');
	await ask(carrel, 'ada', 'And why?', { ...inside, parentTurnSeq: 1 });
	await ask(carrel, 'ada', MILAN, inside); // follows the latest
	const page = async (query) => (await carrel.operator('GET', `/v1/conversations/${first.conversation}/turns?${query}`, undefined, { as: 'ada' })).json;
	const seqs = (p) => [p.turns.map((t) => t.seq), p.next];
	assert.deepEqual((await page('')).turns.map((t) => [t.seq, t.parentSeq]), [[1, null], [2, null], [3, 1], [4, 3]]);
	assert.deepEqual(seqs(await page('beforeSeq=&limit=3')), [[2, 3, 4], 2]);
	assert.deepEqual(seqs(await page('beforeSeq=2&limit=3')), [[1], null]);
	assert.deepEqual(seqs(await page('beforeSeq=5&limit=2')), [[3, 4], 3]);
	assert.deepEqual(seqs(await page('beforeSeq=1')), [[], null]);
	assert.equal((await page('beforeSeq=2&afterSeq=1')).error.code, 'bad_parameter');
	assert.equal((await page('beforeSeq=x')).error.code, 'bad_parameter');
	assert.equal((await postTurn(carrel, 'ada', first.conversation, { input: MILAN, parentTurnSeq: -1 })).status, 400);
});

test('conversations are listed by pages, found, renamed and deleted', async () => {
	const made = [];
	for (let i = 0; i < 5; i++) {
		made.push((await ask(carrel, 'eve', i === 3 ? 'How many days of annual leave are there?' : MILAN)).conversation);
	}
	const list = async (query) => (await carrel.operator('GET', `/v1/conversations${query}`, undefined, { as: 'eve' })).json;
	const seen = [];
	let next = '';
	do {
		const page = await list(`?limit=2${next && `&after=${next}`}`);
		seen.push(...page.conversations.map((c) => c.id));
		next = page.next;
	} while (next);
	assert.deepEqual(seen, [...made].reverse());
	assert.deepEqual((await list('?q=annual')).conversations.map((c) => c.id), [made[3]]);
	assert.equal((await list('?q=175%20EUR')).conversations.length, 4); // only in answers
	assert.deepEqual((await list('?q=%25')).conversations, []);
	const renamed = await carrel.operator('PATCH', `/v1/conversations/${made[0]}`, { title: 'Leave_and more' }, { as: 'eve' });
	assert.equal(renamed.json.title, 'Leave_and more');
	assert.deepEqual((await list('?q=leave_')).conversations.map((c) => c.id), [made[0]]);
	const run = (await carrel.operator('GET', `/v1/conversations/${made[0]}/turns`, undefined, { as: 'eve' })).json.turns[0].run.id;
	assert.equal((await carrel.operator('DELETE', `/v1/conversations/${made[0]}`, undefined, { as: 'eve' })).status, 204);
	for (const path of [`/v1/conversations/${made[0]}`, `/v1/conversations/${made[0]}/turns`, `/v1/runs/${run}`, `/v1/runs/${run}/stream`]) {
		assert.equal((await carrel.operator('GET', path, undefined, { as: 'eve' })).status, 404);
	}
	assert.equal((await list('')).conversations.length, 4);
	assert.equal((await carrel.operator('GET', '/v1/conversations?after=nonsense', undefined, { as: 'eve' })).status, 400);
});

test('what belongs to another is not there', async () => {
	const r = await ask(carrel, 'ada', MILAN);
	const conversation = `/v1/conversations/${r.conversation}`;
	const paths = [['GET', conversation], ['GET', `${conversation}/turns`], ['PATCH', conversation, { title: 'x' }], ['DELETE', conversation],
		['POST', `${conversation}/turns`, { input: 'x' }], ['POST', `${conversation}/turns/1/regenerate`, {}],
		['GET', `/v1/runs/${r.run}`], ['GET', `/v1/runs/${r.run}/stream`], ['POST', `/v1/runs/${r.run}/cancel`]];
	for (const [method, path, body] of paths) {
		const other = await carrel.operator(method, path, body, { as: 'bob' });
		const absent = await carrel.operator(method, path.replace(/(conv|run)_\w+/, '$1_01ARZ3NDEKTSV4RRFFQ69G5FAV'), body, { as: 'bob' });
		const operator = await carrel.operator(method, path, body);
		assert.equal(other.status, 404, `${method} ${path}`);
		assert.equal(other.text, absent.text);
		assert.equal(operator.status, 404, `${method} ${path} as the operator`);
	}
	assert.equal((await carrel.operator('POST', '/v1/conversations', {})).status, 400);
});

test('bad input is told from good', async () => {
	const c = await newConversation(carrel, 'ada');
	const post = async (body) => (await postTurn(carrel, 'ada', c, body)).status;
	assert.equal(await post({}), 400);
	assert.equal(await post({ input: '  \n ' }), 400);
	assert.equal(await post({ input: 5 }), 400);
	assert.equal(await post({ input: 'x'.repeat(8001) }), 400);
	assert.equal(await post({ input: 'x', responseMode: 'loud' }), 400);
	assert.equal(await post({ input: 'x', surprise: 1 }), 400);
	assert.equal(await post({ input: 'x', parentTurnSeq: -1 }), 400);
	assert.equal(await post({ input: 'x', collections: ['nowhere'] }), 404);
	assert.equal((await carrel.operator('POST', '/v1/conversations', { title: 'x'.repeat(201) }, { as: 'ada' })).status, 400);
});

test('collections narrow a question down', async () => {
	await shelf(carrel, 'ada', 'other', { 'note.md': '# Note\n\nThe canteen opens at eleven.\n' });
	assert.match((await ask(carrel, 'ada', 'When does the canteen open?')).answer, /eleven/);
	const r = await ask(carrel, 'ada', 'When does the canteen open?', { collections: ['policies'] });
	assert.equal(r.last.data.mode, 'refused');
});

test('an ephemeral chat leaves nothing behind', async () => {
	const count = async () => (await carrel.operator('GET', '/v1/conversations', undefined, { as: 'bob' })).json.conversations.length;
	const before = await count();
	const messages = [{ role: 'user', content: 'What of leave?' }, { role: 'assistant', content: 'There is some.' }, { role: 'user', content: MILAN }];
	const chat = async (options) => digest((await (await open(carrel, 'POST', '/v1/chat', options).ready).done).events);
	const r = await chat({ as: 'bob', body: { messages } });
	assert.match(r.answer, /175 EUR/);
	assert.equal(r.last.type, 'assistant.completed');
	assert.equal(r.citations[0].support, 'verified');
	assert.equal(await count(), before);
	assert.match((await chat({ body: { messages: messages.slice(2) } })).answer, /175 EUR/); // the operator reads everything
	for (const bad of [[], [{ role: 'system', content: 'x' }], [{ role: 'user', content: ' ' }], [{ role: 'assistant', content: 'x' }], 'x', [5]]) {
		assert.equal((await carrel.operator('POST', '/v1/chat', { messages: bad }, { as: 'bob' })).status, 400);
	}
});

test('an answer is withheld once its source may not be read', async () => {
	const secret = await shelf(carrel, 'ada', 'secret', { 'plan.md': '# Plan\n\nThe project Zanzibar costs 4711 EUR in the quokka budget.\n' },
		[{ principal: 'user:bob', right: 'read' }]);
	const question = 'What does the project Zanzibar cost?';
	const r = await ask(carrel, 'bob', question);
	assert.match(r.answer, /4711/);
	assert.equal((await ask(carrel, 'eve', question)).last.data.mode, 'refused');
	const find = async () => (await carrel.operator('GET', '/v1/conversations?q=quokka', undefined, { as: 'bob' })).json.conversations.length;
	assert.equal(await find(), 1);
	const acl = await carrel.operator('PUT', `/v1/collections/${secret.collection}/acl`, { entries: [{ principal: 'user:ada', right: 'own' }] }, { as: 'ada' });
	assert.ok(acl.status < 300, acl.text);
	const turns = await carrel.operator('GET', `/v1/conversations/${r.conversation}/turns`, undefined, { as: 'bob' });
	assert.equal(turns.json.turns[0].run.withheld, true);
	assert.deepEqual(turns.json.turns[0].run.citations[0], { ordinal: 1, handle: r.citations[0].handle, gone: true });
	const run = await carrel.operator('GET', `/v1/runs/${r.run}`, undefined, { as: 'bob' });
	const replay = await read(carrel, `/v1/runs/${r.run}/stream`, { as: 'bob' });
	for (const text of [turns.text, run.text, replay.text]) {
		assert.doesNotMatch(text, /4711|quokka|plan\.md/);
		assert.ok(!text.includes(secret.documents['plan.md']));
	}
	assert.equal(parseEvents(replay.text).at(-1).data.withheld, true);
	assert.equal(await find(), 0);
	const again = await ask(carrel, 'bob', question, { conversation: r.conversation });
	assert.equal(again.last.data.mode, 'refused');
});

test('what was searched can be looked at, as far as it may be read', async () => {
	const shelves = [];
	for (const [name, words] of [['ibis', 'The ibis project is led by Nora Quill and costs 8123 EUR.'], ['ibises', 'Ibises of the project are counted in spring.']]) {
		shelves.push(await shelf(carrel, 'ada', name, { [`${name}.md`]: `# Birds\n\n${words}\n` }, [{ principal: 'user:bob', right: 'read' }]));
	}
	const question = 'Who leads the ibis project?';
	const r = await ask(carrel, 'bob', question);
	const get = async (as = 'bob', run = r.run) => carrel.operator('GET', `/v1/runs/${run}/retrieval`, undefined, { as });
	const { passages, ms, ...event } = r.events[1].data;
	const first = (await get()).json;
	assert.ok(passages.length && ms >= 0);
	assert.equal(event.query, question);
	assert.equal(event.weak, false);
	assert.ok(event.evidence > 0 && event.tokens > 0 && event.tokens <= event.budget && event.hidden === 0);
	assert.deepEqual(Object.keys(event.timeUs), ['permit', 'understand', 'lexical', 'vector', 'fuse', 'load', 'rerank', 'pack', 'judge', 'total']);
	const { total, ...steps } = event.timeUs;
	assert.ok(Object.values(steps).reduce((a, b) => a + b) <= total);
	assert.ok(event.candidates.length <= 40);
	assert.deepEqual(event.candidates.filter((c) => c.handle === 1).map((c) => [c.chunkId, c.kept]), [[passages[0].chunkId, true]]);
	for (const c of event.candidates) {
		assert.equal(c.text !== undefined, c.kept, c.fate);
		assert.ok(c.kept || c.handle === null);
	}
	assert.ok(first.candidates.some((c) => /Nora Quill/.test(c.text)));
	assert.deepEqual({ ...first, candidates: first.candidates.map(({ text, ...c }) => c) }, { ...event, candidates: event.candidates.map(({ text, ...c }) => c) });
	for (const who of ['ada', 'eve']) {
		assert.equal((await get(who)).status, 404);
	}
	const refused = await ask(carrel, 'bob', 'Which podcast does the ibis publish with a trumpet orchestra?');
	const nearest = (await get('bob', refused.run)).json;
	assert.equal(nearest.weak, true);
	assert.ok(nearest.candidates.some((c) => c.kept && c.handle === null && /ibis/.test(c.text)));
	// a right that was withdrawn counts at once, for what was cut as for what was cited
	const own = [{ principal: 'user:ada', right: 'own' }];
	await carrel.operator('PUT', `/v1/collections/${shelves[1].collection}/acl`, { entries: own }, { as: 'ada' });
	const partly = await get();
	const replay = await read(carrel, `/v1/runs/${r.run}/stream`, { as: 'bob' });
	const replayed = replay.events.find((e) => e.type === 'retrieval.completed').data;
	assert.deepEqual([partly.json.hidden, replayed.hidden], [1, 1]);
	assert.ok(partly.json.candidates.length === first.candidates.length - 1 && replayed.candidates.length === partly.json.candidates.length);
	assert.doesNotMatch(partly.text + JSON.stringify(replayed), /ibises|counted in spring/);
	// what was deleted is gone from the stored event too
	const deleted = await carrel.operator('DELETE', `/v1/documents/${shelves[0].documents['ibis.md']}`, undefined, { as: 'ada' });
	assert.equal((await carrel.jobEnd(deleted.json.jobId)).state, 'done');
	for (const run of [r.run, refused.run]) {
		const text = (await get('bob', run)).text + (await read(carrel, `/v1/runs/${run}/stream`, { as: 'bob' })).text;
		assert.doesNotMatch(text, /Nora|Quill|8123|ibis\.md/);
	}
	assert.equal((await get()).json.hidden, 2);
});

test('answers outlive the server', async () => {
	const r = await ask(carrel, 'ada', MILAN);
	await carrel.restart();
	const again = await read(carrel, `/v1/runs/${r.run}/stream`, { as: 'ada' });
	assert.deepEqual(again.events, r.events);
});
