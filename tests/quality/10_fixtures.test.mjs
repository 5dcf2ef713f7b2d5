// The 50 questions of fixtures/questions.jsonl, asked through the HTTP API on the built-in defaults:
// how many answers cite the right document (and page), how many unanswerable ones are refused.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { ROOT, runCarrel, startCarrel } from '../flow/carrel.mjs';

const CITED_MIN = 34; // of 40
const REFUSED_MIN = 7; // of 10

async function ask(ada, question) {
	const conversation = await ada.post('/v1/conversations', {});
	const turn = await ada.post(`/v1/conversations/${conversation.json.id}/turns`, { input: question });
	assert.equal(turn.status, 202, turn.text);
	await ada.events(turn.json.streamUrl);
	return (await ada.get(`/v1/runs/${turn.json.runId}`)).json;
}

test('fixture questions are answered from the right document', { timeout: 280_000 }, async (t) => {
	const server = await startCarrel();
	t.after(() => server.stop());
	const ada = await server.bootstrap('ada');
	for (const name of ['company', 'hr', 'board']) {
		const folder = path.join(ROOT, 'fixtures/documents', name);
		const args = ['ingest', folder, '--collection', name, '--acl', 'user:ada:read'];
		const done = await runCarrel([...args, '--data', server.data]);
		assert.equal(done.status, 0, done.stdout + done.stderr);
	}
	const lines = readFileSync(path.join(ROOT, 'fixtures/questions.jsonl'), 'utf8').trim().split('\n');
	const count = { cited: 0, page: 0, refused: 0, answerable: 0, unanswerable: 0 };

	for (const q of lines.map((line) => JSON.parse(line))) {
		const run = await ask(ada, q.question);
		if (q.document === null) {
			count.unanswerable++;
			count.refused += run.mode === 'refused' ? 1 : 0;
			if (run.mode !== 'refused') {
				console.log(`not refused: ${q.id} ${q.question} -> ${run.answer.slice(0, 160)}`);
			}
			continue;
		}
		const right = run.citations.filter((c) => q.document.endsWith(`/${c.name}`));
		count.answerable++;
		count.cited += right.length > 0 ? 1 : 0;
		count.page += right.some((c) => c.page === q.page) ? 1 : 0;
		if (right.length === 0) {
			const names = run.citations.map((c) => c.name);
			console.log(`missed: ${q.id} ${q.question} [${q.document}]: ${run.mode} ${names}`);
		}
	}
	console.log(
		`right document cited: ${count.cited} of ${count.answerable} (right page: ${count.page}), ` +
			`refused: ${count.refused} of ${count.unanswerable}`,
	);
	assert.equal(count.answerable, 40);
	assert.equal(count.unanswerable, 10);
	assert.ok(count.cited >= CITED_MIN);
	assert.ok(count.refused >= REFUSED_MIN);
});
