// A day's work by keyboard alone: no pointer is used in this file.
import test from 'node:test';
import assert from 'node:assert/strict';
import { PASSWORD } from '../flow/carrel.mjs';
import { startHouse } from './browser.mjs';

let house;
test.before(async () => {
	const documents = { 'travel.md': '# Travel policy\n\nA hotel room in Milan may cost at most 175 EUR per night.\n', 'leave.md': '# Leave\n\nEvery employee has 30 days of annual leave.\n' };
	house = await startHouse({ model: { mode: 'cite' }, documents });
});
test.after(() => house.stop());

/** Presses Tab until what has the focus fits; every stop on the way must be visible. */
async function tabTo(page, locator, what, key = 'Tab') {
	for (let i = 0; i < 80; i++) {
		if (await locator.count() && await locator.first().evaluate((e) => e === document.activeElement)) {
			return;
		}
		await page.keyboard.press(key);
		const hidden = await page.evaluate(() => {
			const e = document.activeElement;
			return e !== document.body && !e.checkVisibility({ visibilityProperty: true }) ? e.outerHTML.slice(0, 200) : '';
		});
		assert.equal(hidden, '', 'the focus is on something that cannot be seen');
	}
	assert.fail(`Tab does not come to ${what}; it is at ${await page.evaluate(() => document.activeElement.outerHTML.slice(0, 200))}`);
}

test('sign in, ask, open a citation, close it, find a document, sign out', async () => {
	const page = await house.open(null);
	await page.waitForFunction(() => document.activeElement.name === 'name');
	await page.keyboard.type('ben');
	await page.keyboard.press('Tab');
	await page.keyboard.type(PASSWORD);
	await page.keyboard.press('Enter');
	await page.locator('.desk').waitFor();

	const composer = page.getByLabel('Your question');
	await tabTo(page, composer, 'the composer');
	await page.keyboard.type('What may a hotel room in Milan cost?');
	await page.keyboard.press('Enter');
	const chip = page.locator('.turn .answer button').filter({ hasText: /^1$/ }).first();
	await chip.waitFor();
	await tabTo(page, chip, 'the citation', 'Shift+Tab');
	await page.keyboard.press('Enter');
	const panel = page.locator('.source');
	await panel.getByText('travel.md').first().waitFor();
	await page.waitForFunction(() => document.querySelector('.source').contains(document.activeElement));
	await page.keyboard.press('Escape');
	await panel.waitFor({ state: 'detached' });
	assert.equal(await chip.evaluate((e) => e === document.activeElement), true, 'the focus is back on the citation');

	await page.keyboard.press('d');
	await page.getByRole('heading', { level: 1, name: 'Documents' }).waitFor();
	await page.waitForFunction(() => document.querySelector('#main').contains(document.activeElement));
	await page.waitForFunction(() => document.title === 'Documents · Carrel');
	const row = page.getByRole('link', { name: /travel\.md/ });
	await row.first().waitFor();
	await tabTo(page, row, 'the document');
	await page.keyboard.press('Enter');
	await page.getByRole('heading', { name: /travel/i }).first().waitFor();

	const account = page.locator('.sidebar-foot button');
	await tabTo(page, account, 'the account menu', 'Shift+Tab');
	await page.keyboard.press('Enter');
	await page.keyboard.press('End');
	await page.keyboard.press('Enter');
	await page.getByRole('button', { name: 'Sign in' }).waitFor();
});

test('the skip link leads over the navigation, ? lists the shortcuts', async () => {
	const page = await house.open('ann', { at: '/#/library' });
	await page.getByRole('heading', { level: 1 }).waitFor();
	await page.evaluate(() => document.activeElement.blur());
	await page.keyboard.press('Tab');
	assert.equal(await page.evaluate(() => document.activeElement.className), 'skip');
	await page.keyboard.press('Enter');
	const inMain = () => page.evaluate(() => document.activeElement.matches('#main, #main h1')); // a view that comes late has its heading focused
	assert.ok(await inMain());
	await page.keyboard.press('?');
	await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
	assert.ok(await page.locator('.keys dt').count() >= 4);
	await page.keyboard.press('Escape');
	await page.getByRole('dialog').waitFor({ state: 'detached' });
	assert.ok(await inMain());
});

test('a change of view takes the focus to its heading and names the window', async () => {
	const page = await house.open('ann');
	const link = page.getByRole('link', { name: 'Administration' });
	await tabTo(page, link, 'the link');
	await page.keyboard.press('Enter');
	await page.waitForFunction(() => document.activeElement.tagName === 'H1' && document.activeElement.textContent === 'People');
	assert.equal(await page.title(), 'Administration · Carrel');
});

test('on a phone the menu holds the keyboard until Escape', async () => {
	const page = await house.open('ann', { width: 390 });
	const opener = page.getByRole('button', { name: 'Open the menu' });
	await opener.focus();
	await page.keyboard.press('Enter');
	await page.waitForFunction(() => document.querySelector('.sidebar').contains(document.activeElement));
	for (let i = 0; i < 25; i++) {
		await page.keyboard.press('Tab');
		assert.equal(await page.evaluate(() => document.querySelector('.sidebar').contains(document.activeElement)), true);
	}
	await page.keyboard.press('Escape');
	await page.waitForFunction(() => document.activeElement.getAttribute('aria-label') === 'Open the menu');
});
