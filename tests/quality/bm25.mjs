// The plain way to compare with: SQLite FTS5 as it comes (porter unicode61, bm25), whole documents, every
// word of the query with OR between them but for stopwords. Figures are reckoned here anew, not by the code that they judge.
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { temporaryFolder } from '../flow/carrel.mjs';

// English as the Snowball stemmer's project lists it (snowballstem.org, english/stop.txt) without contractions, and "can", "will", "just", "now".
const STOPWORDS = new Set(`a about above after again against all am an and any are as at be because been before being below between both but by
can did do does doing down during each few for from further had has have having he her here hers herself him himself
his how i if in into is it its itself just me more most my myself no nor not now of off on once only or other our ours
ourselves out over own same she should so some such than that the their theirs them themselves then there these they
this those through to too under until up very was we were what when where which while who whom why will with you your
yours yourself yourselves`.split(/\s+/));

const lines = (file) => readFileSync(file, 'utf8').replace(/^\uFEFF/, '').split('\n').filter((l) => l.trim());

export function readSet(folder) {
	const rows = (name) => lines(path.join(folder, name)).map((l) => JSON.parse(l));
	const relevant = new Map();
	for (const [query, document, grade] of lines(path.join(folder, 'qrels.tsv')).map((l) => l.split('\t'))) {
		if (Number(grade) > 0) {
			relevant.set(query, (relevant.get(query) ?? new Map()).set(document, Number(grade)));
		}
	}
	const queries = rows('queries.jsonl').map((q) => ({ id: String(q._id), text: q.text }));
	return { corpus: rows('corpus.jsonl'), queries: queries.filter((q) => relevant.has(q.id)), relevant };
}

/** {'ndcg@10', 'recall@100'} of a query's ranked ids. */
export function figures(ranked, relevant) {
	const gain = (grades) => grades.slice(0, 10).reduce((sum, g, i) => sum + g / Math.log2(i + 2), 0);
	const best = [...relevant.values()].sort((a, b) => b - a);
	return {
		'ndcg@10': gain(ranked.map((id) => relevant.get(id) ?? 0)) / gain(best),
		'recall@100': ranked.slice(0, 100).filter((id) => relevant.has(id)).length / relevant.size,
	};
}

const quote = (s) => `'${s.replaceAll("'", "''").replaceAll('\0', '')}'`;

/** Means over the set, the figures of each query by its id, and how long a query took. */
export function bm25(folder) {
	const { corpus, queries, relevant } = readSet(folder);
	const tmp = temporaryFolder();
	const words = (text) => [...new Set(text.toLowerCase().match(/[\p{L}\p{N}\p{M}]+/gu) ?? [])].filter((w) => !STOPWORDS.has(w));
	const match = (text) => words(text).map((w) => `"${w}"`).join(' OR ');
	try {
		const db = path.join(tmp, 'bm25.db');
		const insert = corpus.map((d, i) => `INSERT INTO t (rowid, title, text) VALUES (${i}, ${quote(d.title ?? '')}, ${quote(d.text ?? '')});`);
		writeFileSync(path.join(tmp, 'fill.sql'),
			`CREATE VIRTUAL TABLE t USING fts5 (title, text, tokenize = 'porter unicode61');\nBEGIN;\n${insert.join('\n')}\nCOMMIT;\n`);
		execFileSync('sqlite3', [db, `.read ${path.join(tmp, 'fill.sql')}`]);
		const ask = queries.map((q, i) => (match(q.text) ? `SELECT ${i}, rowid FROM (SELECT rowid FROM t WHERE t MATCH ${quote(match(q.text))} ORDER BY rank LIMIT 100);` : ''));
		writeFileSync(path.join(tmp, 'ask.sql'), ask.join('\n'));
		const from = process.hrtime.bigint();
		const out = execFileSync('sqlite3', [db, `.read ${path.join(tmp, 'ask.sql')}`], { maxBuffer: 1 << 28, encoding: 'utf8' });
		const ms = Number(process.hrtime.bigint() - from) / 1e6 / queries.length;
		const ranked = queries.map(() => []);
		for (const line of out.split('\n').filter(Boolean)) {
			const [query, row] = line.split('|');
			ranked[query].push(String(corpus[row]._id));
		}
		const of = new Map(queries.map((q, i) => [q.id, figures(ranked[i], relevant.get(q.id))]));
		const mean = (name) => [...of.values()].reduce((sum, f) => sum + f[name], 0) / of.size;
		return { 'ndcg@10': mean('ndcg@10'), 'recall@100': mean('recall@100'), of, ms };
	} finally {
		rmSync(tmp, { recursive: true, force: true });
	}
}
