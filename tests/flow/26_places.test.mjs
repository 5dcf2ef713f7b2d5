// Exact places, from a file to what people and programs are told: passages, candidates, citations (live and kept), prompts,
// chunks, texts and the command line, for sheets, slides, pages, chapters and messages.
import test from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { addUser, ask, shelf, startDesk } from './answers.mjs';
import { runCarrel } from './carrel.mjs';
import { unlisted } from './openapi.mjs';

const carrel = await startDesk();
test.after(() => carrel.stop());
await addUser(carrel, 'ada');
const file = (name) => readFileSync(`fixtures/formats/${name}`);
const { documents } = await shelf(carrel, 'ada', 'places', {
	'office.xlsx': file('office.xlsx'), 'office.pptx': file('office.pptx'), 'hive-book.epub': file('hive-book.epub'), 'shift.mbox': file('shift.mbox'),
	'travel.pdf': readFileSync('fixtures/documents/company/travel-policy.pdf'), 'plain.txt': 'A puffin nests in a burrow.\n',
});
const ada = (method, url, body) => carrel.operator(method, url, body, { as: 'ada' });
const run = (...args) => runCarrel([...args, '--data', carrel.data, '--as', 'ada']);

async function search(query, name) {
	const r = await ada('POST', '/v1/search', { query, limit: 20, explain: true });
	assert.equal(unlisted('POST', '/v1/search', r), null);
	const mine = (x) => x.documentId === documents[name];
	return { passage: r.json.passages.find(mine), candidate: r.json.candidates.find(mine) };
}

test('each kind of document is told in its own words', async () => {
	for (const [name, query, unit, place] of [
		['office.xlsx', 'jig saw loans fee', 'sheet', /^Loans 2025![A-Z]+\d+:[A-Z]+\d+$/],
		['office.pptx', 'members of them new', 'slide', /./],
		['hive-book.epub', 'open the hive', 'chapter', /./],
		['shift.mbox', 'night shift', 'message', /./],
		['travel.pdf', 'hotel room in Milan', 'page', /^$/],
		['plain.txt', 'puffin burrow', null, /^$/],
	]) {
		const { passage, candidate } = await search(query, name);
		assert.equal(passage.unit, unit, name);
		assert.match(passage.place, place, name);
		assert.deepEqual([candidate.unit, candidate.page > 0], [unit, true], name);
		const chunk = (await ada('GET', `/v1/chunks/${passage.chunkId}`)).json;
		assert.deepEqual([chunk.unit, chunk.pageFirst], [unit, passage.page], name);
		const text = await ada('GET', `/v1/documents/${documents[name]}/text?chunk=${passage.chunkId}`);
		assert.equal(unlisted('GET', '/v1/documents/{id}/text', text), null);
		assert.deepEqual([text.json.unit, text.json.highlight.place], [unit, chunk.place], name);
	}
});

test('a citation tells the cells of what it quotes, not of its passage, live and kept', async () => {
	const turn = await ask(carrel, 'ada', 'What was the fee of the jig saw?');
	const c = turn.citations.find((x) => x.documentId === documents['office.xlsx']);
	assert.match(c.quote, /Jig saw/);
	assert.equal(c.unit, 'sheet');
	assert.match(c.place, /^Loans 2025!A(\d+):D\1$/, 'one row');
	const kept = (await ada('GET', `/v1/runs/${turn.run}`)).json.citations.find((x) => x.ordinal === c.ordinal);
	assert.deepEqual(kept, c);
	const searched = turn.events.find((e) => e.type === 'retrieval.completed').data;
	assert.ok(searched.passages.some((p) => p.unit === 'sheet' && p.place.startsWith('Loans 2025!')));
	const again = await ada('GET', `/v1/runs/${turn.run}/retrieval`);
	assert.equal(unlisted('GET', '/v1/runs/{id}/retrieval', again), null);
	assert.ok(again.json.candidates.some((x) => x.unit === 'sheet' && x.place.startsWith('Loans 2025!')));
});

test('a model is told the place as well', async () => {
	const { messages } = (await ada('POST', '/v1/prompt', { input: 'What was the fee of the jig saw, and where does the puffin nest?' })).json;
	const said = messages.at(-1).content;
	assert.match(said, /document: office\.xlsx\nplace: Loans 2025!A/);
	assert.match(said, /document: plain\.txt\n\n/, 'none where there is none');
});

test('the command line says it', async () => {
	assert.match((await run('search', 'jig saw loans fee')).stdout, /office\.xlsx, Loans 2025![A-Z]+\d+:[A-Z]+\d+/);
	assert.match((await run('search', 'members of them new')).stdout, /office\.pptx, slide \d/);
	assert.match((await run('search', 'hotel room in Milan')).stdout, /travel\.pdf, page \d/);
	assert.match((await run('search', 'puffin burrow')).stdout, /plain\.txt  \(/);
	assert.match((await run('explain', 'jig saw loans fee')).stdout, /PLACE[^]*Loans 2025!/);
	assert.match((await run('ask', 'What was the fee of the jig saw?')).stdout, /sources:\n\[\d\] office\.xlsx, Loans 2025!A(\d+):D\1\n/);
	assert.match((await run('doc', 'show', 'places/office.pptx')).stdout, /pages +4 slides/);
	assert.match((await runCarrel(['chunk', 'fixtures/formats/office.xlsx'])).stdout, /Loans 2025!A\d+:D\d+ · bytes \d+–\d+ · \d+ boxes/);
	const [chunk] = (await runCarrel(['chunk', 'fixtures/formats/office.xlsx', '--json'])).stdout.trim().split('\n').map((l) => JSON.parse(l));
	assert.ok(chunk.unit === 'sheet' && chunk.place.startsWith('Loans 2025!') && chunk.boxes.length > 0 && chunk.byteEnd > chunk.byteStart);
});

test('a purge takes the places of citations with it: a sheet’s name is the document’s words', async () => {
	const turn = await ask(carrel, 'ada', 'What was the fee of the jig saw?');
	assert.ok(turn.citations.some((c) => c.place.startsWith('Loans 2025')));
	const gone = await ada('DELETE', `/v1/documents/${documents['office.xlsx']}`);
	assert.equal((await carrel.jobEnd(gone.json.jobId)).state, 'done');
	assert.ok(!(await ada('GET', `/v1/runs/${turn.run}`)).text.includes('Loans 2025'));
	await carrel.server.stop();
	assert.ok(!readFileSync(`${carrel.data}/carrel.db`).includes('Loans 2025'));
	await carrel.start();
});
