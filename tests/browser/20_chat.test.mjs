// The conversation as a person meets it: asking, chips, history, temporary chat, copying, limits.
import test from 'node:test';
import assert from 'node:assert/strict';
import { shot } from './browser.mjs';
import { answers, askOnPage, composer, lastAnswer, LEAVE, MILAN, soon, startTalk, write } from './chat_talk.mjs';

const RICH = `A hotel room in Milan may cost at most **175 EUR** per night [1]. The moon is made of cheese and costs 400 EUR [1].

| City | Limit |
|------|------:|
| Milan | 175 EUR [1] |

\`\`\`python
x[1] = 2
\`\`\`

The formula $a_1 + b_1$ stays. See [the portal](https://example.org/x).`;
const say = async (s) => {
	for (const part of RICH.match(/[^]{1,9}/g)) {
		await s(part);
	}
};

let house;
test.before(async () => (house = await startTalk(say)));
test.after(() => house.stop());
const listed = (page) => page.locator('.history li > a');

test('a question is answered, and becomes a conversation with an address and a title', async () => {
	const page = await house.open('ann');
	await page.getByRole('button', { name: 'Ask about “Handbook”' }).waitFor();
	await shot(page, 'chat-start');
	await askOnPage(page, MILAN);
	await shot(page, 'chat-answer');
	assert.match(page.url(), /#\/c\/conv_/);
	await listed(page).getByText(MILAN).waitFor();
	assert.equal(await page.title(), `${MILAN} – Carrel`);
	assert.ok(await composer(page).evaluate((x) => x === document.activeElement), 'the focus stays where one writes');
	assert.equal(await composer(page).inputValue(), '');
	await page.reload();
	await lastAnswer(page).locator('table').waitFor();
	assert.equal(await answers(page).count(), 1);
});

test('markers are chips with their citation, but for those in code', async () => {
	const page = await house.open('ann');
	await askOnPage(page, MILAN);
	const chips = await page.locator('.cite').evaluateAll((all) => all.map((x) => [x.dataset.ordinal, x.dataset.handle]));
	assert.deepEqual(chips, [['1', '1'], ['2', '1'], ['3', '1']]);
	assert.equal(await page.locator('.code code').textContent(), 'x[1] = 2\n');
	assert.equal(await page.locator('.formula').textContent(), 'a_1 + b_1');
	assert.equal(await page.locator('.md a').count(), 0);
	assert.match(await page.locator('.away').textContent(), /the portal \(https:\/\/example\.org\/x\)/);
	await page.locator('.cite').first().click();
	await page.locator('.source').getByText('travel.md').first().waitFor();
});

test('a sentence that could not be verified is marked, and read out as such', async () => {
	const page = await house.open('ann');
	await askOnPage(page, MILAN);
	const unsure = page.locator('.cite.unsure');
	await unsure.first().waitFor();
	assert.equal(await unsure.first().getAttribute('data-ordinal'), '2');
	assert.match(await unsure.first().getAttribute('aria-label'), /Source 1, .*check/);
	const marked = await page.evaluate(() => [...CSS.highlights.get('unsure')].map(String));
	assert.match(marked[0], /^The moon is made of cheese and costs 400 EUR/);
	await page.reload();
	await unsure.first().waitFor();
});

test('an answer is copied with its references, and code by itself', async () => {
	const page = await house.open('ann');
	await askOnPage(page, MILAN);
	const copied = async (button) => {
		await button.click();
		return soon(page, async () => (await navigator.clipboard.readText()) || null).then((h) => h.jsonValue());
	};
	const text = await copied(page.getByRole('button', { name: 'Copy with references' }));
	assert.match(text, /175 EUR\*\* per night \[1\]/);
	assert.match(text, /\n\n\[1\] travel\.md: “A hotel room in Milan may cost at most 175 EUR per night\.”/);
	await page.evaluate(() => navigator.clipboard.writeText(''));
	assert.equal(await copied(page.locator('.copy-code')), 'x[1] = 2\n');
});

test('what the documents do not say looks otherwise than an answer', async () => {
	const page = await house.open('ann');
	await askOnPage(page, 'Which podcast does the marketing department publish?');
	await page.locator('.answer.refused').getByText('could not find').waitFor();
	assert.equal(await page.locator('.answer.refused .cite').count(), 0);
	await shot(page, 'chat-refused');
});

test('the temporary chat is stored nowhere', async () => {
	const page = await house.open('ben');
	const posted = [];
	page.on('request', (r) => r.method() === 'POST' && posted.push(new URL(r.url()).pathname));
	await page.getByRole('link', { name: 'Temporary chat' }).click();
	await page.getByText('Nothing of this is stored').waitFor();
	await composer(page).fill('typed and not sent');
	const kept = () => page.evaluate(() => JSON.stringify({ ...localStorage, ...sessionStorage }));
	assert.doesNotMatch(await kept(), /typed and not sent/);
	await askOnPage(page, MILAN);
	await askOnPage(page, 'And how many days of annual leave are there?');
	assert.equal(await answers(page).count(), 2);
	await shot(page, 'chat-temporary');
	assert.doesNotMatch(await kept(), /Milan|annual/);
	assert.deepEqual([...new Set(posted)], ['/v1/chat']);
	assert.deepEqual((await house.ben.get('/v1/conversations')).json.conversations, []);
	assert.match(house.model.last().body.messages.map((m) => m.content).join('\n'), /Milan/);
	await page.reload();
	await page.getByText('Nothing of this is stored').waitFor();
	assert.equal(await page.locator('.turn').count(), 0);
});

test('conversations are found, renamed and deleted, with time to think again; other tabs follow', async () => {
	const page = await house.open('ann');
	await askOnPage(page, LEAVE);
	const other = await page.context().newPage();
	await other.goto(house.server.url);
	await listed(other).getByText(LEAVE).waitFor();
	await page.getByLabel('Search conversations').fill('annual leave');
	await page.getByText('conversation found').waitFor();
	assert.ok((await listed(page).allTextContents()).every((x) => x === LEAVE));
	await page.getByLabel('Search conversations').fill('');
	const item = page.locator('.history li').filter({ hasText: LEAVE });
	await item.hover();
	await item.getByRole('button').click();
	await page.getByRole('menuitem', { name: 'Rename' }).click();
	await page.locator('.history form input').fill('Holidays');
	await page.keyboard.press('Enter');
	await listed(other).getByText('Holidays').waitFor();
	const named = page.locator('.history li').filter({ hasText: 'Holidays' });
	await named.hover();
	await named.getByRole('button').click();
	await page.getByRole('menuitem', { name: 'Delete' }).click();
	await named.waitFor({ state: 'detached' });
	await page.getByRole('button', { name: 'Undo' }).click();
	await named.waitFor();
	await named.hover();
	await named.getByRole('button').click();
	await page.getByRole('menuitem', { name: 'Delete' }).click();
	await named.waitFor({ state: 'detached' });
	await page.close({ runBeforeUnload: true }); // leaving does not undo it
	await listed(other).getByText('Holidays').waitFor({ state: 'detached' });
	await other.reload();
	await listed(other).first().waitFor();
	assert.equal(await listed(other).getByText('Holidays').count(), 0);
});

test('a question is limited to collections', async () => {
	const empty = (await house.ann.post('/v1/collections', { name: 'Empty shelf', acl: [{ principal: 'workspace', right: 'read' }] })).json;
	const page = await house.open('ann');
	await page.getByRole('button', { name: 'All documents' }).click();
	await page.getByLabel('Empty shelf').check();
	await page.keyboard.press('Escape');
	await page.getByRole('button', { name: 'Empty shelf' }).waitFor();
	const asked = page.waitForRequest((r) => r.url().endsWith('/turns') && r.method() === 'POST');
	await write(page, MILAN);
	assert.deepEqual((await asked).postDataJSON().collections, [empty.id]);
	await page.locator('.answer.refused').waitFor();
});

test('a file is attached to one conversation', async () => {
	const page = await house.open('ben');
	const file = { name: 'menu.md', mimeType: 'text/markdown', buffer: Buffer.from('# Menu\n\nThe canteen serves lentil soup on Tuesdays for 4 EUR.\n') };
	await page.locator('.composer input[type=file]').setInputFiles(file);
	await page.locator('.attachments li').getByText('menu.md').waitFor();
	await page.locator('.attachments').getByRole('button', { name: 'menu.md', exact: true }).waitFor();
	await page.locator('.attachments progress').waitFor({ state: 'detached' });
	await shot(page, 'chat-attached');
	await askOnPage(page, 'When does the canteen serve lentil soup?');
	await page.locator('.cite').first().waitFor();
	await page.reload();
	await page.locator('.attachments li').getByText('menu.md').waitFor();
	for (const who of [house.ann, house.ben]) {
		assert.doesNotMatch((await who.post('/v1/search', { query: 'lentil soup canteen' })).text, /menu\.md/);
	}
	await page.getByRole('button', { name: 'Remove menu.md' }).click();
	await page.locator('.attachments').waitFor({ state: 'detached' });
});

test('an answer whose source may not be read any more is not shown, and says so', async () => {
	const acl = [{ principal: 'user:ben', right: 'read' }, { principal: 'user:ann', right: 'own' }];
	const secret = (await house.ann.post('/v1/collections', { name: 'Secret', acl })).json;
	const sent = await house.ann.upload('Secret', 'plan.md', '# Plan\n\nThe project Zanzibar costs 4711 EUR in the quokka budget.\n');
	await house.ann.jobEnd(sent.json.jobId);
	const page = await house.open('ben');
	await askOnPage(page, 'What does the project Zanzibar cost in the quokka budget?');
	await page.locator('.cite').first().waitFor();
	assert.ok((await house.ann.put(`/v1/collections/${secret.id}/acl`, { entries: acl.slice(1) })).status < 300);
	await page.reload();
	await page.getByText('This answer is not shown any more').waitFor();
	assert.equal(await page.locator('.md').count(), 0);
	await shot(page, 'chat-withheld');
});

test('in Chinese and German, on a phone, in the dark', async () => {
	for (const [lang, title] of [['zh-CN', '您想了解什么？'], ['de-DE', 'Was möchten Sie wissen?']]) {
		const page = await house.open('ann', { lang, width: 390, theme: 'dark' });
		await page.getByText(title).waitFor();
		await shot(page, `chat-start-${lang}-phone-dark`);
		await page.locator('.composer textarea').fill(MILAN);
		await page.locator('.composer .send').click();
		await page.locator('.answer-foot').waitFor();
		await shot(page, `chat-answer-${lang}-phone-dark`);
		assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing sticks out');
	}
});
