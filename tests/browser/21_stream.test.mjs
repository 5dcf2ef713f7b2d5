// Answers while they are written: broken connections, stopping, another version, another branch, long conversations.
import test from 'node:test';
import assert from 'node:assert/strict';
import { shot } from './browser.mjs';
import { answers, askOnPage, composer, inTurn, lastAnswer, LEAVE, MILAN, soon, startTalk, write } from './chat_talk.mjs';
import { startProxy } from './cutting_proxy.mjs';

// What the model says next, by the test; `gate` holds it until the test lets it go on.
let script;
const gate = () => {
	let open;
	const held = new Promise((done) => (open = done));
	return { held, open };
};
const words = (from, to) => Array.from({ length: to - from }, (_, i) => `word${from + i} `);

let house, proxy, direct;
test.before(async () => {
	house = await startTalk((say, more) => script(say, more));
	direct = house.server.url;
	proxy = await startProxy(direct);
	house.server.url = proxy.url;
});
test.after(async () => {
	await proxy.close();
	await house.stop();
});
const turnsOf = async (page) => (await house.ann.get(`/v1/conversations/${page.url().split('/').pop()}/turns?limit=100`)).json.turns;

test('a dropped stream goes on where it broke off', async () => {
	const page = await house.open('ann');
	const g = gate();
	script = async (say) => {
		for (const w of words(0, 20)) {
			await say(w, 2);
		}
		await g.held;
		for (const w of words(20, 40)) {
			await say(w, 2);
		}
	};
	const resumed = [];
	page.on('request', (r) => r.url().endsWith('/stream') && resumed.push(r.headers()['last-event-id']));
	await write(page, MILAN);
	await inTurn(page, 'word19').waitFor();
	proxy.down = true;
	proxy.cut();
	await page.getByText('The connection broke off').waitFor();
	await shot(page, 'stream-broken');
	await inTurn(page, 'word19').waitFor();
	g.open();
	proxy.down = false;
	await page.locator('.answer-foot').waitFor();
	const text = await lastAnswer(page).locator('.md').textContent();
	assert.equal(text.trim(), words(0, 40).join('').trim());
	assert.equal(resumed[0], '0');
	assert.ok(Number(resumed.at(-1)) > 2, `resumed after event ${resumed.at(-1)}`);
	assert.equal(await page.getByText('The connection broke off').count(), 0);
});

test('a question whose receipt is lost is asked once', async () => {
	const page = await house.open('ann');
	script = async (say) => say('Said.');
	let posts = 0;
	proxy.swallow = (bytes, up) => {
		if (up && /^POST \/v1\/conversations\/[^/]+\/turns /.test(bytes.toString('latin1'))) {
			posts++;
			lost = true;
			return false;
		}
		if (!up && lost && bytes.toString('latin1').startsWith('HTTP/1.1 202')) {
			lost = false;
			proxy.swallow = null;
			proxy.cut(); // the server took it; the page never hears of that
			return true;
		}
		return false;
	};
	let lost = false;
	await write(page, MILAN);
	await page.locator('.answer-foot').waitFor();
	assert.equal(posts, 1);
	assert.equal((await turnsOf(page)).length, 1);
	assert.equal(await answers(page).count(), 1);
});

test('a question waits for a server that is away; the draft outlives a refresh', async () => {
	const page = await house.open('ann');
	script = async (say) => say('Said.');
	await askOnPage(page, MILAN);
	proxy.down = true;
	proxy.cut();
	await write(page, LEAVE);
	await page.getByText('Not sent yet').waitFor();
	await page.locator('.banner').waitFor();
	await shot(page, 'stream-offline');
	proxy.down = false;
	await page.locator('.turn').nth(1).locator('.answer-foot').waitFor();
	assert.deepEqual((await turnsOf(page)).map((t) => t.input), [MILAN, LEAVE]);
	await composer(page).fill('half a thought');
	await page.reload();
	await soon(page, () => document.querySelector('.composer textarea')?.value === 'half a thought');
	await page.goto(`${proxy.url}/#/`);
	await soon(page, () => document.querySelector('.composer textarea')?.value === '');
	await page.goBack();
	await soon(page, () => document.querySelector('.composer textarea')?.value === 'half a thought');
});

test('an ended sign-in in mid-stream: sign in over the page, and the answer goes on', async () => {
	const page = await house.open('ann');
	const g = gate();
	script = async (say) => {
		await say('First words. ', 5);
		await g.held;
		await say('Last words.');
	};
	await write(page, MILAN);
	await inTurn(page, 'First words').waitFor();
	await composer(page).fill('typed meanwhile');
	await page.evaluate(() => fetch('/v1/auth/refresh', { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' })
		.then((r) => r.json()).then((r) => fetch('/v1/auth/logout', { method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${r.accessToken}` }, body: '{"everywhere":true}' })));
	proxy.cut();
	await page.getByText('sign-in has ended').waitFor();
	assert.ok(await inTurn(page, 'First words').count());
	await shot(page, 'stream-sign-in-again');
	await page.locator('.sign-in input[name=name]').fill('ann');
	await page.locator('.sign-in input[type=password]').fill('a long enough password');
	await page.keyboard.press('Enter');
	g.open();
	await inTurn(page, 'Last words').waitFor();
	await page.locator('.answer-foot').waitFor();
	assert.equal(await composer(page).inputValue(), 'typed meanwhile');
});

test('an answer is stopped at once', async () => {
	const page = await house.open('ben');
	script = async (say) => {
		for (const w of words(0, 500)) {
			await say(w, 20);
		}
	};
	await write(page, MILAN);
	await inTurn(page, 'word3').waitFor();
	await page.getByRole('button', { name: 'Stop the answer' }).click();
	await page.getByText('You stopped this answer').waitFor();
	await house.model.last().gone;
	assert.ok(await inTurn(page, 'word3').count(), 'what was written stays');
});

test('a broken model leaves a partial answer, which may be tried again', async () => {
	const page = await house.open('ben');
	script = async (say, { res }) => {
		await say('Half of it. ', 20);
		res.destroy();
	};
	await write(page, MILAN);
	await page.getByText('The answer is not complete').waitFor();
	await shot(page, 'stream-partial');
	script = async (say) => say('All of it.');
	await page.getByRole('button', { name: 'Try again' }).click();
	await inTurn(page, 'All of it').waitFor();
	await page.getByText('2/2').waitFor();
});

test('another answer, and back to the one before', async () => {
	const page = await house.open('ben');
	script = async (say) => say('The first answer.');
	await askOnPage(page, MILAN);
	script = async (say) => say('The second answer.');
	await page.getByRole('button', { name: 'Answer again' }).click();
	await inTurn(page, 'The second answer').waitFor();
	await page.getByText('2/2').waitFor();
	await page.getByRole('group', { name: 'Answers to this question' }).getByRole('button', { name: 'Previous' }).click();
	await inTurn(page, 'The first answer').waitFor();
	await page.getByText('1/2').waitFor();
	await page.reload();
	await inTurn(page, 'The first answer').waitFor();
});

test('a question is edited: a branch beside the one that was', async () => {
	const page = await house.open('ben');
	script = async (say, { prompt }) => say(`Heard of ${/Rome/.test(prompt.split('\n').slice(-3).join('\n')) ? 'Rome' : 'Milan'}.`);
	await askOnPage(page, MILAN);
	await askOnPage(page, LEAVE);
	await page.locator('.turn').first().hover();
	await page.locator('.turn').first().getByRole('button', { name: 'Edit the question' }).click();
	await page.locator('.question-edit textarea').fill('What may a hotel room in Rome or Milan cost per night?');
	await page.keyboard.press('Enter');
	await page.getByText('2/2').waitFor();
	await page.locator('.answer-foot').waitFor();
	assert.equal(await page.locator('.turn').count(), 1);
	await shot(page, 'stream-branch');
	await page.getByRole('group', { name: 'Versions of this question' }).getByRole('button', { name: 'Previous' }).click();
	await page.getByText('1/2').waitFor();
	assert.equal(await page.locator('.turn').count(), 2);
	await page.reload();
	await page.getByText('2/2').waitFor();
});

test('half-open Markdown does not flash, and what is looked at stays where it is', async () => {
	const page = await house.open('ben');
	const g = gate();
	const rich = 'Some **bold words** and `code` and *more* of it, [a link](https://example.org/a) too.\n\n| A | B |\n|---|---|\n| 1 | 2 |\n\n## Heading\n\n- one\n- two\n\n```js\nlet x = 1;\n```\n\n';
	script = async (say) => {
		for (const c of rich) {
			await say(c, 4);
		}
		for (let i = 0; i < 60; i++) {
			await say(`Paragraph ${i} of the filling.\n\n`);
		}
		await g.held;
		for (let i = 0; i < 60; i++) {
			await say(`Late paragraph ${i}.\n\n`, 2);
		}
	};
	await page.evaluate(() => {
		window.seen = new Set();
		new MutationObserver(() => {
			for (const block of document.querySelectorAll('.running .block')) {
				const text = block.cloneNode(true);
				text.querySelectorAll('code').forEach((x) => x.remove());
				const bad = /\*|`|\]\(|\||#/.exec(text.textContent);
				bad && window.seen.add(text.textContent);
			}
		}).observe(document.body, { subtree: true, childList: true, characterData: true });
	});
	await write(page, MILAN);
	await inTurn(page, 'Paragraph 59 of').waitFor();
	assert.deepEqual(await page.evaluate(() => [...window.seen]), []);
	const box = page.locator('.talk-scroll');
	await soon(page, () => { const b = document.querySelector('.talk-scroll'); return b.scrollHeight - b.scrollTop - b.clientHeight < 80; });
	await box.hover();
	await page.mouse.wheel(0, -600);
	await page.getByRole('button', { name: 'To the newest' }).waitFor();
	const top = await box.evaluate((b) => b.scrollTop);
	g.open();
	await page.locator('.answer-foot').waitFor();
	assert.equal(await box.evaluate((b) => b.scrollTop), top);
	await page.getByRole('button', { name: 'To the newest' }).click();
	await page.getByRole('button', { name: 'To the newest' }).waitFor({ state: 'detached' });
});

test('five hundred turns: few have a body, earlier ones come without a jump', async () => {
	const made = (await house.ben.post('/v1/conversations', { title: 'Long' })).json;
	for (let i = 1; i <= 500; i++) {
		const r = await house.ben.post(`/v1/conversations/${made.id}/turns`, { input: `${LEAVE} (${i})`, responseMode: 'extractive' });
		assert.equal(r.status, 202, r.text);
		if (i % 3 === 0) { // at most a few at once
			await house.ben.get(r.json.streamUrl);
		}
	}
	const page = await house.open('ben', { at: `/#/c/${made.id}` });
	await page.getByText(`${LEAVE} (500)`).waitFor();
	const box = page.locator('.talk-scroll');
	await box.hover();
	// up by the wheel to the very first, and at each step what is seen may not jump
	let jumps = 0;
	for (let i = 0; i < 800 && !(await page.getByText(`${LEAVE} (1)`, { exact: true }).count()); i++) {
		const jump = await box.evaluate(async (b) => {
			const frame = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
			const quiet = async () => { // nothing has moved for some frames: what is seen is what was meant
				for (let same = 0, was = ''; same < 3; await frame()) {
					const now = `${b.scrollTop} ${b.scrollHeight}`;
					same = now === was ? same + 1 : 0;
					was = now;
				}
			};
			await quiet();
			const upper = b.getBoundingClientRect().top;
			const row = [...b.querySelectorAll('.turn')].find((r) => r.getBoundingClientRect().bottom > upper + 50);
			const from = row.getBoundingClientRect().top, before = b.scrollTop;
			b.scrollTop -= 1200;
			const moved = before - b.scrollTop;
			await quiet();
			return Math.abs(row.getBoundingClientRect().top - from - moved);
		});
		jumps += jump > 30 ? 1 : 0;
	}
	await page.getByText(`${LEAVE} (1)`, { exact: true }).waitFor();
	assert.equal(await page.locator('.turn').count(), 500);
	const bodies = await page.locator('.turn .answer').count();
	assert.ok(bodies < 40, `${bodies} turns have a body`);
	assert.ok(jumps <= 2, `${jumps} jumps`);
});

test('an answer is announced by sentences', async () => {
	const page = await house.open('ben');
	await page.evaluate(() => {
		window.said = [];
		new MutationObserver(() => {
			const text = document.querySelector('[role=log]')?.textContent;
			text && window.said.at(-1) !== text && window.said.push(text);
		}).observe(document.body, { subtree: true, childList: true, characterData: true });
	});
	script = async (say) => {
		for (const w of 'This is the first sentence [1]. This is the second one. And a third.'.match(/\S+\s*/g)) {
			await say(w, 30);
		}
	};
	await askOnPage(page, MILAN);
	const said = await page.evaluate(() => window.said);
	assert.ok(said.length <= 5, JSON.stringify(said));
	assert.match(said.join(' '), /first sentence\. .*third\./);
	assert.doesNotMatch(said.join(' '), /\[1\]/);
});
