// The conversations of fixtures/followups.jsonl: what is searched for a question that follows up on earlier
// ones. A question is found if the best chunk is of the document and holds the answer; beside it, the same for
// the question as it was asked, and with all of the one before put after it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { ROOT, runCarrel, startCarrel } from '../flow/carrel.mjs';

const LEANING_MIN = 52; // of 57; the rules were tried on these very conversations
const ALONE_MIN = 12; // of 14: a question that needs nothing is found as well as without a turn before it

const letters = (s) => s.normalize('NFKC').toLowerCase().replace(/\s+/gu, '');

test('questions that follow up find what they mean', { timeout: 280_000 }, async (t) => {
	const server = await startCarrel();
	t.after(() => server.stop());
	const ada = await server.bootstrap('ada');
	for (const name of ['company', 'hr', 'board']) {
		const args = ['ingest', path.join(ROOT, 'fixtures/documents', name), '--collection', name, '--acl', 'user:ada:read'];
		const done = await runCarrel([...args, '--data', server.data]);
		assert.equal(done.status, 0, done.stdout + done.stderr);
	}
	const turn = async (conversation, input) => {
		const made = await ada.post(`/v1/conversations/${conversation}/turns`, { input });
		assert.equal(made.status, 202, made.text);
		await ada.events(made.json.streamUrl);
		return (await ada.get(`/v1/runs/${made.json.runId}/retrieval`)).json;
	};
	const finds = async (query, talk) => {
		const best = (await ada.post('/v1/search', { query, limit: 1 })).json.passages[0];
		const chunk = best && (await ada.get(`/v1/chunks/${best.chunkId}`)).json;
		return chunk && talk.document.endsWith(`/${best.name}`) && letters(chunk.text).includes(letters(talk.answer));
	};
	const count = { leaning: 0, alone: 0, n: { leaning: 0, alone: 0 }, asked: 0, 'leaning joined': 0, 'alone joined': 0 };
	for (const line of readFileSync(path.join(ROOT, 'fixtures/followups.jsonl'), 'utf8').trim().split('\n')) {
		const talk = JSON.parse(line);
		const kind = talk.leans ? 'leaning' : 'alone';
		const conversation = (await ada.post('/v1/conversations', {})).json.id;
		for (const question of talk.before) {
			await turn(conversation, question);
		}
		const searched = await turn(conversation, talk.question);
		const found = await finds(searched.query, talk);
		count.n[kind]++;
		count[kind] += found ? 1 : 0;
		assert.equal(searched.rewritten !== null, searched.query !== talk.question);
		assert.ok(talk.leans || searched.rewritten === null, talk.question);
		count.asked += talk.leans && await finds(talk.question, talk) ? 1 : 0;
		count[`${kind} joined`] += await finds(`${talk.question} ${talk.before.at(-1)}`, talk) ? 1 : 0;
		if (!found) {
			console.log(`not found: ${talk.id} ${talk.before.join(' | ')} | ${talk.question} -> ${searched.query}`);
		}
	}
	console.log(`found of those that lean: ${count.leaning} of ${count.n.leaning} (as asked ${count.asked}, with the one before ${count['leaning joined']});`
		+ ` of those that stand alone: ${count.alone} of ${count.n.alone} (with the one before ${count['alone joined']})`);
	assert.deepEqual(count.n, { leaning: 57, alone: 14 });
	assert.ok(count.leaning >= LEANING_MIN && count.leaning > count.asked);
	assert.ok(count.alone >= ALONE_MIN);
});
