// Readers that stall: of an ephemeral chat, which pauses the model, and of a stored run, which goes on.
import test from 'node:test';
import assert from 'node:assert/strict';
import http from 'node:http';
import { addUser, newConversation, open, parseEvents, postTurn, read, shelf, startDesk, TRAVEL } from './answers.mjs';
import { startFakeModel } from './fake_model.mjs';

const fake = await startFakeModel({ mode: 'endless' });
const carrel = await startDesk({ env: { CARREL_MODEL_URL: fake.url, CARREL_ANSWER_TOKENS: '100000', CARREL_MODEL_CONTEXT: '1000000' } });
test.after(async () => {
	await carrel.stop();
	await fake.close();
});
await addUser(carrel, 'ada');
await shelf(carrel, 'ada', 'policies', { 'travel.md': TRAVEL });
const MILAN = 'What may a hotel room in Milan cost per night?';
const wait = (ms) => new Promise((done) => setTimeout(done, ms));

test('a reader of an ephemeral chat that stalls pauses the model', async () => {
	const body = JSON.stringify({ messages: [{ role: 'user', content: MILAN }] });
	const headers = { 'x-carrel-as': 'ada', 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
	const req = http.request({ socketPath: carrel.socket, method: 'POST', path: '/v1/chat', headers });
	const res = await new Promise((done) => req.on('response', done).end(body)); // nobody reads it
	let written = -1;
	for (let i = 0; i < 100 && (written < 0 || fake.last().written !== written); i++) {
		written = fake.last()?.written ?? -1;
		await wait(300);
	}
	assert.ok(written > 0 && written < 20_000_000, `${written} bytes were taken`);
	assert.equal(fake.last().written, written);
	let seen = 0;
	res.on('data', (part) => { seen += part.length; });
	for (let i = 0; i < 100 && fake.last().written === written; i++) {
		await wait(20);
	}
	assert.ok(fake.last().written > written, 'it goes on when the reader does');
	assert.ok(seen > 0);
	req.destroy();
	await fake.last().gone;
});

test('a listener that lags behind gets every event all the same', async () => {
	fake.mode = 'long';
	const conversation = await newConversation(carrel, 'ada');
	const r = await postTurn(carrel, 'ada', conversation, MILAN);
	const req = http.request({ socketPath: carrel.socket, path: r.json.streamUrl, headers: { 'x-carrel-as': 'ada' } });
	const slow = await new Promise((done) => req.on('response', done).end());
	const fast = await read(carrel, r.json.streamUrl, { as: 'ada' });
	assert.equal(fast.events.at(-1).data.state, 'completed');
	assert.ok(fast.text.length > 600_000);
	const parts = [];
	for await (const part of slow) {
		parts.push(part);
	}
	const events = parseEvents(Buffer.concat(parts).toString());
	assert.deepEqual(events, fast.events);
	const replay = await (await open(carrel, 'GET', `${r.json.streamUrl}?lastEventId=5`, { as: 'ada' }).ready).done;
	assert.deepEqual(replay.events, fast.events.slice(5));
});
