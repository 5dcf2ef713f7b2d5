// Citations, panel and search for everybody: no serious finding of axe in either theme, names and texts full of tricks.
import test from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { ROOT, until } from '../flow/carrel.mjs';
import { PHONE, shot, startHouse } from './browser.mjs';
import { askOnPage } from './chat_talk.mjs';
import { handbookPdf, showsPage } from './trust.mjs';

const AXE = readFileSync(path.join(ROOT, 'tests/browser/node_modules/axe-core/axe.min.js'), 'utf8');
const LONG = `${'long-name-'.repeat(24)}.md`;
const TRICKY = 'gnp.<img src=x onerror=alert(1)>.md';
let house;
test.before(async () => {
	house = await startHouse({
		documents: {
			'handbook.pdf': handbookPdf(),
			[LONG]: '# Quorum\n\nThe quorum of the assembly is seventeen members.\n',
			['\u202e' + TRICKY]: // the server takes direction marks out of names
				'# <script>alert(1)</script>\n\nThe fee of the notary is <iframe src="//evil.example"></iframe> 41 guilders.\n',
		},
	});
});
test.after(() => house.stop());

/** By the debugger's way in, which the page's policy does not bar. */
async function findings(page, within) {
	await page.evaluate(AXE).catch(() => {});
	const found = await page.evaluate((selector) => globalThis.axe.run(selector, { resultTypes: ['violations'] }), within);
	return found.violations.filter((v) => ['serious', 'critical'].includes(v.impact)).map((v) => `${v.id}: ${v.nodes.map((n) => `${n.html.slice(0, 120)} ${n.failureSummary}`).join(' | ')}`);
}

for (const theme of ['light', 'dark']) {
	test(`axe finds nothing serious (${theme})`, async () => {
		const page = await house.open('ann', { theme });
		await askOnPage(page, 'What is the lodging allowance in Ghent?');
		const chip = page.locator('.answer .cite').first();
		await page.locator('.searched summary').click();
		await page.locator('.searched tbody tr').first().waitFor();
		assert.deepEqual(await findings(page, '.searched'), []);
		await chip.hover();
		await page.locator('#cite-card').waitFor();
		await until(() => page.locator('#cite-card').evaluate((e) => getComputedStyle(e).opacity === '1'), 'it has appeared');
		assert.deepEqual(await findings(page, '#cite-card'), []);
		await shot(page, `citation-card-${theme}`);
		await chip.click();
		await showsPage(page, 7);
		assert.deepEqual(await findings(page, '.source'), []);
		await shot(page, `citation-opened-${theme}`);
		await page.goto(`${house.server.url}/#/search?q=lodging%20allowance&explain=1`);
		await page.locator('.passage-card').first().waitFor();
		assert.deepEqual(await findings(page, '.search-view'), []);
	});
}

test('names and texts full of tricks are text, and break no line', async () => {
	for (const width of [1280, PHONE.width]) {
		const page = await house.open('ann', { width });
		for (const [question, name] of [['quorum of the assembly', LONG], ['fee of the notary', TRICKY]]) {
			await page.goto(`${house.server.url}/#/search?q=${encodeURIComponent(question)}`);
			const opens = page.locator('.passage-card .opens').first();
			await until(async () => (await opens.textContent()) === name, async () => `${name} is the best, not ${await opens.textContent()}`);
			await opens.click();
			await page.locator('.source .text-view mark').first().waitFor();
			assert.equal(await page.locator('.source h2').textContent(), name);
			assert.equal(await page.locator('.search-view :is(img, iframe, script), .source :is(img, iframe, script)').count(), 0);
			assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing sticks out');
			await page.keyboard.press('Escape');
		}
	}
});
