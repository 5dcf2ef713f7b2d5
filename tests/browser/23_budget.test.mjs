// What the page may cost: bytes before the first answer, time from the server's token to the eye, time it is deaf.
import test from 'node:test';
import assert from 'node:assert/strict';
import { composer, LEAVE, lastAnswer, MILAN, startTalk } from './chat_talk.mjs';

let script, house;
test.before(async () => (house = await startTalk((say, more) => script(say, more))));
test.after(() => house.stop());

test('at most 150 KB, compressed, before the first answer', async () => {
	const page = await house.open(null);
	const cdp = await page.context().newCDPSession(page);
	let bytes = 0;
	await cdp.send('Network.enable');
	await cdp.send('Network.setCacheDisabled', { cacheDisabled: true });
	cdp.on('Network.loadingFinished', (e) => (bytes += e.encodedDataLength));
	await page.reload();
	await page.getByLabel('Name').fill('ann');
	await page.locator('input[type=password]').fill('a long enough password');
	await page.keyboard.press('Enter');
	await composer(page).waitFor();
	script = (say) => say('Said.');
	await composer(page).fill(MILAN);
	await composer(page).press('Enter', { noWaitAfter: true });
	await page.locator('.answer-foot').waitFor();
	console.log(`# page weight ${(bytes / 1000).toFixed(1)} KB`);
	assert.ok(bytes > 20_000 && bytes <= 150_000, `${bytes} bytes`);
});

const median = (all) => all.toSorted((a, b) => a - b)[all.length >> 1];

/** Notes when each token was first seen (after layout), and the long tasks. Tokens: "t12_". */
const observe = (page) => page.evaluate(() => {
	window.tokens = new Map();
	window.long = [];
	new PerformanceObserver((list) => list.getEntries().forEach((e) => window.long.push(e.duration))).observe({ type: 'longtask' });
	let seen = 0;
	const look = () => {
		const md = document.querySelector('.running .md') ?? [...document.querySelectorAll('.turn')].at(-1)?.querySelector('.md');
		const text = md?.lastElementChild?.textContent ?? '';
		for (const [token] of text.slice(Math.max(0, text.length - 2000)).matchAll(/t\d+_/g)) {
			if (!window.tokens.has(token)) {
				window.tokens.set(token, performance.timeOrigin + performance.now());
				seen++;
			}
		}
	};
	new MutationObserver(look).observe(document.querySelector('#app'), { subtree: true, childList: true, characterData: true });
	// the work of an empty page: a machine that is busy shows long tasks of its own
});

async function longConversation() {
	const made = (await house.ben.post('/v1/conversations', { title: 'Long' })).json;
	for (let i = 1; i <= 500; i++) {
		const r = await house.ben.post(`/v1/conversations/${made.id}/turns`, { input: `${LEAVE} (${i})`, responseMode: 'extractive' });
		assert.equal(r.status, 202, r.text);
		if (i % 3 === 0) {
			await house.ben.get(r.json.streamUrl);
		}
	}
	const page = await house.open('ben', { at: `/#/c/${made.id}` });
	const box = page.locator('.talk-scroll');
	for (let i = 0; i < 100 && (await page.locator('.turn').count()) < 500; i++) {
		await box.evaluate((b) => (b.scrollTop = 0));
		await page.waitForFunction((n) => document.querySelectorAll('.turn').length > n, await page.locator('.turn').count());
	}
	await page.getByRole('button', { name: 'To the newest' }).click();
	await page.getByText(`${LEAVE} (500)`).waitFor();
	return page;
}

test('with 500 turns on the page: a token is seen within 50 ms, and 200 a second make no long task', async () => {
	const page = await longConversation();
	assert.equal(await page.locator('.turn').count(), 500);
	await observe(page);
	const sent = new Map();
	const RATE = 200, SECONDS = 8;
	script = async (say) => {
		const start = performance.now();
		for (let n = 0; n < RATE * SECONDS; n++) {
			const due = start + (n * 1000) / RATE;
			if (due > performance.now()) {
				await new Promise((done) => setTimeout(done, due - performance.now()));
			}
			sent.set(`t${n}_`, performance.timeOrigin + performance.now());
			await say(`t${n}_ `);
			if (n % 25 === 24) {
				await say(n % 100 === 99 ? '\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n' : '**bold** and `code` [1].\n\n');
			}
		}
	};
	await composer(page).fill(MILAN);
	await composer(page).press('Enter', { noWaitAfter: true });
	await page.waitForFunction(() => document.querySelectorAll('.turn').length === 501 && !document.querySelector('.running') && document.querySelector('.turn:nth-last-child(1) .answer-foot, .turn .answer-foot'), null, { timeout: 60000 });
	await lastAnswer(page).locator('.answer-foot').waitFor();
	const { tokens, long } = await page.evaluate(() => ({ tokens: [...window.tokens], long: window.long }));
	const delays = tokens.filter(([t]) => sent.has(t)).map(([t, at]) => at - sent.get(t));
	console.log(`# ${delays.length} tokens seen, median ${median(delays).toFixed(1)} ms after the model sent them; longest tasks ${long.toSorted((a, b) => b - a).slice(0, 5).map(Math.round)}`);
	assert.ok(delays.length > RATE * SECONDS * 0.5, `${delays.length} tokens were seen`);
	assert.ok(median(delays) <= 50, `median ${median(delays)} ms`);
	assert.deepEqual(long.filter((ms) => ms > 100), []);
});
