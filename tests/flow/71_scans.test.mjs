// Scans and pictures come in as documents: found by their words, cited at their place, shown as pages. OCR may
// read a letter otherwise with another version of tesseract: only plain words are asked for, places within points.
// Long: OCR.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { addUser, startDesk } from './answers.mjs';
import { ROOT, runCarrel } from './carrel.mjs';

const FOLDER = path.join(ROOT, 'fixtures/scans');

async function extract(name) {
	const run = await runCarrel(['extract', path.join(FOLDER, name), '--json']);
	assert.equal(run.status, 0, run.stderr);
	const lines = run.stdout.trim().split('\n').map((l) => JSON.parse(l));
	return {
		head: lines[0],
		pages: lines.filter((l) => 'label' in l),
		blocks: lines.filter((l) => 'byteStart' in l && l.kind && l.boxes),
		notes: lines.filter((l) => l.kind === 'poor_scan' || l.annotation === 'poor_scan'),
		text: lines.filter((l) => 'byteStart' in l).map((l) => l.text).join('\n'),
	};
}

const near = (box, wanted, what) => wanted.forEach((v, i) => assert.ok(Math.abs(box[i] - v) <= 6, `${what} is at ${box}, not ${wanted}`));

for (const name of ['label.webp', 'label.gif', 'label.bmp', 'label.pbm']) {
	test(`a picture: ${name}`, async () => {
		const { head, text } = await extract(name);
		assert.match(head.mediaType, /^image\//);
		assert.match(text, /tide gauge/);
	});
}

test('a scanned PDF: words, a table, headings, places, although it lies askew', async () => {
	const { head, pages, blocks } = await extract('english.pdf');
	assert.equal(head.mediaType, 'application/pdf');
	assert.ok(pages[0].confidence > 80);
	assert.equal(blocks[0].kind, 'heading');
	assert.match(blocks[0].text, /Harbour survey of the Eel Point jetty/);
	near(blocks[0].boxes[0], [65, 51, 387, 74], 'the heading');
	const rows = blocks.filter((b) => b.kind === 'table_row').map((b) => b.text);
	assert.ok(rows.includes('Northern stairs | 9 | 12,750'), rows.join('\n'));
	near(blocks.find((b) => /^Navigation/.test(b.text)).boxes[0], [64, 253, 420, 268], 'the last row');
});

test('German and Chinese', async () => {
	const german = await extract('german.png');
	assert.match(german.text, /Überprüfung der Kesselanlage/);
	assert.match(german.text, /Sicherheitsventile öffneten/);
	assert.match(german.text, /Jürgen Weißmüller/);
	const chinese = await extract('chinese.png');
	assert.match(chinese.text, /十五个工作日的带薪年假/);
	assert.match(chinese.text, /病假需要提供医院/);
});

test('upside down, on its side, and hardly legible', async () => {
	const turned = await extract('upside-down.pdf');
	assert.match(turned.text, /read every morning by the lighthouse keeper/);
	near(turned.blocks[0].boxes[0], [327, 352, 531, 368], 'the heading of a page upside down');
	const tiff = await extract('tide.tiff');
	assert.equal(tiff.pages.length, 2);
	assert.ok(tiff.pages[1].width < tiff.pages[1].height);
	assert.match(tiff.text, /6\.84 metres/);
	const poor = await extract('poor.jpg');
	assert.ok(poor.pages[0].confidence < 70);
	assert.match(JSON.stringify(poor.notes), /page 1 was hard to read \(OCR confidence \d+ %\)/);
});

test('a picture is found by its words and shown with the passage marked', async (t) => {
	const carrel = await startDesk();
	t.after(() => carrel.stop());
	await addUser(carrel, 'ada');
	await carrel.operator('POST', '/v1/collections', { name: 'scans' }, { as: 'ada' });
	const bring = async (name, bytes = readFileSync(path.join(FOLDER, name))) => {
		const r = await carrel.upload('ada', 'scans', name, bytes);
		assert.equal(r.status, 202, r.text);
		await carrel.jobEnd(r.json.jobId, 'ada');
		return (await carrel.operator('GET', `/v1/documents/${r.json.documentId}`, undefined, { as: 'ada' })).json;
	};
	const tide = await bring('tide.tiff');
	assert.deepEqual([tide.state, tide.mediaType, tide.pages], ['indexed', 'image/tiff', 2]);
	const { json } = await carrel.operator('POST', '/v1/search', { query: 'highest tide of the year in metres', limit: 1 }, { as: 'ada' });
	const [hit] = json.passages;
	assert.equal(hit.documentId, tide.id);
	const page = (n, q = '') => carrel.operator('GET', `/v1/documents/${tide.id}/pages/${n}.png?width=300${q}`, undefined, { as: 'ada' });
	const plain = await page(2);
	assert.equal(plain.status, 200, plain.text.slice(0, 300));
	assert.equal(plain.headers['content-type'], 'image/png');
	assert.notDeepEqual((await page(2, `&chunk=${hit.chunkId}`)).body, plain.body, 'the passage is highlighted');
	assert.equal((await page(3)).status, 404);
	// A picture without a word in it is kept, and says so.
	const { state } = await bring('dot.png', Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAAAAADhZOFXAAAADklEQVR42mP4DwUMlDEA98A/wa9cD80AAAAASUVORK5CYII=', 'base64'));
	assert.equal(state, 'no_text');
});
