// carrel eval: a test set, questions about a workspace in use with their asker's rights, comparisons, answers, tuning; what
// is wrong with the input is said, and nothing is left behind.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { CARREL, ROOT, runCarrel, startCarrel, temporaryFolder, until } from './carrel.mjs';

const scratch = temporaryFolder();
const tmp = path.join(scratch, 'tmp');
const SET = path.join(ROOT, 'fixtures/eval');
mkdirSync(tmp);
process.env.TMPDIR = tmp; // of the commands: where a set's data folder is made
let server;

test.before(async () => {
	server = await startCarrel({ data: path.join(scratch, 'data') });
	const ada = await server.bootstrap('ada');
	await server.createUser(ada, 'ben');
	for (const [collection, acl] of [['open', 'workspace:read'], ['closed', 'user:ada:read']]) {
		const folder = path.join(scratch, collection);
		mkdirSync(folder);
		const files = collection === 'open'
			? { 'travel.md': 'Hotels are reimbursed up to 140 euros a night.', 'leave.md': 'Nineteen days of leave a year.' }
			: { 'board.md': 'The board buys the brewery in Ghent.' };
		for (const [name, text] of Object.entries(files)) {
			writeFileSync(path.join(folder, name), text);
		}
		const done = await runCarrel(['ingest', folder, '--collection', collection, '--acl', acl, '--data', server.data]);
		assert.equal(done.status, 0, done.stderr);
	}
});
test.after(async () => {
	await server?.stop();
	rmSync(scratch, { recursive: true, force: true });
});

const run = async (args, status = 0) => {
	const r = await runCarrel(['eval', ...args]);
	assert.equal(r.status, status, r.stdout + r.stderr);
	return r;
};
const rows = (text) => text.trim().split('\n').map((l) => JSON.parse(l));
const none = ['--data', path.join(scratch, 'none')];
const file = (name, text) => {
	writeFileSync(path.join(scratch, name), text);
	return path.join(scratch, name);
};
const questions = () => file('questions.jsonl', [
	{ question: 'What do you pay for a hotel a night?', document: 'open/travel.md', page: 1 },
	{ question: 'How many days of leave are there?', document: 'leave.md' },
	{ question: 'Which brewery does the board buy?', document: 'closed/board.md' },
	{ question: 'Who composed the opera about Lohengrin?', document: null },
].map((q) => JSON.stringify(q)).join('\n'));

test('a test set: figures, each query, 80 columns, nothing left', async () => {
	const json = rows((await run([SET, '--json', '--queries', ...none])).stdout);
	const summary = json.pop();
	assert.equal(json.length, 8);
	assert.deepEqual(json.map((q) => q.query).sort(), ['q1', 'q2', 'q3', 'q4', 'q5', 'q6', 'q7', 'q8']);
	assert.equal(summary.queries, 8);
	assert.equal(summary.withoutRelevant, 1);
	assert.equal(summary.documents, 12);
	for (const figure of ['ndcg@10', 'recall@10', 'recall@100', 'mrr', 'mrr@10', 'hit@1']) {
		const mean = json.reduce((sum, q) => sum + q[figure], 0) / json.length;
		assert.ok(Math.abs(summary[figure] - mean) < 1e-9, figure);
		assert.ok(summary[figure] > 0.5 && summary[figure] <= 1, figure);
	}
	const { stdout } = await run([SET, '--queries', '--with', 'words', ...none]);
	assert.match(stdout, /ndcg@10 +\d\.\d{3}/);
	assert.match(stdout, /95 % INTERVAL/);
	assert.ok(stdout.split('\n').every((l) => [...l].length <= 80), stdout);
	assert.deepEqual(readdirSync(tmp), []);
});

test('a set with other settings is built anew, a saved run is compared with', async () => {
	const saved = file('saved.jsonl', (await run([SET, '--json', '--queries', ...none])).stdout);
	const [, against, other] = rows((await run([SET, '--json', '--against', saved, '--with', 'chunk-tokens=32', ...none])).stdout);
	assert.equal(against.compared, saved);
	assert.equal(against.queries, 8);
	assert.equal(against['ndcg@10'].same, 8);
	assert.ok(Math.abs(against['ndcg@10'].difference) < 1e-9);
	assert.equal(other.now, 'chunk-tokens=32');
	assert.equal(other.queries, 8);
	assert.equal(other.seed, 1);
	await run([SET, '--against', file('bad.jsonl', '{"query": "q1"}'), ...none], 2);
});

test('a workspace in use: what the asker may not read is not found, and no word of it told', async () => {
	const of = async (...who) => rows((await run([questions(), '--json', '--queries', '--data', server.data, ...who])).stdout);
	const ada = await of('--as', 'ada');
	const ben = await of('--as', 'ben');
	assert.deepEqual(ada.slice(0, 3).map((q) => q.firstRank), [1, 1, 1]);
	assert.deepEqual(ben.slice(0, 3).map((q) => q.firstRank), [1, 1, null]);
	assert.equal(ada[3].absent, 0);
	assert.equal(ben[3].absent, 1);
	assert.equal(ben[3]['recall@100'].toFixed(4), (2 / 3).toFixed(4));
	const missing = file('missing.jsonl', '{"question": "Which brewery does the board buy?", "document": "closed/nothing.md"}');
	const gone = await run([missing, '--as', 'ben', '--data', server.data]);
	const hidden = await run([file('hidden.jsonl', readFileSync(missing, 'utf8').replace('nothing', 'board')), '--as', 'ben', '--data', server.data]);
	const plain = (text) => text.replace(/\S+\.jsonl/g, 'FILE').replace(/\d+\.\d+ (s|ms)/g, 'TIME');
	assert.equal(plain(gone.stdout), plain(hidden.stdout));
});

test('answers: what they cite, what they refuse', async () => {
	const [, answers] = rows((await run([questions(), '--json', '--answers', '--as', 'ada', '--data', server.data])).stdout);
	assert.equal(answers.mode, 'extractive');
	assert.deepEqual([answers.answerable, answers.unanswerable, answers.refused], [3, 1, 1]);
	assert.ok(answers.wronglyRefused <= 1);
	assert.equal(answers.citedRight.toFixed(6), ((3 - answers.wronglyRefused) / 3).toFixed(6));
	assert.ok(answers.citationPrecision > 0.5);
	assert.equal(answers.pageRecall, 1);
	const set = rows((await run([SET, '--json', '--answers', ...none])).stdout).pop();
	assert.equal(set.answerable, 8);
	assert.ok(set.citedRight > 0.5);
	assert.deepEqual(readdirSync(tmp), []);
});

test('tune: the fusion weight for one\'s questions, saved when asked to', async () => {
	const many = file('many.jsonl', Array.from({ length: 30 }, (_, i) => JSON.stringify(
		{ id: `q${i}`, question: `What about hotel number ${i}?`, document: 'open/travel.md' })).join('\n'));
	const tuned = rows((await run([many, '--json', '--tune', '--save', '--data', server.data])).stdout).pop();
	assert.equal(tuned.tuned, 'fusion-weight-builtin');
	assert.equal(tuned.queries, 30);
	assert.equal(tuned.best, tuned.present); // one document is always first: nothing to gain, nothing saved
	const settings = (await server.operator.get('/v1/settings')).json.settings;
	assert.equal(settings.find((s) => s.name === 'fusion-weight-builtin').source, 'default');
});

// Two documents a question, which words alone cannot tell apart: the earlier one is first. The other's words are spelt
// like the question's, which its vector shows: any weight is better than none.
test('tune: a better weight is saved, and searched with from then on', async () => {
	const value = async () => (await server.operator.get('/v1/settings')).json.settings.find((s) => s.name === 'fusion-weight-builtin');
	const folder = path.join(scratch, 'better');
	let state = 7;
	const letter = () => 'bdfghklmnprtvwz'[(state = (state * 48271) % 2147483647) % 15];
	const made = Array.from({ length: 80 }, () => Array.from({ length: 9 }, letter).join(''));
	const word = (i, k) => made[2 * i + k];
	const n = 40;
	const lines = (make) => Array.from({ length: n }, (_, i) => JSON.stringify(make(i))).join('\n');
	mkdirSync(folder);
	writeFileSync(path.join(folder, 'corpus.jsonl'), `${lines((i) => ({ _id: `a${i}`, text: `${word(i, 0)} ${`${word(i, 1)} `.repeat(3)}` }))}\n${
		lines((i) => ({ _id: `b${i}`, text: ['', 'qa', 'zo', 'ki'].map((end) => word(i, 0) + end).join(' ') }))}\n`);
	writeFileSync(path.join(folder, 'queries.jsonl'), lines((i) => ({ _id: `q${i}`, text: word(i, 0) })));
	writeFileSync(path.join(folder, 'qrels.tsv'), Array.from({ length: n }, (_, i) => `q${i}\tb${i}\t1`).join('\n'));
	assert.equal((await server.operator.patch('/v1/settings', { settings: { 'fusion-weight-builtin': 0 } })).status, 200);
	const told = rows((await run([folder, '--json', '--tune', '--data', server.data])).stdout).pop();
	assert.deepEqual([told.tuned, told.queries, told.present], ['fusion-weight-builtin', n, 0]);
	assert.ok(told.best > 0 && told['best ndcg@10'] > told['ndcg@10'] && told.low > 0, JSON.stringify(told));
	assert.equal(Number((await value()).value), 0, 'without --save nothing is');
	const saved = await run([folder, '--tune', '--save', '--data', server.data]);
	assert.match(saved.stdout, new RegExp(`saved: fusion-weight-builtin = ${told.best}\\n`));
	assert.equal(Number((await value()).value), told.best);
	const again = rows((await run([folder, '--json', '--tune', '--save', '--data', server.data])).stdout).pop();
	assert.deepEqual([again.present, again.best], [told.best, told.best]);
	assert.equal((await server.operator.patch('/v1/settings', { settings: { 'fusion-weight-builtin': null } })).status, 200);
});

test('what is wrong is said, with its file and line, and its status', async () => {
	const broken = path.join(scratch, 'broken');
	cpSync(SET, broken, { recursive: true });
	writeFileSync(path.join(broken, 'qrels.tsv'), 'q1\tbittern\t1\nq1\tnowhere\t1\n');
	const cases = [
		[[path.join(scratch, 'absent')], 9, /absent/],
		[[broken], 2, /qrels\.tsv, line 2: the document "nowhere"/],
		[[scratch], 9, /queries\.jsonl/],
		[[file('empty.jsonl', '')], 2, /no questions/],
		[[file('cut.jsonl', '{"question": "A"')], 2, /cut\.jsonl, line 1: not JSON/],
		[[SET, '--with', 'chunk-tokens'], 2, /NAME=VALUE/],
		[[SET, '--with', 'no-such=1'], 2, /no-such/],
		[[questions(), '--with', 'chunk-tokens=40'], 2, /chunk-tokens/],
		[[SET, '--save'], 2, /--tune/],
		[[questions()], 3, /nothing in the data folder/],
	];
	for (const [args, status, says] of cases) {
		assert.match((await run([...args, ...none], status)).stderr, says);
	}
	assert.deepEqual(readdirSync(tmp), []);
});

test('interrupted, it takes its data folder along', async () => {
	const big = path.join(scratch, 'big');
	mkdirSync(big);
	writeFileSync(path.join(big, 'corpus.jsonl'), Array.from({ length: 20000 }, (_, i) => JSON.stringify(
		{ _id: `d${i}`, text: `Buoy ${i} lies ${i * 7} cables off the mole, and is painted in colour ${i % 13}.` })).join('\n'));
	writeFileSync(path.join(big, 'queries.jsonl'), '{"_id": "q", "text": "Where is buoy 7?"}');
	writeFileSync(path.join(big, 'qrels.tsv'), 'q\td7\t1\n');
	const child = spawn(CARREL, ['eval', big, ...none], { stdio: 'ignore' });
	await until(() => readdirSync(tmp).some((name) => existsSync(path.join(tmp, name, 'carrel.db'))), 'the data folder', 30000);
	child.kill('SIGINT');
	const [status] = await once(child, 'exit');
	assert.equal(status, 130);
	assert.deepEqual(readdirSync(tmp), []);
});

test('the ranking route: checked fields, no weight but fusion\'s', async () => {
	const ask = async (body) => server.operator.post('/v1/search/ranking', { query: 'hotel', ...body });
	const found = (await ask({ weights: [0, 100], settings: { 'fusion-weight-builtin': 5 } })).json;
	assert.equal(found.weight, 5);
	assert.ok(found.candidates.every((k) => k.ranks.length === 2 && !('text' in k)));
	for (const bad of [{ weights: [101] }, { weights: ['1'] }, { settings: { 'model-url': 1 } }, { settings: { 'fusion-weight-builtin': 101 } },
		{ settings: 3 }, { other: 1 }]) {
		assert.equal((await ask(bad)).status, 400, JSON.stringify(bad));
	}
});

test('explain: what a query was taken for, each candidate\'s ranks and fate, in 80 columns', async () => {
	const folder = path.join(scratch, 'names');
	mkdirSync(folder);
	writeFileSync(path.join(folder, '第三季度会议室使用与预订管理办法修订版最终稿第二次征求意见.md'), '# 会议室的预订和使用以及设备的借用规则说明\n\n会议室的预订需要提前两天，投影仪在前台领取。');
	writeFileSync(path.join(folder, `${'the-hotel-list-of-a-very-long-name-'.repeat(4)}.md`), '# Hotels\n\nHotels are listed by their nights and prices.');
	assert.equal((await runCarrel(['ingest', folder, '--collection', 'open', '--data', server.data])).status, 0);
	const explain = async (...words) => (await runCarrel(['explain', '--as', 'ada', '--limit', '2', '--data', server.data, '--', ...words])).stdout;
	const wide = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/u;
	const width = (line) => [...line].reduce((n, c) => n + (wide.test(c) ? 2 : 1), 0);
	for (const text of [await explain('hotels', 'a', 'night'), await explain('会议室怎么预订')]) {
		assert.ok(text.split('\n').every((l) => width(l) <= 80), text);
		assert.match(text, /^meaning +by builtin, weighs 10 %$/m);
		assert.match(text, /# +WORDS +MEANING +SCORE +FATE +DOCUMENT +PLACE/);
		assert.match(text, /^ *1 +1 +\d+ +1\.00 +kept /m);
	}
	const narrow = await explain('hotels', '-brewery', 'in:open', '"no such phrase"');
	assert.match(narrow, /^only +/m);
	assert.match(narrow, /nothing that you may read has it/);
	assert.match(narrow, /nothing found in the documents that you may read/);
	assert.doesNotMatch(await runCarrel(['explain', 'brewery', '--as', 'ben', '--data', server.data]).then((r) => r.stdout), /board/);
});
