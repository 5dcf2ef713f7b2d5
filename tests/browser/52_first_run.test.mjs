// The first run: whoever has the one-time token becomes the operator, in the browser.
import test from 'node:test';
import assert from 'node:assert/strict';
import { PASSWORD, startCarrel } from '../flow/carrel.mjs';
import { House, launch, shot } from './browser.mjs';

let house;
test.before(async () => (house = new House({ server: await startCarrel(), browser: await launch() })));
test.after(() => house.stop());

test('from the sign-in page to a working desk', async () => {
	const page = await house.open(null);
	await page.getByRole('link', { name: 'Set up Carrel for the first time' }).click();
	await page.getByRole('heading', { name: 'Set up Carrel' }).waitFor();
	await page.getByLabel('One-time token').fill('cb_wrong');
	await page.getByLabel('Name').fill('ann');
	await page.getByLabel('Password').fill(PASSWORD);
	await page.getByRole('button', { name: 'Begin' }).click();
	await page.getByText('That is not the one-time token').waitFor();
	await shot(page, 'setup');
	await page.getByLabel('One-time token').fill(house.server.bootstrapToken);
	await page.getByRole('button', { name: 'Begin' }).click();
	await page.locator('.desk').waitFor();
	await page.getByRole('link', { name: 'Administration' }).click();
	await page.getByRole('row', { name: /ann.*Operator/ }).waitFor();
});

test('the token counts once', async () => {
	const page = await house.open(null, { at: `/#/setup?token=${house.server.bootstrapToken}` });
	assert.equal(await page.getByLabel('One-time token').inputValue(), house.server.bootstrapToken);
	await page.getByLabel('Name').fill('eve');
	await page.getByLabel('Password').fill(PASSWORD);
	await page.getByRole('button', { name: 'Begin' }).click();
	await page.getByRole('alert').getByText(/./).waitFor();
	await page.getByRole('link', { name: 'Back to signing in' }).click();
	await page.getByRole('button', { name: 'Sign in' }).waitFor();
});
