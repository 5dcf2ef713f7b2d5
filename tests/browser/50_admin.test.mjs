// Administration in a real browser: people, groups, collections, jobs, usage, settings, health, the audit log.
import test from 'node:test';
import assert from 'node:assert/strict';
import { until } from '../flow/carrel.mjs';
import { shot, signIn, startHouse } from './browser.mjs';

let house, page;
const visit = async (tab) => {
	await page.goto(`${house.server.url}/#/admin/${tab}`);
	await page.getByRole('navigation', { name: 'Administration' }).locator('[aria-current=page]').waitFor();
};
const dialog = () => page.getByRole('dialog');
const inDialog = (name) => dialog().getByRole('button', { name, exact: true });

test.before(async () => {
	house = await startHouse({ model: { mode: 'cite' }, documents: { 'travel.txt': 'A hotel in Milan may cost 120 euros.\n', 'broken.pdf': '%PDF-1.4 cut off' } });
	page = await house.open('ann');
});
test.after(() => house.stop());

test('somebody is added with a password that is shown once, and signs in with it', async () => {
	await house.ann.post('/v1/groups', { name: 'Finance' });
	await visit('users');
	await page.getByRole('button', { name: 'Add somebody' }).click();
	await dialog().getByLabel('Sign-in name').fill('cleo');
	await dialog().getByLabel('Name that others see').fill('Cleo Marsh');
	await dialog().getByRole('combobox', { name: 'Groups' }).fill('fin');
	await page.keyboard.press('Enter');
	await dialog().getByText('Finance').waitFor();
	await inDialog('Add').click();
	const password = await dialog().locator('output code').textContent();
	assert.match(password, /^[a-z2-9-]{23}$/);
	await shot(page, 'admin-password-once');
	await inDialog('Done').click();
	await page.getByRole('row', { name: /Cleo Marsh/ }).waitFor();
	await page.getByText(password).waitFor({ state: 'detached' });
	const hers = await house.open(null);
	await signIn(hers, 'cleo', password);
	await hers.goto(`${house.server.url}/#/account`);
	await hers.getByText('Finance').waitFor();
});

test('the list is searched; disabling signs out and enabling lets in again', async () => {
	const bens = await house.open('ben');
	await visit('users');
	await page.getByLabel('Find people').fill('BEN');
	await page.getByText('1 person').waitFor();
	await page.getByRole('button', { name: 'What to do with ben' }).click();
	await page.getByRole('menuitem', { name: 'Disable' }).click();
	await inDialog('Disable').click();
	await page.getByRole('row', { name: /Disabled/ }).waitFor();
	await bens.reload();
	await bens.locator('input[type=password]').waitFor();
	await page.getByRole('button', { name: 'What to do with ben' }).click();
	await page.getByRole('menuitem', { name: 'Enable' }).click();
	await page.getByRole('row', { name: /Active/ }).waitFor();
	await signIn(bens, 'ben');
});

test('the last operator keeps the role', async () => {
	await visit('users');
	await page.getByLabel('Find people').fill('');
	await page.locator('#main').getByRole('button', { name: 'ann', exact: true }).click();
	assert.equal(await dialog().getByLabel('Role').isDisabled(), true);
	await page.keyboard.press('Escape');
});

test('a group gets members by keyboard; one that a permission names is not deleted', async () => {
	await visit('groups');
	await page.getByRole('button', { name: 'New group' }).click();
	await dialog().getByLabel('Name of the group').fill('Board');
	await page.keyboard.press('Enter');
	await dialog().getByRole('heading', { name: 'Board' }).waitFor();
	await dialog().getByRole('combobox', { name: 'Members' }).fill('ben');
	await dialog().getByRole('option', { name: /ben/ }).waitFor();
	await page.keyboard.press('Enter');
	await dialog().getByRole('button', { name: 'Take out ben' }).waitFor();
	await inDialog('Done').click();
	await page.getByRole('listitem').filter({ hasText: 'Board' }).getByText('1 member').waitFor();
	await house.ann.post('/v1/collections', { name: 'Minutes', acl: [{ principal: 'group:Board', right: 'read' }, { principal: 'user:ann', right: 'own' }] });
	await page.getByRole('button', { name: 'Delete Board' }).click();
	await inDialog('Delete').click();
	await dialog().getByText('still name this group').waitFor();
	await page.keyboard.press('Escape');
});

test('collections: made, renamed, permissions set, deleted', async () => {
	await visit('collections');
	await page.getByRole('button', { name: 'New collection' }).click();
	await dialog().getByLabel('Name of the collection').fill('Plans');
	await page.keyboard.press('Enter');
	await page.getByRole('button', { name: 'Rename Plans' }).click();
	await dialog().getByLabel('Name of the collection').fill('Old plans');
	await page.keyboard.press('Enter');
	await page.getByRole('button', { name: 'Who may read Old plans' }).click();
	await dialog().getByRole('heading', { name: /Old plans/ }).waitFor();
	await shot(page, 'admin-permissions');
	await page.keyboard.press('Escape');
	await page.getByRole('button', { name: 'Delete Old plans' }).click();
	await inDialog('Delete').click();
	await dialog().waitFor({ state: 'detached' });
	await page.getByText('Old plans').first().waitFor({ state: 'detached' });
});

test('failed jobs say why and are tried again; all is read again on order', async () => {
	await visit('jobs?state=failed');
	await page.getByRole('listitem').filter({ hasText: 'broken.pdf' }).getByText(/damaged/).waitFor();
	await page.getByRole('button', { name: 'Try broken.pdf again' }).click();
	await until(async () => (await house.ann.get('/v1/jobs?state=failed')).json.jobs.some((j) => j.documentName === 'broken.pdf'), 'it failed again');
	await page.getByLabel('Show').selectOption('');
	await page.getByRole('button', { name: 'Read again' }).click();
	await dialog().getByText('Every document').click();
	await inDialog('Order it').click();
	await page.getByText(/jobs? (is|are) ordered/).waitFor();
	await page.getByRole('listitem').filter({ hasText: 'Reading again' }).first().waitFor();
});

test('usage: a chart and the same as a table', async () => {
	const { json: conversation } = await house.ann.post('/v1/conversations', {});
	const { json } = await house.ann.post(`/v1/conversations/${conversation.id}/turns`, { input: 'What may a hotel in Milan cost?' });
	await house.ann.events(json.streamUrl);
	await visit('usage');
	await page.getByRole('img', { name: /Answers a day: 1 in all/ }).waitFor();
	await shot(page, 'admin-usage');
	await page.getByRole('button', { name: 'As a table' }).click();
	await page.locator('.bars table').getByRole('cell', { name: '1' }).waitFor();
	await page.getByLabel('What is counted').selectOption('tokens');
	await page.getByLabel('Span of time').selectOption('7');
	await page.getByRole('columnheader', { name: 'ann' }).waitFor();
});

test('settings: where each comes from, saved to the file, reset, and what is wrong said in place', async () => {
	await visit('settings');
	assert.equal(await page.getByLabel('model-url').isDisabled(), true); // the test's server has it from a flag
	const tokens = page.getByLabel('answer-tokens');
	await tokens.fill('700');
	await page.getByText('1 change is not saved yet.').waitFor();
	await shot(page, 'admin-settings');
	await page.getByRole('button', { name: 'Save' }).click();
	await page.getByRole('button', { name: 'Use the default of answer-tokens' }).click();
	assert.equal(await tokens.inputValue(), '800');
	await page.getByRole('button', { name: 'Save' }).click();
	await page.getByText('not saved yet').waitFor({ state: 'detached' });
	assert.equal((await house.ann.get('/v1/settings')).json.settings.find((s) => s.name === 'answer-tokens').source, 'default');
	await page.getByRole('button', { name: 'Test the model' }).click();
	await page.getByText(/works, \d+ ms/).waitFor();
	await page.getByRole('button', { name: 'Test the embedder' }).click();
	await page.getByText(/works, \d+ ms/).nth(1).waitFor();
});

test('health: everything works, with counts for the operator', async () => {
	await visit('health');
	await page.getByRole('heading', { name: 'Everything works' }).waitFor();
	await page.getByText('Answered since the start').waitFor();
	await shot(page, 'admin-health');
});

test('the audit log reads as sentences', async () => {
	await visit('audit');
	await page.getByText('ann added Cleo Marsh').waitFor();
	await page.getByText('ann put ben into the group Board').waitFor();
	assert.doesNotMatch(await page.locator('#main').innerText(), /usr_|grp_|col_|doc_|audit\./);
});

test('a member sees none of it, an administrator no settings', async () => {
	const bens = await house.open('ben');
	assert.equal(await bens.getByRole('link', { name: 'Administration' }).count(), 0);
	for (const tab of ['users', 'settings', 'health']) {
		await bens.goto(`${house.server.url}/#/admin/${tab}`);
		await bens.getByText('There is nothing here').waitFor();
	}
	await house.server.createUser(house.ann, 'adam', 'admin');
	const adams = await house.open('adam');
	await adams.goto(`${house.server.url}/#/admin/users`);
	await adams.getByRole('row', { name: /Operator/ }).waitFor();
	assert.equal(await adams.getByRole('button', { name: 'What to do with ann' }).count(), 0);
	assert.equal(await adams.getByRole('link', { name: 'Models and settings' }).count(), 0);
	await adams.goto(`${house.server.url}/#/admin/settings`);
	await adams.getByText('There is nothing here').waitFor();
});
