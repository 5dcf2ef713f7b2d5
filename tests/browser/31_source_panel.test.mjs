// The source panel, opened from a search: pages with highlighted lines, turning, zoom, text, width, lost permission.
import test from 'node:test';
import assert from 'node:assert/strict';
import { until } from '../flow/carrel.mjs';
import { PHONE, jobsEnd, shot, startHouse } from './browser.mjs';
import { ALLOWANCE, PASSAGE_ZH, colourAt, handbookPdf, isHighlighted, manualZh, onScreen, showsPage } from './trust.mjs';

let house;
test.before(async () => (house = await startHouse({ documents: { 'handbook.pdf': handbookPdf(), 'manual.md': manualZh() } })));
test.after(() => house.stop());

async function openFound(page, query, name) {
	await page.goto(`${house.server.url}/#/search?q=${encodeURIComponent(query)}`);
	await page.locator('.passage-card .opens', { hasText: name }).first().click();
	await page.locator('.source').waitFor();
}

async function boxesOf(query) {
	const { json } = await house.ann.post('/v1/search', { query, limit: 1 });
	const { json: chunk } = await house.ann.get(`/v1/chunks/${json.passages[0].chunkId}`);
	return { ...chunk, line: chunk.boxes[Math.floor(chunk.boxes.length / 2)] };
}

const zoomText = (page) => page.locator('.source-tools .zoom').textContent();

test('a passage opens at its page with its lines in view and highlighted', async () => {
	const page = await house.open('ann');
	await openFound(page, 'lodging allowance Ghent', 'handbook.pdf');
	const { line } = await boxesOf('lodging allowance Ghent');
	assert.equal(line.page, 7);
	const { at, body } = await isHighlighted(page, 7, line.rect);
	const middle = (at.y + at.height / 2 - body.y) / body.height;
	assert.ok(middle > 0.15 && middle < 0.85, `near the middle: ${middle}`);
	await shot(page, 'source-panel');
});

test('pages turn by button, key and number; only lines of the passage are highlighted', async () => {
	const page = await house.open('ann');
	await openFound(page, 'lodging allowance Ghent', 'handbook.pdf');
	const { line } = await boxesOf('lodging allowance Ghent');
	await showsPage(page, 7);
	await page.getByRole('button', { name: 'Next page' }).click();
	await showsPage(page, 8);
	const same = await colourAt(page, await onScreen(page, 8, line.rect));
	assert.equal(same.yellow, 0);
	await page.locator('.source-pages').focus();
	await page.keyboard.press('ArrowLeft');
	await showsPage(page, 7);
	await page.keyboard.press('ArrowLeft');
	await showsPage(page, 6);
	await page.locator('.page-field input').fill('12');
	await page.keyboard.press('Enter');
	await showsPage(page, 12);
	assert.ok(await page.getByRole('button', { name: 'Next page' }).isDisabled());
	await page.locator('.page-field input').fill('99');
	await page.keyboard.press('Enter');
	await showsPage(page, 12);
});

test('zoom keeps the place; the picture is drawn anew at its size', async () => {
	const page = await house.open('ann');
	await openFound(page, 'lodging allowance Ghent', 'handbook.pdf');
	const { line } = await boxesOf('lodging allowance Ghent');
	await isHighlighted(page, 7, line.rect);
	const widthOf = () => page.locator('.source-page[data-page="7"] img').evaluate((img) => img.naturalWidth);
	const before = await widthOf();
	await page.getByRole('button', { name: 'Larger' }).click();
	await page.getByRole('button', { name: 'Larger' }).click();
	assert.equal(await zoomText(page), '156 %');
	await until(async () => (await widthOf()) > before, 'a larger picture comes');
	const at = await onScreen(page, 7, line.rect), body = await page.locator('.source-pages').boundingBox();
	assert.ok(at.y > body.y && at.y < body.y + body.height, 'the line is still in view');
	await page.keyboard.press('0');
	await until(async () => (await zoomText(page)) === '100 %', 'it fits again');
	const box = await page.locator('.source-pages').boundingBox();
	await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
	await page.keyboard.down('Control');
	await page.mouse.wheel(0, -240);
	await page.keyboard.up('Control');
	await until(async () => parseInt(await zoomText(page)) > 150, 'the wheel zooms');
});

test('a text without pages: exactly the passage is marked, more comes by scrolling', async () => {
	const page = await house.open('ann');
	await openFound(page, '零点检查 满管静水', 'manual.md');
	const mark = page.locator('.text-view mark').first();
	await mark.waitFor();
	const marked = async () => (await page.locator('.text-view mark').allTextContents()).join('');
	assert.equal((await marked()).trim(), PASSAGE_ZH);
	const { y, height } = await mark.boundingBox(), body = await page.locator('.text-view').boundingBox();
	assert.ok(y > body.y && y + height < body.y + body.height, 'in view');
	await shot(page, 'source-text');
	const has = (text) => page.locator('.text-view').evaluate((e, what) => e.textContent.includes(what), text);
	for (const [to, what] of [[0, '第0条：'], [1e9, '第899款：']]) {
		await until(async () => {
			await page.locator('.text-view').evaluate((e, top) => (e.scrollTop = top), to);
			return has(what);
		}, `${what} comes`);
	}
	const { json } = await house.ann.get(`/v1/documents/${(await boxesOf('零点检查 满管静水')).documentId}/text`);
	assert.equal(await page.locator('.text-view .measure').evaluate((e) => e.textContent), json.text);
	assert.equal((await marked()).trim(), PASSAGE_ZH);
});

test('a PDF can be read as text, the passage marked', async () => {
	const page = await house.open('ann');
	await openFound(page, 'lodging allowance Ghent', 'handbook.pdf');
	await page.getByRole('button', { name: 'As text' }).click();
	await page.locator('.text-view mark').first().waitFor();
	assert.match((await page.locator('.text-view mark').allTextContents()).join(''), new RegExp(ALLOWANCE));
	await page.getByRole('button', { name: 'As text' }).click();
	await showsPage(page, 7);
});

test('Escape closes it and gives the focus back; its width is remembered', async () => {
	const page = await house.open('ann');
	await openFound(page, 'lodging allowance Ghent', 'handbook.pdf');
	await showsPage(page, 7);
	await page.getByRole('separator', { name: 'Width of the source panel' }).focus();
	const widthOf = async () => (await page.locator('.source').boundingBox()).width;
	const before = await widthOf();
	await page.keyboard.press('ArrowLeft');
	await page.keyboard.press('ArrowLeft');
	const wide = await widthOf();
	assert.equal(Math.round(wide - before), 64);
	await page.keyboard.press('Escape');
	await page.locator('.source').waitFor({ state: 'detached' });
	assert.match(await page.evaluate(() => document.activeElement.textContent), /handbook\.pdf/);
	await page.reload();
	await page.locator('.passage-card .opens').first().click();
	await page.locator('.source').waitFor();
	assert.equal(Math.round(await widthOf()), Math.round(wide));
	const edge = await page.getByRole('separator').boundingBox();
	await page.mouse.move(edge.x + 4, 300);
	await page.mouse.down();
	await page.mouse.move(edge.x + 54, 300, { steps: 4 });
	await page.mouse.up();
	await until(async () => Math.abs((await widthOf()) - (wide - 50)) < 3, 'it was dragged');
});

test('permission lost while it is open: it says so and shows nothing further', async () => {
	const acl = [{ principal: 'user:ann', right: 'own' }, { principal: 'user:ben', right: 'read' }];
	const secret = (await house.ann.post('/v1/collections', { name: 'Secret', acl })).json;
	await house.ann.upload('Secret', 'merger.pdf', handbookPdf().replaceAll('Ghent', 'Arlon'));
	await jobsEnd(house.ann);
	const page = await house.open('ben');
	await openFound(page, 'lodging allowance Arlon', 'merger.pdf');
	await showsPage(page, 7);
	await house.ann.put(`/v1/collections/${secret.id}/acl`, { entries: acl.slice(0, 1) });
	await page.getByRole('button', { name: 'Next page' }).click();
	await page.getByRole('button', { name: 'Next page' }).click({ timeout: 2000 }).catch(() => {});
	await page.locator('.source-gone').getByText('may no longer be read').waitFor();
	assert.equal(await page.locator('.source img, .source .text-view').count(), 0);
	await shot(page, 'source-gone');
	await page.keyboard.press('Escape');
	await house.ann.put(`/v1/collections/${secret.id}/acl`, { entries: acl });
	await openFound(page, 'allowance Arlon', 'merger.pdf');
	await showsPage(page, 7);
	await house.ann.put(`/v1/collections/${secret.id}/acl`, { entries: acl.slice(0, 1) });
	await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange'))); // as when one comes back to the tab
	await page.locator('.source-gone').waitFor();
	assert.equal(await page.locator('.source img').count(), 0);
});

test('two fingers zoom', async () => {
	const page = await house.open('ann', { width: PHONE.width });
	await openFound(page, 'lodging allowance Ghent', 'handbook.pdf');
	await showsPage(page, 7);
	const widthOf = async () => (await page.locator('.source-page[data-page="7"]').boundingBox()).width;
	const before = await widthOf();
	const touch = await page.context().newCDPSession(page);
	const fingers = (type, gap) => touch.send('Input.dispatchTouchEvent', { type, touchPoints: gap ? [{ x: 195 - gap, y: 600 }, { x: 195 + gap, y: 600 }] : [] });
	await fingers('touchStart', 30);
	for (const gap of [40, 50, 60]) {
		await fingers('touchMove', gap);
		await until(async () => Math.abs((await widthOf()) / before - gap / 30) < 0.05, async () => `${gap / 30} times as wide: ${(await widthOf()) / before}`);
	}
	await fingers('touchEnd', 0);
});

test('on a phone it is a sheet over everything', async () => {
	const page = await house.open('ann', { width: PHONE.width });
	await openFound(page, 'lodging allowance Ghent', 'handbook.pdf');
	const { line } = await boxesOf('lodging allowance Ghent');
	await isHighlighted(page, 7, line.rect);
	const sheet = page.getByRole('dialog', { name: 'handbook.pdf' });
	const { x, y, width, height } = await sheet.boundingBox();
	assert.deepEqual([x, y, width, height], [0, 0, PHONE.width, PHONE.height]);
	assert.ok(await page.locator('#main').evaluate((e) => e.inert));
	await shot(page, 'source-phone');
	await page.getByRole('button', { name: 'Close' }).tap();
	await sheet.waitFor({ state: 'detached' });
	assert.match(await page.evaluate(() => document.activeElement.textContent), /handbook\.pdf/);
});

test('a panel that is closed while it scrolls takes nothing amiss', async () => {
	const page = await house.open('ann');
	for (let i = 0; i < 4; i++) {
		await openFound(page, 'lodging allowance Ghent', 'handbook.pdf');
		await showsPage(page, 7);
		// In one task: the scroll is told with the next frame, when the panel is gone.
		await page.evaluate(() => {
			document.querySelector('.source-pages').scrollTop += 40;
			document.querySelector('.source').dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', bubbles: true }));
		});
		await page.locator('.source').waitFor({ state: 'detached' });
	}
}); // what a page throws fails the house's stop
