// Signing in and out, in a real browser.
import test from 'node:test';
import assert from 'node:assert/strict';
import { PASSWORD } from '../flow/carrel.mjs';
import { shot, signIn, startHouse } from './browser.mjs';

let house;
test.before(async () => (house = await startHouse()));
test.after(() => house.stop());

test('a wrong password and a wrong name are told alike', async () => {
	const page = await house.open(null);
	const told = [];
	for (const [name, password] of [['ann', 'wrong password'], ['nobody-of-that-name', PASSWORD]]) {
		await page.getByLabel('Name').fill(name);
		await page.getByLabel('Password').fill(password);
		await page.getByRole('button', { name: 'Sign in' }).click();
		await page.getByRole('alert').getByText(/./).waitFor();
		told.push(await page.getByRole('alert').textContent());
	}
	assert.equal(told[0], told[1]);
	await shot(page, 'sign-in-refused');
});

test('a refresh stays signed in; no token is kept where a script finds it', async () => {
	const page = await house.open('ann');
	await page.reload();
	await page.locator('.desk').waitFor();
	const kept = await page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }) + document.cookie);
	assert.doesNotMatch(kept, /c[asf]_/);
});

test('signing out in one tab signs out the other', async () => {
	const page = await house.open('ben');
	const other = await page.context().newPage();
	await other.goto(house.server.url);
	await other.locator('.desk').waitFor();
	await page.locator('.sidebar-foot button').click();
	await page.getByRole('menuitem', { name: 'Sign out' }).click();
	await page.getByLabel('Password').waitFor();
	await other.getByLabel('Password').waitFor();
	await signIn(other, 'ben');
});
