// The built-in embedder: chunks a second that one core embeds, and what training costs, on the texts of
// ../shared/eval/medquad and on a made workspace of 100,000 chunks (N=…), kept in build/scale/ for the next run.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from '../flow/carrel.mjs';

const N = Number(process.env.N ?? 100000);
const SEED = process.env.SEED ?? '5';

function figures(args) {
	const build = process.env.BUILD ?? 'build';
	const program = `${build}/tests/scale/bench_embedding`;
	const made = spawnSync('make', ['--no-print-directory', program], { cwd: ROOT, encoding: 'utf8' });
	const run = made.status === 0 ? spawnSync(path.resolve(ROOT, program), args, { cwd: ROOT, encoding: 'utf8' }) : made;
	if (run.status !== 0) {
		throw new Error(run.stdout + run.stderr);
	}
	return run.stdout.trim().split('\n').map((line) => JSON.parse(line));
}

export async function benchEmbedding(row) {
	const set = path.join(ROOT, '../shared/eval/medquad/corpus.jsonl');
	const folder = path.resolve(ROOT, process.env.BUILD ?? 'build', 'scale');
	if (!existsSync(set)) {
		console.log('../shared/eval/medquad is not here: made texts only');
	}
	for (const f of figures([folder, String(N), SEED, ...(existsSync(set) ? [set] : [])])) {
		if (f.perSecond) {
			row(`${f.what}`, `${f.perSecond} chunks/s`, `one core, ${f.tokens} tokens a chunk, analysed, ${f.chunks} chunks`);
		} else {
			row(`${f.what}, ${f.chunks} chunks`, `${f.seconds.toFixed(1)} s`, `of one core; ${f.peakMb} MB more than before at most, table of ${f.tableMb} MB`);
		}
	}
}
