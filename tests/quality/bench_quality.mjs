// Retrieval quality on all sets of ../shared/eval, built-in defaults, against plain BM25 (bm25.mjs) in the same run.
//   make bench BENCH=quality        QUALITY_SETS=cisi,handbook: only those
import { existsSync, rmSync } from 'node:fs';
import path from 'node:path';
import { ROOT, runCarrel, temporaryFolder } from '../flow/carrel.mjs';
import { bm25 } from './bm25.mjs';

const SETS = path.join(ROOT, '../shared/eval');
const ALL = ['handbook', 'cisi', 'chunking', 'medquad', 'xquad-en', 'xquad-de', 'xquad-ru', 'xquad-ar', 'xquad-zh'];
const ENGLISH = ['handbook', 'medquad', 'cisi', 'chunking']; // of the mean recall

export async function benchQuality(row) {
	const names = (process.env.QUALITY_SETS?.split(',') ?? ALL).filter((name) => existsSync(path.join(SETS, name)));
	const data = temporaryFolder();
	const gains = [];
	if (names.length === 0) {
		row('no sets in ../shared/eval', '-');
	}
	try {
		for (const name of names) {
			const folder = path.join(SETS, name);
			const { stdout, stderr, status } = await runCarrel(['eval', folder, '--json', '--quiet', '--data', data]);
			if (status !== 0) {
				throw new Error(`${name}: ${stderr}`);
			}
			const ours = JSON.parse(stdout);
			const plain = bm25(folder);
			for (const figure of ['ndcg@10', 'recall@100']) {
				row(`${name} ${figure}`, ours[figure].toFixed(3), `BM25 ${plain[figure].toFixed(3)}, ${(ours[figure] - plain[figure] >= 0 ? '+' : '')}${(ours[figure] - plain[figure]).toFixed(3)}`);
			}
			row(`${name} build, chunks/s`, Math.round(ours.chunks / ours.buildSeconds), `${ours.chunks} chunks, with training`);
			row(`${name} a query, ms`, ((ours.searchSeconds * 1000) / ours.queries).toFixed(1), `FTS5 alone ${plain.ms.toFixed(1)}`);
			if (ENGLISH.includes(name)) {
				gains.push(ours['recall@100'] - plain['recall@100']);
			}
		}
		if (gains.length === ENGLISH.length) {
			row(`mean recall@100 over ${ENGLISH.join(', ')}, gained`, (gains.reduce((a, b) => a + b) / gains.length).toFixed(4), 'over BM25');
		}
	} finally {
		rmSync(data, { recursive: true, force: true });
	}
}
