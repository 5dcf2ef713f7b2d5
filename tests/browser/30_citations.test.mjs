// Citations of an answer: the card at a chip, the panel behind it, what was searched, and what comes closest.
import test from 'node:test';
import assert from 'node:assert/strict';
import { until } from '../flow/carrel.mjs';
import { PHONE, jobsEnd, shot, startHouse } from './browser.mjs';
import { askOnPage } from './chat_talk.mjs';
import { ALLOWANCE, PASSAGE_ZH, handbookPdf, isHighlighted, manualZh, showsPage } from './trust.mjs';

const QUESTION = 'What is the lodging allowance in Ghent?';
const SAID = { Ghent: [ALLOWANCE, 'It is paid with the next salary'], '零点检查': [PASSAGE_ZH.split('。')[0]], Quillon: ['The merger with Quillon costs 88 million euros'] };

/** Says what the sources say about the question, each sentence with the source that it stands in. */
async function script(say, { prompt }) {
	const sources = [...prompt.matchAll(/source \[(\d+)\]\n[^]*?\n\n([^]*?)\n--- /g)];
	const [, sentences] = Object.entries(SAID).find(([word]) => prompt.slice(-200).includes(word));
	for (const sentence of sentences) {
		const [, handle] = sources.find(([, , text]) => text.includes(sentence));
		await say(/[。零]/.test(sentence) ? `${sentence} [${handle}]。` : `${sentence} [${handle}]. `);
	}
}

let house;
test.before(async () => (house = await startHouse({ model: { mode: 'script', script }, documents: { 'handbook.pdf': handbookPdf(), 'manual.md': manualZh() } })));
test.after(() => house.stop());

const chip = (page, ordinal = 1) => page.locator(`.answer .cite[data-ordinal="${ordinal}"]`).first();
const card = (page) => page.locator('#cite-card');

async function asked(options, question = QUESTION) {
	const page = await house.open(options?.who ?? 'ann', options);
	await askOnPage(page, question);
	await chip(page).waitFor();
	return page;
}

test('pointing at a chip shows document, page, heading, quotation and how well it is supported', async () => {
	const page = await asked();
	await chip(page).hover();
	await card(page).waitFor();
	await until(async () => (await chip(page).getAttribute('aria-describedby')) === 'cite-card', 'the card describes the chip');
	const text = await card(page).textContent();
	assert.match(text, /handbook\.pdf/);
	assert.match(text, /page 7/);
	assert.match(text, new RegExp(ALLOWANCE));
	assert.match(text, /Checked word by word/);
	const at = await card(page).boundingBox();
	assert.ok(at.x >= 0 && at.y >= 0 && at.x + at.width <= 1280 && at.y + at.height <= 800);
	await shot(page, 'citation-card');
	await card(page).hover();
	await page.mouse.move(5, 5);
	await card(page).waitFor({ state: 'detached' });
	assert.equal(await chip(page).getAttribute('aria-describedby'), null);
});

test('by keyboard: the focus shows the card, Escape hides it, Enter opens the panel, Escape comes back to the chip', async () => {
	const page = await asked();
	for (let i = 0; i < 80 && !(await chip(page).evaluate((e) => e === document.activeElement)); i++) {
		await page.keyboard.press('Shift+Tab');
	}
	await card(page).waitFor();
	await page.keyboard.press('Escape');
	await card(page).waitFor({ state: 'detached' });
	await page.keyboard.press('Enter');
	await showsPage(page, 7);
	assert.ok(await page.locator('.source').evaluate((e) => e.contains(document.activeElement)));
	await page.keyboard.press('Escape');
	await page.locator('.source').waitFor({ state: 'detached' });
	assert.ok(await chip(page).evaluate((e) => e === document.activeElement));
	assert.equal(await card(page).count(), 0, 'what it cites has just been read');
	await page.keyboard.press('Tab');
	await page.keyboard.press('Shift+Tab');
	await card(page).waitFor();
});

test('a click opens the page at exactly the quoted lines', async () => {
	const page = await asked();
	const run = await runOf(page);
	await chip(page).click();
	const [box] = run.citations[0].boxes;
	assert.equal(box.page, 7);
	await isHighlighted(page, 7, box.rect);
	assert.match(await page.locator('.cited').textContent(), /Citation 1 of 2/);
	await shot(page, 'citation-opened');
	await page.getByRole('button', { name: 'Next citation' }).click();
	await page.locator('.cited').getByText('Citation 2 of 2').waitFor();
	assert.equal(run.citations[1].quote, 'It is paid with the next salary.');
	await isHighlighted(page, 7, run.citations[1].boxes[0].rect);
});

async function runOf(page) {
	const conversation = new URL(page.url()).hash.split('/').pop();
	const { json } = await house.ann.get(`/v1/conversations/${conversation}/turns`);
	return json.turns.at(-1).run;
}

test('a Chinese quotation is marked exactly in a long text', async () => {
	const page = await asked({}, '零点检查必须在什么中进行？');
	await chip(page).click();
	await page.locator('.text-view mark').first().waitFor();
	const { citations } = await runOf(page);
	assert.equal((await page.locator('.text-view mark').allTextContents()).join(''), citations[0].quote);
	assert.ok(PASSAGE_ZH.includes(citations[0].quote));
	await shot(page, 'citation-text');
});

test('what was searched: passages with their fate, tokens, times; a row opens its passage', async () => {
	const page = await asked();
	await page.getByText('What was searched').click();
	const searched = page.locator('.searched');
	await searched.locator('tbody tr').first().waitFor();
	const text = await searched.textContent();
	assert.match(text, /lodging allowance in Ghent/);
	assert.match(text, /of .* tokens/);
	assert.match(text, /Search by words/);
	assert.match(await searched.locator('tbody tr').first().textContent(), /handbook\.pdf.*page 7.*Used/);
	assert.equal(await searched.locator('progress').evaluate((e) => e.value > 0 && e.max >= e.value), true);
	await searched.scrollIntoViewIfNeeded();
	await shot(page, 'searched');
	await searched.locator('tbody button').first().click();
	await showsPage(page, 7);
});

test('a refused answer offers what comes closest', async () => {
	const page = await house.open('ann');
	await askOnPage(page, 'Who won the zeppelin championship of Valparaiso?');
	const nearest = page.locator('.nearest .passage-card');
	await nearest.first().waitFor();
	await shot(page, 'nearest');
	await nearest.first().locator('.opens').click();
	await page.locator('.source').waitFor();
});

test('a citation whose document may no longer be read says so', async () => {
	const acl = [{ principal: 'user:ann', right: 'own' }, { principal: 'user:ben', right: 'read' }];
	const secret = (await house.ann.post('/v1/collections', { name: 'Secret', acl })).json;
	await house.ann.upload('Secret', 'merger.md', '# Merger\n\nThe merger with Quillon costs 88 million euros.\n');
	await jobsEnd(house.ann);
	const page = await asked({ who: 'ben' }, 'What does the merger with Quillon cost?');
	await house.ann.put(`/v1/collections/${secret.id}/acl`, { entries: acl.slice(0, 1) });
	await chip(page).hover();
	await card(page).getByText('may no longer be read').waitFor();
	assert.doesNotMatch(await card(page).textContent(), /88 million|merger/i);
	await chip(page).click();
	await page.locator('.source-gone').waitFor();
	assert.equal(await page.locator('.source .cited').count(), 0);
	await page.keyboard.press('Escape');
	await page.getByText('What was searched').click();
	await page.locator('.searched').getByText(/\d more passages? may not be read/).waitFor();
	assert.doesNotMatch(await page.locator('.searched table').textContent(), /merger\.md/);
});

test('while the answer is still being written its chips work', async () => {
	let go;
	const gate = new Promise((done) => (go = done));
	house.model.script = async (say, order) => {
		await script(say, order);
		const words = Array.from({ length: 100 }, (_, i) => `word${i} `);
		await Promise.all([gate, (async () => {
			for (const word of words) {
				await say(word, 30); // the block of the chip is drawn anew with each
			}
		})()]);
	};
	const page = await house.open('ann');
	await page.getByLabel('Your question').fill(QUESTION);
	await page.keyboard.press('Enter');
	await chip(page).hover();
	await card(page).getByText('handbook.pdf').waitFor();
	await page.getByText('word60').waitFor();
	assert.match(await card(page).textContent(), new RegExp(ALLOWANCE));
	await chip(page).click();
	await showsPage(page, 7);
	assert.equal(await page.locator('.answer.running').count(), 1);
	await page.keyboard.press('Escape');
	go();
	await page.locator('.running').waitFor({ state: 'detached' });
	house.model.script = script;
});

test('on a phone one tap opens the sheet', async () => {
	const page = await asked({ width: PHONE.width });
	await chip(page).tap();
	await showsPage(page, 7);
	assert.equal(await card(page).count(), 0);
	await shot(page, 'citation-phone');
	await page.getByRole('button', { name: 'Close' }).tap();
	await page.locator('.source').waitFor({ state: 'detached' });
});

test('the temporary chat has all of it too', async () => {
	const page = await house.open('ann');
	await page.goto(`${house.server.url}/#/temporary`);
	await askOnPage(page, QUESTION);
	await chip(page).hover();
	await card(page).getByText('handbook.pdf').waitFor();
	await chip(page).click();
	await showsPage(page, 7);
	await page.keyboard.press('Escape');
	await page.getByText('What was searched').click();
	await page.locator('.searched tbody tr').first().getByText('handbook.pdf').waitFor();
});
