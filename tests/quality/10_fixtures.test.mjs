// The 50 questions of fixtures/questions.jsonl and the 30 German and Chinese ones of questions-de-zh.jsonl, asked through
// the HTTP API on the built-in defaults: how many answers cite the right document (and page) and hold the phrase that
// answers, how many unanswerable questions are refused.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { ROOT, runCarrel, startCarrel } from '../flow/carrel.mjs';

const SETS = [
	{ file: 'questions.jsonl', answerable: 40, cited: 38, held: 34, wronglyRefused: 2, unanswerable: 10, refused: 9 },
	{ file: 'questions-de-zh.jsonl', answerable: 24, cited: 22, held: 18, wronglyRefused: 2, unanswerable: 6, refused: 5 },
];

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
	for (const set of SETS) {
		await askAll(ada, set);
	}
});

// An answer joins what stood on several lines and names a row's cells.
const plain = (text) => text.toLowerCase().replace(/[^\p{L}\p{N}%.]+/gu, '');

async function askAll(ada, set) {
	const lines = readFileSync(path.join(ROOT, 'fixtures', set.file), 'utf8').trim().split('\n');
	const count = { cited: 0, page: 0, held: 0, refused: 0, wronglyRefused: 0, answerable: 0, unanswerable: 0 };

	for (const q of lines.map((line) => JSON.parse(line))) {
		const run = await ask(ada, q.question);
		const refused = run.mode === 'refused';
		if (q.document === null) {
			count.unanswerable++;
			count.refused += refused;
			if (!refused) {
				console.log(`not refused: ${q.id} ${q.question} -> ${run.answer.slice(0, 160)}`);
			}
			continue;
		}
		const right = run.citations.filter((c) => q.document.endsWith(`/${c.name}`));
		const held = plain(run.answer).includes(plain(q.answer));
		count.answerable++;
		count.cited += right.length > 0;
		count.page += right.some((c) => c.page === q.page);
		count.held += held;
		count.wronglyRefused += refused;
		if (right.length === 0 || !held) {
			console.log(`missed: ${q.id} ${q.question} [${q.document}: ${q.answer}]: ${run.mode} ${run.answer.slice(0, 300)}`);
		}
	}
	console.log(
		`${set.file}: right document cited: ${count.cited} of ${count.answerable} (right page: ${count.page}), the answer held: ` +
			`${count.held}, refused: ${count.refused} of ${count.unanswerable}, wrongly ${count.wronglyRefused}`,
	);
	assert.equal(count.answerable, set.answerable);
	assert.equal(count.unanswerable, set.unanswerable);
	for (const figure of ['cited', 'held', 'refused']) {
		assert.ok(count[figure] >= set[figure], `${figure}: ${count[figure]}, not ${set[figure]}`);
	}
	assert.ok(count.wronglyRefused <= set.wronglyRefused, `wrongly refused: ${count.wronglyRefused}`);
}
