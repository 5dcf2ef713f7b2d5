// What is attached to one conversation: found there and nowhere else, read by its owner alone, gone with it.
import test from 'node:test';
import assert from 'node:assert/strict';
import { wordsInFiles } from '../fault/house.mjs';
import { addUser, ask, LEAVE, newConversation, open, postTurn, shelf, startDesk, TRAVEL } from './answers.mjs';
import { runCarrel } from './carrel.mjs';

const carrel = await startDesk();
test.after(() => carrel.stop());
for (const name of ['ada', 'bob', 'eve']) {
	await addUser(carrel, name);
}
const made = await carrel.operator('POST', '/v1/users', { name: 'root', role: 'admin' });
assert.equal(made.status, 201, made.text);
await shelf(carrel, 'ada', 'policies', { 'travel.md': TRAVEL, 'leave.md': LEAVE });

const QUESTION = 'How much does the pelican budget allow for harbour fees?';
const TEXT = '# Pelican\n\nThe pelican budget allows 6174 EUR for harbour fees and is kept by Wilhelmina.\n';
const as = (user) => (method, path, body) => carrel.operator(method, path, body, user === 'operator' ? {} : { as: user });
const bob = as('bob');
const EVERYBODY = ['bob', 'eve', 'root', 'operator'];
const OTHERS = EVERYBODY.slice(1);

async function attach(conversation, name, content, user = 'bob') {
	const r = await carrel.upload(user, null, name, content, { conversation });
	assert.equal(r.status, 202, r.text);
	if (r.json.jobId) {
		assert.equal((await carrel.jobEnd(r.json.jobId, user)).state, 'done');
	}
	return r.json;
}

const home = await newConversation(carrel, 'bob');
const first = await attach(home, 'pelican.md', TEXT);
const document = `/v1/documents/${first.documentId}`;
const { json: shown } = await bob('GET', document);
const collection = shown.collectionId;

test('it stands in its conversation', async () => {
	assert.equal(first.arrival, 'new');
	assert.equal(shown.conversationId, home);
	assert.deepEqual([shown.right, shown.collection, shown.state], ['own', undefined, 'indexed']);
	assert.deepEqual(shown.access, { workspace: false, groups: [], users: 1, you: true });
	const again = await attach(home, 'a copy.md', TEXT);
	assert.deepEqual([again.arrival, again.documentId, again.jobId], ['duplicate', first.documentId, null]);
	const conversation = (await bob('GET', `/v1/conversations/${home}`)).json;
	assert.deepEqual(conversation.attachments.map((d) => [d.id, d.name, d.conversationId]), [[first.documentId, 'pelican.md', home]]);
	assert.deepEqual((await bob('GET', `/v1/conversations/${await newConversation(carrel, 'bob')}`)).json.attachments, []);
	const listed = (await bob('GET', '/v1/conversations')).json.conversations.find((c) => c.id === home);
	assert.equal(listed.attachments, undefined);
	const other = (await carrel.upload('ada', 'policies', 'plain.md', '# Plain\n\nNothing.\n')).json;
	assert.equal((await as('ada')('GET', `/v1/documents/${other.documentId}`)).json.conversationId, null);
});

test('its conversation finds it, whatever collections a turn names', async () => {
	for (const more of [{}, { collections: ['policies'] }]) {
		const r = await ask(carrel, 'bob', QUESTION, { conversation: home, ...more });
		assert.match(r.answer, /6174 EUR/, JSON.stringify(more));
		assert.equal(r.citations[0].documentId, first.documentId);
		assert.match((await bob('GET', `/v1/runs/${r.run}/retrieval`)).text, /Wilhelmina/);
	}
	const again = await bob('POST', `/v1/conversations/${home}/turns/1/regenerate`, {});
	assert.equal(again.status, 202, again.text);
	assert.match((await ask(carrel, 'bob', 'What may a hotel room in Milan cost per night?', { conversation: home })).answer, /175 EUR/);
});

test('nothing else finds it', async () => {
	const never = (text, what) => assert.doesNotMatch(text, /6174|Wilhelmina|pelican\.md/, what);
	for (const user of ['bob', 'eve', 'root']) {
		const r = await ask(carrel, user, QUESTION); // a conversation of its own
		never(JSON.stringify(r.events.filter((e) => e.type !== 'run.started')), `another conversation of ${user}`);
		assert.equal(r.last.data.mode, 'refused');
	}
	for (const user of EVERYBODY) {
		const call = as(user);
		for (const explain of [false, true]) {
			never((await call('POST', '/v1/search', { query: QUESTION, limit: 50, explain })).text, `search of ${user}`);
		}
		never((await call('POST', '/v1/prompt', { input: QUESTION })).text, `prompt of ${user}`);
		const chat = open(carrel, 'POST', '/v1/chat', { ...(user !== 'operator' && { as: user }), body: { messages: [{ role: 'user', content: QUESTION }] } });
		never((await (await chat.ready).done).text, `chat of ${user}`);
		for (const path of ['/v1/documents?limit=200', '/v1/documents?q=pelican', '/v1/collections', ...(user === 'bob' ? [] : ['/v1/jobs?limit=200', `/v1/jobs?ids=${first.jobId}`])]) {
			const list = await call('GET', path);
			assert.equal(list.status, 200, list.text);
			never(list.text, `${path} of ${user}`);
			assert.ok(!list.text.includes(first.documentId) && !list.text.includes(collection), `${path} of ${user}`);
		}
	}
	assert.match((await bob('GET', `/v1/jobs?ids=${first.jobId}`)).text, /pelican\.md/);
});

test('its collection is nowhere, not even for its owner', async () => {
	const conversation = await newConversation(carrel, 'bob');
	for (const user of EVERYBODY) {
		const call = as(user);
		const answers = [
			await call('GET', `/v1/collections/${collection}`),
			await call('PATCH', `/v1/collections/${collection}`, { name: 'mine' }),
			await call('DELETE', `/v1/collections/${collection}`),
			await call('GET', `/v1/collections/${collection}/acl`),
			await call('PUT', `/v1/collections/${collection}/acl`, { entries: [{ principal: 'workspace', right: 'read' }] }),
			await call('GET', `/v1/documents?collection=${collection}`),
			await call('POST', '/v1/search', { query: QUESTION, collections: [collection] }),
			await carrel.upload(user === 'operator' ? undefined : user, collection, 'x.md', '# X\n\nx\n'),
			...(user === 'bob' ? [await postTurn(carrel, 'bob', conversation, { input: QUESTION, collections: [collection] })] : []),
		];
		assert.deepEqual(answers.map((r) => r.status), answers.map(() => 404), `${user}: ${answers.map((r) => r.text)}`);
	}
});

test('nobody but its owner opens it, and it is not shared', async () => {
	const hit = (await bob('GET', `/v1/conversations/${home}/turns`)).json.turns[0].run.citations[0];
	const paths = ['', '/content', '/versions', `/text?chunk=${hit.chunkId}`, '/pages/1.png', '/acl'].map((p) => document + p);
	for (const path of [...paths, `/v1/chunks/${hit.chunkId}`, `/v1/jobs/${first.jobId}`]) {
		assert.notEqual((await bob('GET', path)).status, 404, path);
		for (const user of OTHERS) {
			assert.equal((await as(user)('GET', path)).status, 404, `${path} as ${user}`);
		}
	}
	for (const user of OTHERS) {
		for (const [method, path, body] of [['PATCH', document, { name: 'x.md' }], ['DELETE', document], ['PUT', `${document}/acl`, { entries: [] }]]) {
			assert.equal((await as(user)(method, path, body)).status, 404, `${method} ${path} as ${user}`);
		}
		const r = await carrel.upload(user === 'operator' ? undefined : user, null, 'x.md', 'x', { conversation: home });
		assert.equal(r.status, 404, r.text);
	}
	for (const [method, body] of [['PUT', { entries: [{ principal: 'user:eve', right: 'read' }] }], ['PUT', { entries: [] }], ['DELETE']]) {
		const r = await bob(method, `${document}/acl`, body);
		assert.deepEqual([r.status, r.json.error.code], [409, 'attachment'], r.text);
	}
	for (const fields of [{ conversation: home, collection: 'policies' }, { conversation: home, acl: '[]' }]) {
		assert.equal((await carrel.upload('bob', null, 'x.md', 'x', fields)).status, 400);
	}
	assert.equal((await carrel.upload('bob', null, 'x.md', 'x', { conversation: 'nonsense' })).status, 404);
	assert.equal((await bob('PATCH', document, { name: 'bird.md' })).json.name, 'bird.md');
});

test('one is taken out of the conversation', async () => {
	const conversation = await newConversation(carrel, 'bob');
	const [stays, goes] = [await attach(conversation, 'gull.md', '# Gull\n\nThe gull costs 31 EUR.\n'), await attach(conversation, 'tern.md', '# Tern\n\nThe tern costs 47 EUR.\n')];
	assert.match((await ask(carrel, 'bob', 'What does the tern cost?', { conversation })).answer, /47 EUR/);
	const deleted = await bob('DELETE', `/v1/documents/${goes.documentId}`);
	assert.equal((await carrel.jobEnd(deleted.json.jobId, 'bob')).state, 'done');
	assert.deepEqual((await bob('GET', `/v1/conversations/${conversation}`)).json.attachments.map((d) => d.id), [stays.documentId]);
	assert.doesNotMatch((await ask(carrel, 'bob', 'What does the tern cost?', { conversation })).answer, /47/);
});

test('it goes with its conversation, though the server is killed', async () => {
	const word = 'quagmirezebra';
	const holds = () => wordsInFiles(carrel.data);
	const doomed = await newConversation(carrel, 'bob');
	const documents = [];
	for (let i = 0; i < 3; i++) {
		documents.push((await attach(doomed, `doomed-${i}.md`, `# Doomed ${i}\n\nThe ${word} number ${i} costs ${i + 2} EUR.\n`)).documentId);
	}
	assert.match((await ask(carrel, 'bob', `What does the ${word} number 1 cost?`, { conversation: doomed })).answer, /3 EUR/);
	assert.equal((await bob('DELETE', `/v1/conversations/${doomed}`)).status, 204);
	for (const id of documents) {
		assert.equal((await bob('GET', `/v1/documents/${id}`)).status, 404);
	}
	await carrel.kill();
	await carrel.start();
	for (const job of (await bob('GET', '/v1/jobs?limit=200')).json.jobs.filter((j) => j.kind === 'purge')) {
		assert.equal((await carrel.jobEnd(job.id, 'bob')).state, 'done');
		for (const user of OTHERS) {
			assert.equal((await as(user)('GET', `/v1/jobs/${job.id}`)).status, 404, user);
		}
	}
	for (const user of OTHERS) { // gone, they are still nobody else's
		const jobs = (await as(user)('GET', '/v1/jobs?limit=200')).json.jobs;
		assert.deepEqual(jobs.filter((j) => documents.includes(j.documentId)), [], user);
	}
	assert.equal((await bob('GET', `/v1/conversations/${home}`)).json.attachments.length, 1);
	assert.match((await ask(carrel, 'bob', QUESTION, { conversation: home })).answer, /6174 EUR/);
	await carrel.server.stop();
	assert.equal(holds()(word), undefined);
	assert.ok(holds()('wilhelmina'), 'words that are there are seen in the files: the test can fail');
	const check = await runCarrel(['check', '--deep', '--data', carrel.data]);
	assert.equal(check.status, 0, check.stdout + check.stderr);
	await carrel.start();
});
