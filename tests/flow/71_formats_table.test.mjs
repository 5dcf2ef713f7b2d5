// The table of formats is one: that of the program (`carrel extract --formats`) is the README's, and every row of
// it is read by a test (fixtures/formats, or another folder of fixtures).
// CARREL_ACCEPT=1 writes the README's anew.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { ROOT, runCarrel } from './carrel.mjs';

const README = path.join(ROOT, 'README.md');
const FIXTURES = path.join(ROOT, 'fixtures');
const BEGIN = '<!-- formats -->\n', END = '<!-- /formats -->\n';
const UNIT = { none: '', page: 'pages', slide: 'slides', sheet: 'sheets and cells', chapter: 'chapters', message: 'messages' };

const lines = (text) => text.trim().split('\n').map((l) => JSON.parse(l));

async function formats() {
	const run = await runCarrel(['extract', '--formats', '--json']);
	assert.equal(run.status, 0, run.stderr);
	return lines(run.stdout);
}

function tableOf(rows) {
	const row = (f) => {
		assert.ok(f.paging in UNIT, f.paging);
		return `| ${f.name} | ${f.extensions.join(', ')} | ${UNIT[f.paging]} | \`${f.mediaType}\` |\n`;
	};
	return `\n| what | names end in | places are | media type |\n|---|---|---|---|\n${rows.map(row).join('')}\n`;
}

test("the README's table is the program's", async () => {
	const text = readFileSync(README, 'utf8');
	const from = text.indexOf(BEGIN) + BEGIN.length, to = text.indexOf(END);
	assert.ok(from >= BEGIN.length && to >= from, 'the README has a place for it');
	const wanted = tableOf(await formats());
	if (process.env.CARREL_ACCEPT) {
		writeFileSync(README, text.slice(0, from) + wanted + text.slice(to));
		return;
	}
	assert.equal(text.slice(from, to), wanted);
});

test('no two rows have a name or a media type', async () => {
	const rows = await formats();
	for (const column of ['name', 'mediaType']) {
		const values = rows.map((r) => r[column]);
		assert.deepEqual(values, [...new Set(values)]);
	}
	const extensions = rows.flatMap((r) => r.extensions);
	assert.deepEqual(extensions, [...new Set(extensions)]);
});

/** Files of fixtures/ as they are committed. */
function fixtures(folder = FIXTURES) {
	return readdirSync(folder).flatMap((name) => {
		const at = path.join(folder, name);
		return statSync(at).isDirectory() ? fixtures(at) : /\.(py|sh|c|expected)$/.test(name) ? [] : [at];
	});
}

test('every row has a fixture', async () => {
	const run = await runCarrel(['extract', '--brief', '--json', '--quiet', '--ocr-languages', '', '--external-command', 'off', ...fixtures()]);
	const seen = new Set(lines(run.stdout).map((r) => r.mediaType));
	const unseen = (await formats()).filter((f) => !seen.has(f.mediaType)).map((f) => f.name);
	assert.deepEqual(unseen, []);
});
