// How well search finds what it should, with the built-in defaults, on the small sets of ../shared/eval: `carrel eval` as
// anybody runs it, against thresholds, and against plain BM25 over the same texts. Skips where a set is absent.
// medquad, the large one, is in `make bench BENCH=quality`.
import assert from 'node:assert/strict';
import { existsSync, rmSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { ROOT, runCarrel, temporaryFolder } from '../flow/carrel.mjs';
import { bm25 } from './bm25.mjs';

const SETS = path.join(ROOT, '../shared/eval');
// nDCG@10: what was measured, less what another machine's rounding or another order of training may cost.
const AT_LEAST = {
	handbook: 0.435,
	cisi: 0.355,
	chunking: 0.796,
	'xquad-en': 0.968,
	'xquad-de': 0.948,
	'xquad-ru': 0.955,
	'xquad-ar': 0.946,
	'xquad-zh': 0.962,
};
const RECALL_GAINED = 0.02; // mean recall@100 over BM25's, of the sets below

const ENGLISH = ['handbook', 'cisi', 'chunking'];
const gained = new Map(); // recall@100, by set
const data = temporaryFolder();
test.after(() => rmSync(data, { recursive: true, force: true }));

for (const [name, least] of Object.entries(AT_LEAST)) {
	const folder = path.join(SETS, name);
	const skip = existsSync(folder) ? false : `no ../shared/eval/${name} here`;

	test(`${name}: nDCG@10 of ${least} at least, and no less than BM25`, { skip, timeout: 180_000 }, async (t) => {
		const { stdout, stderr, status } = await runCarrel(['eval', folder, '--json', '--quiet', '--data', data]);
		assert.equal(status, 0, stderr);
		const ours = JSON.parse(stdout);
		const plain = bm25(folder);
		const three = (x) => x.toFixed(3);
		t.diagnostic(`nDCG@10 ${three(ours['ndcg@10'])} (BM25 ${three(plain['ndcg@10'])}), recall@100 ${three(ours['recall@100'])} (${three(plain['recall@100'])})`);
		assert.ok(ours['ndcg@10'] >= least, `nDCG@10 is ${three(ours['ndcg@10'])}`);
		assert.ok(ours['ndcg@10'] >= plain['ndcg@10'], `BM25 has ${three(plain['ndcg@10'])}`);
		gained.set(name, ours['recall@100'] - plain['recall@100']);
	});
}

test(`recall@100: ${RECALL_GAINED} more than BM25 on the mean of ${ENGLISH.join(', ')}`,
	{ skip: existsSync(SETS) ? false : 'no ../shared/eval here' }, (t) => {
		const mean = ENGLISH.reduce((sum, name) => sum + gained.get(name), 0) / ENGLISH.length;
		t.diagnostic(`${mean.toFixed(4)} more`);
		assert.ok(mean >= RECALL_GAINED, `only ${mean.toFixed(4)} more`);
	});
