// A name server that hangs while the model's address is looked up: the answer does without, and everybody else is served.
import test from 'node:test';
import assert from 'node:assert/strict';
import { addUser, newConversation, postTurn, read, shelf, startDesk, TRAVEL } from '../flow/answers.mjs';
import { rmSync } from 'node:fs';
import { temporaryFolder } from '../flow/carrel.mjs';
import { Faults } from './faulty.mjs';

const folder = temporaryFolder('carrel-names-');
const faults = new Faults(folder);
const LOOKUP_MS = 15_000;
const carrel = await startDesk({ env: { ...faults.env, CARREL_MODEL_URL: 'http://model.invalid/v1', CARREL_MODEL_NAME: 'm', CARREL_MODEL_FIRST_MS: '1000' } });
test.after(async () => {
	await carrel.kill();
	faults.close();
	rmSync(folder, { recursive: true, force: true });
	rmSync(carrel.data, { recursive: true, force: true });
});
await addUser(carrel, 'ada');
await shelf(carrel, 'ada', 'policies', { 'travel.md': TRAVEL });

test('a name that is looked up for long holds nobody up', { timeout: 120_000 }, async () => {
	faults.lookupMs = LOOKUP_MS;
	const conversation = await newConversation(carrel, 'ada');
	const from = performance.now();
	const r = await postTurn(carrel, 'ada', conversation, 'What may a hotel room in Milan cost per night?');
	assert.equal(r.status, 202);
	const stream = await read(carrel, r.json.streamUrl, { as: 'ada' });
	assert.equal(stream.events.at(-1).data.reason, 'model_timeout');
	assert.equal((await carrel.operator('GET', '/healthz')).status, 200);
	assert.ok(performance.now() - from < LOOKUP_MS, 'the look-up still goes on');
});
