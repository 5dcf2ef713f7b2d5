// Who may read something: said everywhere, changed in place, and what counts from the next question on.
import test from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { ROOT, until } from '../flow/carrel.mjs';
import { shot, startHouse } from './browser.mjs';

const SECRET = 'The vault in Leipzig opens with the number 4711.';
let house, finance;
test.before(async () => {
	house = await startHouse({ documents: { 'vault.txt': SECRET, 'plan.pdf': readFileSync(path.join(ROOT, 'fixtures/documents/company/expense-policy.pdf')) } });
	await house.ann.post('/v1/groups', { name: 'Finance' });
	for (const name of ['cleo', 'dora']) {
		await house.ann.post('/v1/users', { name, displayName: `${name[0].toUpperCase()}${name.slice(1)} <Lind>`, password: 'a long enough password' });
	}
	finance = (await house.ann.post('/v1/collections', { name: 'Finance', acl: [{ principal: 'group:Finance', right: 'read' }, { principal: 'user:ben', right: 'read' }] })).json;
});
test.after(() => house.stop());

const documentNamed = async (name) => (await house.ann.get('/v1/documents?limit=200')).json.documents.find((d) => d.name === name);
const add = async (page, text, name) => {
	await page.getByRole('combobox', { name: 'Add people or groups' }).fill(text);
	await page.locator('.people-list').getByRole('option', { name }).waitFor();
	await page.keyboard.press('Enter');
};

test('the phrase stands with collections, in the list, and with the document', async () => {
	const page = await house.open('ann');
	await page.goto(`${house.server.url}/#/library`);
	await page.locator('.collection', { hasText: 'Finance' }).getByText('Finance, you, and 1 more person').waitFor();
	await page.locator('table.documents tr', { hasText: 'vault.txt' }).getByText('Everybody in the workspace').waitFor();
	await page.getByRole('link', { name: 'vault.txt' }).click();
	await page.locator('.document-side').getByText('Everybody in the workspace').waitFor();
	await page.context().close();
	const chinese = await house.open('ann', { lang: 'zh-CN' });
	await chinese.goto(`${house.server.url}/#/library/${house.collection.id}`);
	await chinese.locator('table.documents tr', { hasText: 'vault.txt' }).getByText('工作区所有人').waitFor();
	await chinese.context().close();
});

test('ben has the page open while ann takes it away: the next question and the next look find nothing', async () => {
	const vault = await documentNamed('vault.txt');
	const plan = await documentNamed('plan.pdf');
	const ben = await house.open('ben');
	await ben.goto(`${house.server.url}/#/document/${plan.id}`);
	await ben.locator('.sheet img').waitFor();
	const found = async () => (await house.ben.post('/v1/search', { query: 'vault Leipzig number' })).json.passages.some((p) => p.text.includes('4711'));
	assert.ok(await found());

	const ann = await house.open('ann');
	for (const d of [vault, plan]) {
		await ann.goto(`${house.server.url}/#/document/${d.id}`);
		await ann.getByRole('heading', { level: 1, name: d.name }).waitFor();
		await ann.getByRole('button', { name: 'Change who may read it' }).click();
		const dialog = ann.getByRole('dialog');
		await dialog.getByText('Counts from the next question on.').waitFor();
		await dialog.getByRole('radio', { name: 'People and groups of its own' }).check();
		await dialog.getByRole('button', { name: 'Remove Everybody in the workspace' }).click();
		await add(ann, 'dor', 'Dora <Lind>');
		await dialog.getByText('you and 1 more person').waitFor();
		await shot(ann, 'permissions-dialog');
		await dialog.getByRole('button', { name: 'Save' }).click();
		await ann.locator('.document-side').getByText('you and 1 more person').waitFor();
	}
	assert.ok(!(await found()), 'the next question finds nothing');
	await ben.getByRole('button', { name: 'Next page' }).click();
	await ben.locator('.preview').getByRole('alert').getByText(/./).waitFor();
	assert.equal(await ben.locator('.sheet img').count(), 0, 'the page that was there is gone');
	await ben.reload();
	await ben.getByRole('heading', { name: 'There is nothing here' }).waitFor();
	await ben.goto(`${house.server.url}/#/library/${house.collection.id}`);
	await ben.getByRole('heading', { name: 'Nothing here yet' }).waitFor();
	assert.doesNotMatch(await ben.locator('body').innerText(), /vault/);

	// And back to the collection's.
	await ann.getByRole('button', { name: 'Change who may read it' }).click();
	await ann.getByRole('radio', { name: 'As in the collection' }).check();
	await ann.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
	await ann.locator('.document-side').getByText('Everybody in the workspace').waitFor();
	await ben.reload();
	await ben.getByRole('link', { name: 'plan.pdf' }).waitFor();
	await ann.context().close();
	await ben.context().close();
});

test('the field is a combobox: the keyboard alone adds, changes and removes; losing one’s own right is warned of', async () => {
	const page = await house.open('ann');
	await page.goto(`${house.server.url}/#/library/${finance.id}`);
	await page.getByRole('button', { name: 'What to do with Finance' }).focus();
	await page.keyboard.press('Enter');
	await page.getByRole('menuitem', { name: 'Rename' }).waitFor();
	await page.keyboard.press('ArrowDown');
	await page.keyboard.press('Enter');
	const dialog = page.getByRole('dialog');
	const field = dialog.getByRole('combobox', { name: 'Add people or groups' });
	await field.focus();
	await page.keyboard.type('lind');
	await page.locator('.people-list').getByRole('option', { name: 'Cleo <Lind>' }).waitFor();
	await page.locator('.people-list').getByRole('option', { name: 'Dora <Lind>' }).waitFor();
	await page.keyboard.press('ArrowDown');
	await until(async () => /Dora/.test(await page.locator(`[id="${await field.getAttribute('aria-activedescendant')}"]`).innerText()), 'the second is active');
	await page.keyboard.press('Escape');
	await dialog.getByRole('combobox', { name: 'Add people or groups', expanded: false }).waitFor();
	await dialog.getByText('Add people').waitFor(); // Escape closed the list, not the dialog
	await page.keyboard.press('ArrowDown');
	await page.locator('.people-list').getByRole('option', { name: 'Cleo <Lind>' }).waitFor();
	await page.keyboard.press('Enter');
	await dialog.getByText('Finance, you, and 2 more people').waitFor();
	await dialog.getByRole('combobox', { name: /What ben may do/ }).selectOption('write');
	await dialog.getByRole('combobox', { name: /What ann may do/ }).selectOption('read');
	await dialog.getByText('You could no longer change this yourself.').waitFor();
	await dialog.getByRole('button', { name: 'Remove ann' }).click();
	await dialog.getByText('You could no longer read it yourself.').waitFor();
	await dialog.getByRole('button', { name: 'Save all the same' }).waitFor();
	await shot(page, 'permissions-warning');
	await page.keyboard.press('Escape');
	await dialog.waitFor({ state: 'detached' });
	assert.equal((await house.ann.get(`/v1/collections/${finance.id}/acl`)).json.entries.length, 3, 'nothing was saved');
	await page.context().close();
});

test('on a phone, in the dark: all names are readable, nothing sticks out', async () => {
	const page = await house.open('ann', { width: 390, theme: 'dark' });
	await page.goto(`${house.server.url}/#/library/${finance.id}`);
	await page.getByRole('button', { name: 'What to do with Finance' }).click();
	await page.getByRole('menuitem', { name: 'Change who may read it' }).click();
	const name = page.locator('.entries li', { hasText: 'Finance' }).locator('.clip');
	await name.waitFor();
	assert.ok(await name.evaluate((e) => e.scrollWidth <= e.clientWidth), 'the name is whole');
	assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
	await shot(page, 'permissions-phone');
	await page.context().close();
});
