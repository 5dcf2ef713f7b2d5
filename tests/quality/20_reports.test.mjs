// Real PDFs of ../shared/corpus/reports by one `carrel ingest`; questions about them come back cited to
// the right page, and that page is drawn with the quoted lines marked. Skips where they are absent.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { ROOT, runCarrel, startCarrel } from '../flow/carrel.mjs';

const REPORTS = path.join(ROOT, '../shared/corpus/reports');
const QUESTIONS = [
	['Using the superiority formula, what sample size per group was calculated for tendinopathies PRP?', 'NCT06150378_Prot_SAP_000.pdf', 17],
	['By how much did Apple total net sales increase during the third quarter of 2022?', '2022 Q3 AAPL.pdf', 17],
	['What charge did Intel accrue for an EC-imposed fine and litigation involving VLSI?', '2023 Q3 INTC.pdf', 21],
	['By how many percent did North America sales increase in Q3 2022 at Amazon?', '2022 Q3 AMZN.pdf', 24],
	['Which clinical trial explores human umbilical cord mesenchymal stem cell dressings for oral chronic graft-versus-host disease?', 'NCT06149832_Prot_000.pdf', null],
];

const skip = existsSync(REPORTS) ? false : 'no ../shared/corpus/reports here';

test('reports are ingested and cited to the page', { timeout: 280_000, skip }, async (t) => {
	const server = await startCarrel();
	t.after(() => server.stop());
	const ada = await server.bootstrap('ada');
	const args = ['ingest', REPORTS, '--collection', 'reports', '--acl', 'workspace:read'];
	const done = await runCarrel([...args, '--data', server.data]);
	assert.equal(done.status, 0, done.stdout + done.stderr);
	let right = 0;

	for (const [question, name, page] of QUESTIONS) {
		const conversation = await ada.post('/v1/conversations', {});
		const turn = await ada.post(`/v1/conversations/${conversation.json.id}/turns`, { input: question });
		await ada.events(turn.json.streamUrl);
		const run = (await ada.get(`/v1/runs/${turn.json.runId}`)).json;
		const hit = run.citations.find((c) => c.name === name && (page === null || c.page === page));
		if (!hit) {
			console.log(`missed: ${question}: ${run.citations.map((c) => `${c.name}:${c.page}`)}`);
			continue;
		}
		right++;
		assert.ok(hit.boxes.length > 0, 'a citation of a PDF has boxes');
		const base = `/v1/documents/${hit.documentId}/pages/${hit.page}.png?width=500`;
		const marked = await ada.get(`${base}&citation=${run.id}:${hit.ordinal}`);
		const plain = await ada.get(base);
		assert.equal(marked.status, 200, marked.text);
		assert.equal(marked.body.subarray(1, 4).toString(), 'PNG');
		assert.ok(!marked.body.equals(plain.body), 'the marked page looks different');
	}
	assert.ok(right >= QUESTIONS.length - 1, `${right} of ${QUESTIONS.length} cited to the right page`);
});
