// Every file of fixtures/formats is read as the file beside it says (NAME.expected: the lines of
// `carrel extract --json`, read by a person before they were committed). Boxes may be off by a point.
// CARREL_ACCEPT=1 writes the expected files anew: then read the difference.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { ROOT, runCarrel } from './carrel.mjs';

const FOLDER = path.join(ROOT, 'fixtures/formats');
const NAMES = readdirSync(FOLDER).filter((n) => existsSync(path.join(FOLDER, `${n}.expected`)) || process.env.CARREL_ACCEPT)
	.filter((n) => !/^README|\.(expected|py)$/.test(n));

const near = (a, b) => Math.abs(a - b) <= 1;

function assertLine(seen, wanted, where) {
	if (wanted.boxes) {
		assert.equal(seen.boxes?.length, wanted.boxes.length, `${where}: boxes`);
		wanted.boxes.forEach((box, i) => box.forEach((v, k) => assert.ok(near(v, seen.boxes[i][k]),
			`${where}: box ${i} is ${seen.boxes[i]}, not ${box}`)));
	}
	const plain = ({ boxes, width, height, ...rest }) => rest;
	assert.deepEqual(plain(seen), plain(wanted), where);
	for (const side of ['width', 'height']) {
		assert.ok(!(side in wanted) || near(seen[side], wanted[side]), `${where}: ${side}`);
	}
}

for (const name of NAMES) {
	test(name, async () => {
		const run = await runCarrel(['extract', path.join(FOLDER, name), '--json']);
		const expected = path.join(FOLDER, `${name}.expected`);

		assert.equal(run.status, 0, run.stderr);
		if (process.env.CARREL_ACCEPT) {
			writeFileSync(expected, run.stdout);
			return;
		}
		const seen = run.stdout.trim().split('\n').map((l) => JSON.parse(l));
		const wanted = readFileSync(expected, 'utf8').trim().split('\n').map((l) => JSON.parse(l));
		wanted.forEach((line, i) => assertLine(seen[i] ?? {}, line, `${name}, line ${i + 1}`));
		assert.equal(seen.length, wanted.length, `${name}: lines`);
	});
}
