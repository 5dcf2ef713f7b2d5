// The server goes away and comes back while pages are open; many tabs on HTTP/1.1's six connections.
import test from 'node:test';
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { startCarrel, temporaryFolder } from '../flow/carrel.mjs';
import { shot, startHouse } from './browser.mjs';

const QUESTIONS = ['What may a hotel room in Milan cost?', 'How many days of annual leave does an employee have?'];
const data = temporaryFolder();
let house;
test.before(async () => (house = await startHouse({ model: { mode: 'slow' }, data, documents: { 'travel.md': 'A hotel room in Milan may cost at most 175 EUR per night.\n', 'leave.md': 'Every employee has 30 days of annual leave.\n' } })));
test.after(async () => {
	await house.stop();
	rmSync(data, { recursive: true, force: true });
});

const banner = (page) => page.getByText('Carrel cannot be reached. What you typed is kept');

async function restart() {
	const { port, url } = house.server;
	await house.server.kill();
	return async () => {
		house.server = await startCarrel({ data, settings: { listen: `127.0.0.1:${port}`, 'model-url': house.model.url, 'model-name': 'fake' } });
		assert.equal(house.server.url, url);
	};
}

test('a banner while the server is away; what was typed stays; it goes on by itself', async () => {
	const page = await house.open('ben');
	const question = page.getByLabel('Your question');
	await question.fill('What may a hotel in Milan cost?');
	const back = await restart();
	await page.getByRole('link', { name: 'Documents' }).click();
	await banner(page).waitFor();
	await shot(page, 'offline');
	await page.getByRole('link', { name: 'New conversation' }).click();
	assert.equal(await question.inputValue(), 'What may a hotel in Milan cost?');
	await back();
	await banner(page).waitFor({ state: 'detached', timeout: 30000 });
	assert.equal(await question.inputValue(), 'What may a hotel in Milan cost?');
	await question.press('Enter');
	await page.locator('.turn .answer').getByText('word5').first().waitFor();
});

test('a page that was loaded while the server was just gone starts when it is back', async () => {
	const page = await house.open('ben');
	await page.route('**/v1/auth/refresh', (route) => route.abort(), { times: 1 });
	await page.reload();
	await page.locator('.desk').waitFor();
});

test('two tabs: each shows its own answer, and what the other adds to the history', async () => {
	const one = await house.open('ben');
	const two = await one.context().newPage();
	await two.goto(house.server.url);
	await two.locator('.desk').waitFor();
	for (const [page, text] of [[one, QUESTIONS[0]], [two, QUESTIONS[1]]]) {
		await page.getByLabel('Your question').fill(text);
		await page.getByLabel('Your question').press('Enter');
	}
	for (const page of [one, two]) {
		await page.locator('.turn .answer').getByText('word39').first().waitFor();
	}
	assert.equal(await one.getByText(QUESTIONS[1]).and(one.locator('.turn *')).count(), 0);
	await one.locator('.sidebar').getByText(QUESTIONS[1]).waitFor();
});

test('seven tabs ask at once: all are answered, none blocks the others', async () => {
	const first = await house.open('ben');
	const tabs = [first];
	while (tabs.length < 7) {
		const page = await first.context().newPage();
		await page.goto(house.server.url);
		tabs.push(page);
	}
	await Promise.all(tabs.map(async (page, i) => {
		await page.getByLabel('Your question').fill(QUESTIONS[i % 2]);
		await page.getByLabel('Your question').press('Enter');
	}));
	await Promise.all(tabs.map((page) => page.locator('.turn .answer').getByText('word39').first().waitFor({ timeout: 60000 })));
});
