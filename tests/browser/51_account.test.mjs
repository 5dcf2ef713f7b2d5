// One's own account: name, password, language, sign-ins, tokens.
import test from 'node:test';
import assert from 'node:assert/strict';
import { PASSWORD } from '../flow/carrel.mjs';
import { shot, signIn, startHouse } from './browser.mjs';

let house;
test.before(async () => (house = await startHouse()));
test.after(() => house.stop());

const account = async (name, options) => {
	const page = await house.open(name, options);
	await page.goto(`${house.server.url}/#/account`);
	await page.getByRole('heading', { level: 1 }).waitFor();
	return page;
};

test('the name that others see', async () => {
	const page = await account('ben');
	await page.getByLabel('Name that others see').fill('Ben Castellan');
	await page.getByRole('button', { name: 'Save', exact: true }).click();
	await page.locator('.sidebar-foot').getByText('Ben Castellan').waitFor();
});

test('a new password needs the present one, and ends the other sign-ins', async () => {
	const next = 'another long password';
	const cleo = await house.server.createUser(house.ann, 'cleo');
	assert.ok(cleo);
	const page = await account('cleo');
	await page.getByLabel('Current password').fill('not this one at all');
	await page.getByLabel('New password').fill(next);
	await page.getByRole('button', { name: 'Change the password' }).click();
	await page.getByText('The current password is not right.').waitFor();
	await page.getByLabel('Current password').fill(PASSWORD);
	await page.getByRole('button', { name: 'Change the password' }).click();
	await page.getByText('The password is changed').waitFor();
	assert.equal((await cleo.get('/v1/me')).status, 401);
	await page.getByText(/^Signed in/).nth(1).waitFor({ state: 'detached' });
	assert.equal(await page.getByText(/^Signed in/).count(), 1);
	const other = await house.open(null);
	await signIn(other, 'cleo', next);
});

test('the language changes at once and is kept', async () => {
	const page = await account('ben');
	await page.getByLabel('Deutsch').check();
	await page.getByRole('heading', { name: 'Konto' }).waitFor();
	assert.equal(await page.locator('html').getAttribute('lang'), 'de');
	await page.reload();
	await page.getByRole('heading', { name: 'Konto' }).waitFor();
	await page.getByLabel('中文').check();
	await page.getByRole('heading', { name: '账户' }).waitFor();
	await shot(page, 'account-zh');
	await page.getByLabel('English').check();
});

test('a sign-in elsewhere is ended from here; everywhere ends this one too', async () => {
	const dora = await house.server.createUser(house.ann, 'dora');
	const page = await account('dora');
	await page.getByRole('button', { name: /^Sign out what was signed in/ }).click();
	await page.getByRole('button', { name: /^Sign out what was signed in/ }).waitFor({ state: 'detached' });
	assert.equal((await dora.get('/v1/me')).status, 401);
	await page.getByRole('button', { name: 'Sign out everywhere' }).click();
	await page.getByRole('dialog').getByRole('button', { name: 'Sign out everywhere' }).click();
	await page.getByRole('button', { name: 'Sign in', exact: true }).waitFor();
});

test('a token is shown once, works, and is revoked', async () => {
	const page = await account('ben');
	await page.getByRole('button', { name: 'New token' }).click();
	await page.getByLabel('What is it for?').fill('Backup <b>script');
	await page.getByLabel('Ends').selectOption({ label: 'after 30 days' });
	await page.getByRole('button', { name: 'Make the token' }).click();
	const token = await page.getByRole('dialog').locator('output code').textContent();
	await page.getByRole('dialog').getByRole('button', { name: 'Copy' }).click();
	await page.getByRole('dialog').getByText('Copied').waitFor();
	assert.equal(await page.evaluate(() => navigator.clipboard.readText()), token);
	await shot(page, 'account-token');
	await page.getByRole('dialog').getByRole('button', { name: 'Done' }).click();
	const program = house.server.asBearer(token);
	assert.equal((await program.get('/v1/me')).json.user.name, 'ben');
	await page.getByText('Backup <b>script').waitFor();
	await page.getByText(token).waitFor({ state: 'detached' });
	await page.getByRole('button', { name: /^Revoke/ }).click();
	await page.getByRole('dialog').getByRole('button', { name: 'Revoke', exact: true }).click();
	await page.getByText('You have none.').waitFor();
	assert.equal((await program.get('/v1/me')).status, 401);
});

test('what is typed can be shown, and Caps Lock is told', async () => {
	const page = await house.open(null);
	const field = page.getByLabel('Password');
	await field.fill('abc');
	await page.getByRole('button', { name: 'Show what I type' }).click();
	assert.equal(await field.getAttribute('type'), 'text');
	await page.getByRole('button', { name: 'Hide what I type' }).click();
	assert.equal(await field.getAttribute('type'), 'password');
	await field.evaluate((e) => e.dispatchEvent(new KeyboardEvent('keydown', { key: 'A', modifierCapsLock: true, bubbles: true })));
	await page.getByText('Caps Lock is on.').waitFor();
});

test('after too many wrong passwords the page says when to go on', async () => {
	for (let i = 0; i < 10; i++) {
		await house.server.anonymous.post('/v1/auth/login', { name: 'ben', password: 'guessing again' });
	}
	const page = await house.open(null);
	await page.getByLabel('Name').fill('ben');
	await page.getByLabel('Password').fill(PASSWORD);
	await page.keyboard.press('Enter');
	await page.getByText(/Too many wrong passwords for this name\. Try again at \d+:\d\d/).waitFor();
});
