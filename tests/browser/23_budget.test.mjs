// What the page may cost: bytes before the first answer, time from the server's token to the eye, time it is deaf.
import test from 'node:test';
import assert from 'node:assert/strict';
import { composer, LEAVE, MILAN, startTalk } from './chat_talk.mjs';

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
	window.tasks?.disconnect();
	window.tasks = new PerformanceObserver((list) => list.getEntries().forEach((e) => window.long.push(e.duration)));
	window.tasks.observe({ type: 'longtask' });
	const look = () => {
		const md = document.querySelector('.running .md') ?? [...document.querySelectorAll('.turn')].at(-1)?.querySelector('.md');
		const text = md?.lastElementChild?.textContent ?? '';
		for (const [token] of text.slice(Math.max(0, text.length - 2000)).matchAll(/t\d+_/g)) {
			if (!window.tokens.has(token)) {
				window.tokens.set(token, performance.timeOrigin + performance.now());
			}
		}
	};
	window.look?.disconnect();
	window.look = new MutationObserver(look);
	window.look.observe(document.querySelector('#app'), { subtree: true, childList: true, characterData: true });
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
	await page.waitForFunction(() => {
		document.querySelector('.talk-scroll').scrollTop = 0;
		return document.querySelectorAll('.turn').length === 500;
	}, null, { timeout: 60000 });
	await page.getByRole('button', { name: 'To the newest' }).click();
	await page.getByText(`${LEAVE} (500)`).waitFor();
	return page;
}

const RATE = 200, SECONDS = 8, TRIES = 4;

/** One answer of 200 tokens a second: how late each was seen, and the long tasks. */
async function measure(page) {
	const sent = new Map();
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
	const before = await page.locator('.turn').count();
	await observe(page);
	await composer(page).fill(MILAN);
	await composer(page).press('Enter', { noWaitAfter: true });
	await page.locator('.turn').nth(before).locator('.answer-foot').waitFor({ timeout: 60000 });
	const { tokens, long } = await page.evaluate(() => ({ tokens: [...window.tokens], long: window.long }));
	const delays = tokens.filter(([t]) => sent.has(t)).map(([t, at]) => at - sent.get(t));
	console.log(`# ${delays.length} tokens seen, median ${median(delays).toFixed(1)} ms after the model sent them; longest tasks ${long.toSorted((a, b) => b - a).slice(0, 5).map(Math.round)} ms`);
	return { seen: delays.length, median: median(delays), longest: Math.max(0, ...long) };
}

// On a machine that others use, a task is long too while the browser waits for a core: what the page itself does too
// slowly is slow in every try.
test('with 500 turns on the page: a token is seen within 50 ms, and 200 a second make no long task', async () => {
	const page = await longConversation();
	const tries = [];
	do {
		tries.push(await measure(page));
	} while (tries.length < TRIES && !tries.some((x) => x.median <= 50 && x.longest <= 100 && x.seen > RATE * SECONDS * 0.5));
	assert.ok(tries.some((x) => x.seen > RATE * SECONDS * 0.5 && x.median <= 50 && x.longest <= 100), JSON.stringify(tries));
});
