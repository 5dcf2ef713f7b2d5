// Searching passages without a model: as one types, by keyboard, with the address and its history.
import test from 'node:test';
import assert from 'node:assert/strict';
import { until } from '../flow/carrel.mjs';
import { PHONE, jobsEnd, shot, startHouse } from './browser.mjs';
import { handbookPdf } from './trust.mjs';

let house;
test.before(async () => {
	house = await startHouse({
		documents: {
			'handbook.pdf': handbookPdf(),
			'canteen.md': '# Canteen\n\n## Opening hours\n\nThe canteen opens at half past seven. Crêpes are served on Fridays.\n',
			'marked-up.md': '# Marked up\n\nThe <b>zebra</b> <img src=x onerror=alert(1)> crosses the road at noon.\n',
		},
	});
	const acl = [{ principal: 'workspace', right: 'read' }, { principal: 'user:ann', right: 'own' }];
	await house.ann.post('/v1/collections', { name: 'Minutes', acl });
	await house.ann.upload('Minutes', 'june.md', '# Minutes of June\n\nThe board wants the canteen to open earlier.\n');
	await jobsEnd(house.ann);
});
test.after(() => house.stop());

const names = (page) => page.locator('.passage-card .opens').allTextContents();
const settled = (page, check, what) => until(async () => check(await names(page)), async () => `${what}: ${await names(page)}`);

async function openSearch(options) {
	const page = await house.open('ann', options);
	await page.goto(`${house.server.url}/#/search`);
	await page.getByText('Find the place itself').waitFor();
	return page;
}

test('passages come while one types, with the words of the question marked', async () => {
	const page = await openSearch();
	await page.getByRole('searchbox', { name: 'Words or a question' }).fill('when does the canteen open for crepes');
	await settled(page, (n) => n[0] === 'canteen.md', 'canteen.md is the best');
	const card = page.locator('.passage-card').first();
	assert.deepEqual(await card.locator('mark').allTextContents(), ['canteen', 'opens', 'Crêpes']);
	assert.match(await card.locator('.heading').textContent(), /Canteen › Opening hours/);
	assert.doesNotMatch(await card.locator('h3').textContent(), /page/);
	await page.getByRole('searchbox', { name: 'Words or a question' }).fill('lodging allowance Ghent');
	await settled(page, (n) => n[0] === 'handbook.pdf', 'handbook.pdf is the best');
	assert.match(await page.locator('.passage-card').first().locator('h3').textContent(), /page 7/);
	await shot(page, 'search');
});

test('the keyboard alone: / to the field, arrows through the results, Enter opens, Escape comes back', async () => {
	const page = await openSearch();
	await page.locator('#main').focus();
	await page.keyboard.press('/');
	await page.keyboard.type('canteen');
	await settled(page, (n) => n.includes('june.md') && n.includes('canteen.md'), 'both come');
	await page.keyboard.press('ArrowDown');
	await page.keyboard.press('ArrowDown');
	const second = (await names(page))[1];
	assert.equal(await page.evaluate(() => document.activeElement.textContent), second);
	await page.keyboard.press('Enter');
	await page.locator('.source mark').first().waitFor();
	await page.keyboard.press('Escape');
	assert.equal(await page.evaluate(() => document.activeElement.textContent), second);
	await page.keyboard.press('ArrowUp');
	await page.keyboard.press('ArrowUp');
	assert.ok(await page.getByRole('searchbox', { name: 'Words or a question' }).evaluate((e) => e === document.activeElement));
});

test('the question stands in the address; back goes to the one before', async () => {
	const page = await openSearch();
	await page.getByRole('searchbox', { name: 'Words or a question' }).fill('canteen');
	await page.keyboard.press('Enter');
	await settled(page, (n) => n.length >= 2, 'canteen');
	await page.getByRole('searchbox', { name: 'Words or a question' }).fill('zebra');
	await page.keyboard.press('Enter');
	await settled(page, (n) => n[0] === 'marked-up.md', 'zebra');
	assert.match(page.url(), /#\/search\?q=zebra/);
	await page.goBack();
	// What was found for the other question may have this one's document as well: the field tells.
	await until(async () => (await page.getByRole('searchbox', { name: 'Words or a question' }).inputValue()) === 'canteen', 'the field says canteen');
	await settled(page, (n) => n.includes('canteen.md'), 'canteen again');
	await page.reload();
	await settled(page, (n) => n.includes('canteen.md'), 'after a reload');
});

test('only in one collection', async () => {
	const page = await openSearch();
	await page.getByRole('searchbox', { name: 'Words or a question' }).fill('canteen');
	await settled(page, (n) => n.includes('canteen.md'), 'canteen.md');
	await page.getByRole('combobox', { name: 'Where to search' }).selectOption({ label: 'Minutes' });
	await settled(page, (n) => n.length === 1 && n[0] === 'june.md', 'of the minutes only');
});

test('the last question wins however late an earlier answer comes', async () => {
	const page = await openSearch();
	let release;
	const held = new Promise((done) => (release = done));
	await page.route('**/v1/search', async (route) => {
		if (route.request().postDataJSON().query === 'zebra') {
			await held;
		}
		await route.continue().catch(() => {});
	});
	const asked = page.waitForRequest((r) => r.url().endsWith('/v1/search'));
	await page.getByRole('searchbox', { name: 'Words or a question' }).fill('zebra');
	await asked;
	await page.getByRole('searchbox', { name: 'Words or a question' }).fill('canteen');
	await settled(page, (n) => n.includes('canteen.md'), 'canteen');
	release();
	await page.unrouteAll({ behavior: 'wait' });
	assert.ok(!(await names(page)).includes('marked-up.md') || (await names(page))[0] !== 'marked-up.md');
	assert.equal(await page.getByRole('searchbox', { name: 'Words or a question' }).inputValue(), 'canteen');
});

test('weak evidence is said; so is that nothing was found; markup is text', async () => {
	const page = await openSearch();
	await page.getByRole('searchbox', { name: 'Words or a question' }).fill('zebra');
	await settled(page, (n) => n[0] === 'marked-up.md', 'zebra');
	assert.equal(await page.locator('.passage-card img, .passage-card b').count(), 0);
	await page.getByRole('searchbox', { name: 'Words or a question' }).fill('purple elephants conquer the moon');
	await page.getByText('Nothing fits this well').or(page.getByText('Nothing was found')).first().waitFor();
	await shot(page, 'search-weak');
});

test('what was put right and what nothing meets is said', async () => {
	const page = await openSearch();
	const field = page.getByRole('searchbox', { name: 'Words or a question' });
	await page.getByText('"exact words"').waitFor();
	await field.fill('when does the cantene open');
	await page.getByText('Searched for “canteen” instead of “cantene”.').waitFor();
	await field.fill('canteen in:"Nowhere <b>"');
	await page.getByText('No document that you may read has in:"Nowhere <b>".').waitFor();
	await page.close();
});

test('the ranking is explained on demand, each row opens its place', async () => {
	const page = await openSearch();
	await page.getByRole('searchbox', { name: 'Words or a question' }).fill('lodging allowance Ghent');
	await page.getByLabel('Explain the ranking').check();
	const table = page.locator('.explained table');
	await table.waitFor();
	assert.match(await table.locator('tbody tr').first().textContent(), /handbook\.pdf.*Shown/);
	assert.equal(await page.getByRole('searchbox', { name: 'Words or a question' }).inputValue(), 'lodging allowance Ghent');
	await table.locator('tbody button').first().click();
	await page.locator('.source-page img').first().waitFor();
});

test('it fits a phone', async () => {
	const page = await openSearch({ width: PHONE.width });
	await page.getByRole('searchbox', { name: 'Words or a question' }).fill('canteen');
	await settled(page, (n) => n.includes('canteen.md'), 'canteen');
	assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
	await shot(page, 'search-phone');
});
