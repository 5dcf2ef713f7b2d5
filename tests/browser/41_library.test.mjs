// Finding documents again: filter, order, select, rename, delete with what it affects; names of every kind.
import test from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { ROOT, until } from '../flow/carrel.mjs';
import { jobsEnd, shot, startHouse } from './browser.mjs';

const MARKUP = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>.txt';
const LONG = `${'a very long name '.repeat(600)}.txt`;
let house;
test.before(async () => {
	const pdf = readFileSync(path.join(ROOT, 'fixtures/documents/company/expense-policy.pdf'));
	house = await startHouse({
		documents: {
			'leave.txt': 'Twenty-five days of leave.\n', 'travel/rules.txt': 'Travel is approved by the head.\n'.repeat(40), 'Ölwechsel.txt': 'Oil is changed in May.\n',
			'expenses.pdf': pdf, 'locked.pdf': readFileSync(path.join(ROOT, 'fixtures/broken/encrypted-password-otter.pdf')),
		},
	});
});
test.after(() => house.stop());

async function open(who, { at = `/#/library/${house.collection.id}`, ...more } = {}) {
	const page = await house.open(who, more);
	await page.goto(house.server.url + at);
	await page.locator('main table.documents, main .empty, .document-body').first().waitFor();
	return page;
}

const names = (page) => page.locator('table.documents .document-link').allTextContents();
const eventually = (page, wanted) => until(async () => JSON.stringify(await names(page)) === JSON.stringify(wanted), `the list is ${wanted}`);

test('filter by name and state, in the address too; order by columns', async () => {
	const page = await open('ann');
	await eventually(page, ['expenses.pdf', 'leave.txt', 'locked.pdf', 'Ölwechsel.txt', 'rules.txt']);
	await page.getByRole('searchbox', { name: 'Filter by name' }).fill('OLW');
	await eventually(page, ['Ölwechsel.txt']);
	assert.match(page.url(), /q=OLW/);
	await page.reload();
	await eventually(page, ['Ölwechsel.txt']);
	await page.getByRole('searchbox', { name: 'Filter by name' }).fill('no such');
	await page.getByRole('heading', { name: 'No document fits' }).waitFor();
	await page.getByRole('button', { name: 'Show all' }).click();
	await page.getByLabel('State').selectOption('bad');
	await eventually(page, ['locked.pdf']);
	await page.getByLabel('State').selectOption('');
	await page.getByRole('button', { name: 'Size' }).click();
	await eventually(page, ['Ölwechsel.txt', 'leave.txt', 'rules.txt', 'expenses.pdf', 'locked.pdf']);
	assert.equal(await page.getByRole('columnheader', { name: 'Size' }).getAttribute('aria-sort'), 'ascending');
	await page.getByRole('button', { name: 'Size' }).click();
	await eventually(page, ['locked.pdf', 'expenses.pdf', 'rules.txt', 'leave.txt', 'Ölwechsel.txt']);
	await page.context().close();
});

test('a long list comes page by page while one scrolls', async () => {
	const many = (await house.ann.post('/v1/collections', { name: 'Many', acl: [] })).json;
	for (let i = 0; i < 150; i++) {
		await house.ann.upload('Many', `n${String(i).padStart(3, '0')}.txt`, `Number ${i}.`);
	}
	await jobsEnd(house.ann);
	const page = await open('ann', { at: `/#/library/${many.id}` });
	await page.getByText('n000.txt').waitFor();
	assert.ok((await names(page)).length < 150);
	for (let last = ''; last !== 'n149.txt'; last = (await names(page)).at(-1)) {
		await page.locator('table.documents tbody tr').last().scrollIntoViewIfNeeded();
	}
	assert.equal(new Set(await names(page)).size, 150);
	// Several at once: a range with shift, then away with them.
	await page.getByRole('checkbox', { name: 'Select n140.txt' }).click();
	await page.getByRole('checkbox', { name: 'Select n149.txt' }).click({ modifiers: ['Shift'] });
	await page.getByText('10 selected').waitFor();
	await page.getByRole('button', { name: 'Delete', exact: true }).click();
	const dialog = page.getByRole('dialog', { name: 'Delete 10 documents?' });
	await dialog.getByText('10 passages that are searched').waitFor();
	await dialog.getByText('No answer cites it.').waitFor();
	await shot(page, 'library-delete-many');
	await dialog.getByRole('button', { name: 'Delete' }).click();
	await page.getByText('10 documents were deleted.').waitFor();
	await until(async () => (await names(page)).length === 140, 'they are gone from the list');
	await page.context().close();
});

test('deleting tells what it affects, and the document is gone', async () => {
	const made = (await house.ann.post('/v1/conversations', {})).json;
	await house.ann.upload('Handbook', 'cited.txt', 'The lighthouse keeper of Skagen paints the lantern green every April.');
	await jobsEnd(house.ann);
	const { runId } = (await house.ann.post(`/v1/conversations/${made.id}/turns`, { input: 'Which colour does the lighthouse keeper of Skagen paint the lantern?' }, { 'idempotency-key': 'x' })).json;
	await until(async () => (await house.ann.get(`/v1/runs/${runId}`)).json.state === 'completed', 'answered');
	const page = await open('ann');
	await page.getByRole('link', { name: 'cited.txt' }).click();
	await page.locator('.preview-text').getByText('The lighthouse keeper').waitFor();
	await page.getByRole('button', { name: 'More' }).click();
	await page.getByRole('menuitem', { name: 'Delete' }).click();
	const dialog = page.getByRole('dialog', { name: 'Delete 1 document?' });
	await dialog.getByText(/1 citation, which no longer opens \(in 1 answer\)/).waitFor();
	await shot(page, 'document-delete');
	await dialog.getByRole('button', { name: 'Delete' }).click();
	await page.getByRole('heading', { level: 1, name: 'Handbook' }).waitFor();
	await until(async () => !(await names(page)).includes('cited.txt'), 'it is gone');
	await page.context().close();
});

test('names full of markup, of other directions and of any length are text, and nothing runs', async () => {
	const odd = (await house.ann.post('/v1/collections', { name: '<b>bold & co', acl: [] })).json;
	const page = await open('ann', { at: `/#/library/${odd.id}` });
	await page.getByRole('heading', { name: '<b>bold & co' }).waitFor();
	const chooser = page.waitForEvent('filechooser');
	await page.getByRole('button', { name: 'Add documents' }).click();
	const file = (name) => ({ name, mimeType: 'text/plain', buffer: Buffer.from(`This is ${name.slice(0, 20)}`) });
	await (await chooser).setFiles([file(MARKUP.replaceAll('/', '⁄')), file('שלום עולם.txt'), file('‮gpj.exe‬ مستند.txt'), file(LONG)]);
	await shot(page, 'upload-odd-names');
	await page.getByRole('dialog').getByRole('button', { name: 'Upload', exact: true }).click();
	await page.locator('.dock').getByText('4 documents are in').first().waitFor();
	await until(async () => (await names(page)).length === 4, 'four are listed');
	assert.ok((await names(page)).some((n) => n.startsWith('<img src=x onerror=')));
	assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing sticks out');
	assert.equal(await page.evaluate(() => window.hacked), undefined);
	assert.equal(await page.locator('main img[src=x], main script').count(), 0);
	await shot(page, 'library-odd-names');
	// The longest one has a page of its own, and a new name.
	await page.getByRole('link', { name: 'a very long name' }).first().click();
	await page.locator('.preview-text').waitFor();
	await shot(page, 'document-long-name');
	assert.ok(await page.evaluate(() => document.querySelector('.view').scrollWidth <= document.querySelector('.view').clientWidth), 'nothing sticks out');
	await shot(page, 'document-long-name');
	await page.getByRole('button', { name: 'More' }).click();
	await page.getByRole('menuitem', { name: 'Rename' }).click();
	await page.getByRole('dialog').getByLabel('Name').fill('short "and" <i>sweet</i>.txt');
	await page.getByRole('dialog').getByRole('button', { name: 'Rename' }).click();
	await page.getByRole('heading', { level: 1, name: 'short "and" <i>sweet<' }).or(page.getByRole('heading', { level: 1, name: 'i>.txt' })).waitFor();
	await page.context().close();
});

test('collections are made, renamed and deleted, with what goes', async () => {
	const page = await open('ann', { at: '/#/library' });
	await page.getByRole('button', { name: 'New collection' }).click();
	await page.getByRole('dialog').getByLabel('Name').fill('Letters');
	await page.getByRole('radio', { name: 'Everybody in the workspace' }).check();
	await page.getByRole('dialog').getByRole('button', { name: 'Create' }).click();
	await page.getByRole('link', { name: /Letters.*Everybody in the workspace/s }).click();
	await page.getByRole('heading', { name: 'Nothing here yet' }).waitFor();
	await shot(page, 'library-empty');
	await house.ann.upload('Letters', 'one.txt', 'Dear Sir.');
	await page.reload();
	await eventually(page, ['one.txt']);
	await page.getByRole('button', { name: 'What to do with Letters' }).click();
	await page.getByRole('menuitem', { name: 'Rename' }).click();
	await page.getByRole('dialog').getByLabel('Name').fill('Handbook');
	await page.getByRole('dialog').getByRole('button', { name: 'Rename' }).click();
	await page.getByRole('dialog').getByRole('alert').getByText('There is one of that name already.').waitFor();
	await page.getByRole('dialog').getByLabel('Name').fill('Post');
	await page.getByRole('dialog').getByRole('button', { name: 'Rename' }).click();
	await page.getByRole('heading', { level: 1, name: 'Post' }).waitFor();
	await page.getByRole('button', { name: 'What to do with Post' }).click();
	await page.getByRole('menuitem', { name: 'Delete' }).click();
	await page.getByRole('dialog').getByText('Post and its 1 document go for good.').waitFor();
	await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
	await page.getByRole('heading', { level: 1, name: 'Documents' }).waitFor();
	await until(async () => (await page.locator('.collection', { hasText: 'Post' }).count()) === 0, 'it is gone');
	await page.context().close();
});

test('one document: pages are turned, text is shown, originals are saved and opened; a reason in words', async () => {
	const page = await open('ann');
	await page.getByRole('link', { name: 'expenses.pdf' }).click();
	await page.locator('.sheet img').waitFor();
	await page.getByRole('button', { name: 'Next page' }).click();
	await page.getByText('Page 2 of 3').waitFor();
	await page.getByRole('button', { name: 'Text', exact: true }).click();
	await page.locator('.preview-text').getByText(/expense/i).first().waitFor();
	const download = page.waitForEvent('download');
	await page.getByRole('link', { name: 'Download', exact: true }).click();
	assert.equal((await download).suggestedFilename(), 'expenses.pdf');
	assert.match(await page.getByRole('link', { name: 'Open original' }).getAttribute('href'), /inline=1/);
	await page.goto(`${house.server.url}/#/library/${house.collection.id}`);
	await page.getByRole('link', { name: 'locked.pdf' }).click();
	await page.getByRole('alert').getByText('Remove the password and upload it again.').waitFor();
	await page.getByRole('button', { name: 'Read again' }).click();
	await page.getByRole('button', { name: 'Read again' }).waitFor();
	await page.context().close();
});

test('a reader sees no button that the server would refuse; what is not theirs is as absent', async () => {
	const secret = (await house.ann.post('/v1/collections', { name: 'Secret', acl: [] })).json;
	const page = await open('ben');
	await page.getByText('leave.txt').waitFor();
	assert.equal(await page.getByRole('button', { name: 'Add documents' }).count(), 0);
	await page.getByRole('link', { name: 'leave.txt' }).click();
	await page.getByText('Twenty-five days').waitFor();
	assert.equal(await page.getByRole('button', { name: 'More' }).count(), 0);
	await page.goto(`${house.server.url}/#/library/${secret.id}`);
	await page.getByRole('heading', { name: 'There is nothing here' }).waitFor();
	await page.context().close();
});

test('on a phone rows are cards, and all of it is reached', async () => {
	const page = await open('ann', { width: 390 });
	await eventually(page, ['expenses.pdf', 'leave.txt', 'locked.pdf', 'Ölwechsel.txt', 'rules.txt']);
	await page.getByLabel('Sort by').selectOption('-name');
	await eventually(page, ['rules.txt', 'Ölwechsel.txt', 'locked.pdf', 'leave.txt', 'expenses.pdf']);
	assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing sticks out');
	await shot(page, 'library-phone');
	await page.getByRole('link', { name: 'expenses.pdf' }).click();
	await page.locator('.sheet img').waitFor();
	assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing sticks out');
	await page.context().close();
});
