// A document is deleted and purged while a model writes an answer from it: whether the model goes on or the server is
// killed there and started again, the document's words are in no file afterwards, and the server is ready.
import test from 'node:test';
import assert from 'node:assert/strict';
import http from 'node:http';
import { pause, until } from '../flow/carrel.mjs';
import { addUser, newConversation, open, postTurn, shelf, startDesk } from '../flow/answers.mjs';
import { allGone, IN_A_SESSION, seeded, SEED, watchSession, wordsInFiles } from './house.mjs';

const { word, prose } = seeded(SEED);
const FLUSHED_MS = 1500; // events of a run are stored at the latest after a fraction of it

/** Says a first sentence with a citation, waits for go(), and then repeats its prompt. */
async function startHaltingModel() {
	const model = {};
	const gone = new Promise((done) => (model.go = done));
	const delta = (content) => `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content } }] })}\n\n`;
	const server = http.createServer(async (req, res) => {
		const parts = [];
		for await (const part of req) {
			parts.push(part);
		}
		const prompt = JSON.parse(Buffer.concat(parts).toString()).messages.map((m) => m.content).join('\n');
		const said = prompt.match(/The \w+ code of the \w+ is zq[a-z]+/)[0];
		res.writeHead(200, { 'content-type': 'text/event-stream' });
		res.write(delta(`${said} [1].`) + delta(' More follows.'));
		await gone;
		res.end(`${delta(prompt)}data: [DONE]\n\n`);
	});
	await new Promise((done) => server.listen(0, '127.0.0.1', done));
	model.url = `http://127.0.0.1:${server.address().port}/v1`;
	model.close = () => {
		model.go();
		server.close();
		server.closeAllConnections?.();
	};
	return model;
}

for (const kill of [false, true]) {
	test(`purged during an answer, ${kill ? 'and killed there' : 'which goes on'}`, { timeout: 60_000 }, async (t) => {
		const model = await startHaltingModel();
		const desk = await startDesk({ settings: { 'model-url': model.url }, command: IN_A_SESSION });
		watchSession(desk.server.pid);
		t.after(async () => {
			model.close();
			await desk.stop();
		});
		await addUser(desk, 'ann');
		const [gone, kept] = [word('zq'), word('zq')];
		const text = (w, topic, thing) => `# ${topic} ${w}\n\nThe ${topic} code of the ${thing} is ${w}. ${prose(60)}.\n`;
		const books = await shelf(desk, 'ann', 'books', { [`${gone}.md`]: text(gone, 'budget', 'crane'), 'kept.md': text(kept, 'travel', 'harbour') });
		const conversation = await newConversation(desk, 'ann');
		const { json } = await postTurn(desk, 'ann', conversation, 'What is the budget code of the crane?');
		const stream = await open(desk, 'GET', json.streamUrl, { as: 'ann' }).ready;
		await until(() => stream.events.some((e) => e.type === 'citation'), () => `a citation comes: ${stream.text}`);
		await pause(FLUSHED_MS);

		const order = await desk.operator('DELETE', `/v1/documents/${books.documents[`${gone}.md`]}`);
		assert.equal(order.status, 202, order.text);
		assert.equal((await desk.jobEnd(order.json.jobId)).state, 'done');
		if (kill) {
			const { pid } = desk.server;
			await desk.kill();
			await allGone(pid);
			await desk.restart();
			watchSession(desk.server.pid);
		}
		model.go();
		const run = () => desk.operator('GET', `/v1/runs/${json.runId}`, undefined, { as: 'ann' });
		await until(async () => !['queued', 'streaming'].includes((await run()).json.state), 'the run ends');
		const { text: shown } = await run();
		assert.ok(!shown.includes(gone), shown);
		await desk.server.stop();
		const holds = wordsInFiles(desk.data);
		assert.ok(holds(kept), 'a word that is there is seen in the files: the test can fail');
		assert.ok(!holds(gone), 'a word of the deleted document is still in a file');
	});
}

// The builtin embedder learns from the words of all documents; what it has learnt is stored.
test('purged after the embedder was trained on it', { timeout: 60_000 }, async (t) => {
	const desk = await startDesk({ command: IN_A_SESSION });
	watchSession(desk.server.pid);
	t.after(() => desk.stop());
	await addUser(desk, 'ann');
	const [gone, kept] = [word('zq'), word('zq')];
	const text = (w, n) => Array.from({ length: n }, (_, i) => `# Part ${i}\n\nThe word of this part is ${w}. ${prose(120)}.\n`).join('\n');
	const books = await shelf(desk, 'ann', 'books', { 'gone.md': text(gone, 20), 'kept.md': text(kept, 320) });
	const trained = async () => (await desk.operator('GET', '/v1/jobs?state=done')).json.jobs.some((j) => j.kind === 'reembed');
	await until(trained, 'the embedder is trained', 30_000);

	const order = await desk.operator('DELETE', `/v1/documents/${books.documents['gone.md']}`);
	assert.equal(order.status, 202, order.text);
	assert.equal((await desk.jobEnd(order.json.jobId)).state, 'done');
	await desk.server.stop();
	const holds = wordsInFiles(desk.data);
	assert.ok(holds(kept), 'a word that is there is seen in the files: the test can fail');
	assert.equal(holds(gone), undefined, 'a word of the deleted document is still in a file');
});
