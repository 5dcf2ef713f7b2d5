// axe-core on every view, in both themes and both widths: nothing serious, nothing critical.
// Long: every view four times.
import test from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from '../flow/carrel.mjs';
import { startHouse } from './browser.mjs';

// Injected as text, since the page's policy allows no foreign script.
const AXE = readFileSync(path.join(ROOT, 'tests/browser/node_modules/axe-core/axe.min.js'), 'utf8');
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

async function findings(page) {
	await page.evaluate(AXE);
	return page.evaluate(async (values) => {
		const { violations } = await globalThis.axe.run(document, { runOnly: { type: 'tag', values }, resultTypes: ['violations'] });
		return violations.filter((v) => ['serious', 'critical'].includes(v.impact))
			.map((v) => `${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160)).join(' | ')}`);
	}, RULES);
}

let house, documentId, conversation;
test.before(async () => {
	const documents = { 'travel.txt': 'Travel\n\nA hotel in Milan may cost 120 euros per night.\n', 'broken.pdf': '%PDF-1.4 cut off' };
	house = await startHouse({ model: { mode: 'cite' }, documents });
	await house.ann.post('/v1/groups', { name: 'Finance' });
	await house.ann.post('/v1/tokens', { name: 'script' });
	documentId = (await house.ann.get('/v1/documents')).json.documents.find((d) => d.name === 'travel.txt').id;
	conversation = (await house.ann.post('/v1/conversations', {})).json;
	const { json } = await house.ann.post(`/v1/conversations/${conversation.id}/turns`, { input: 'What may a hotel in Milan cost?' });
	await house.ann.events(json.streamUrl);
});
test.after(() => house.stop());

const open = (what, name) => async (page) => {
	await page.getByRole('button', { name: what, exact: true }).click();
	await page.getByRole(name ?? 'dialog').first().waitFor();
};
/** Places, and what is done there first; a view is there when its heading, or what is waited for, is. */
const places = () => [
	['', 'start'],
	['temporary', 'temporary'],
	[`c/${conversation.id}`, 'answer', (page) => page.getByText('120 euros').first().waitFor()],
	['search', 'search'],
	['library', 'library'],
	[`document/${documentId}`, 'document'],
	['account', 'account'],
	['account', 'new token', open('New token')],
	...['users', 'groups', 'collections', 'jobs', 'usage', 'settings', 'health', 'audit'].map((tab) => [`admin/${tab}`, tab]),
	['admin/users', 'new user', open('Add somebody')],
	['admin/jobs', 'reindex', open('Read again')],
	['nowhere', 'not found'],
];

async function settle(page) {
	await page.locator('#main :is(h1, h2)').first().waitFor();
	await page.locator('#main [aria-busy=true]').waitFor({ state: 'detached' });
}

test('what is wrong would be found', async () => {
	const page = await house.open(null);
	await page.evaluate(() => document.querySelector('form').append(document.createElement('input')));
	assert.match((await findings(page)).join(), /label/);
});

for (const width of [1280, 390]) {
	for (const theme of ['light', 'dark']) {
		test(`nothing serious in any view: ${theme}, ${width} px`, async (t) => {
			const stranger = await house.open(null, { width, theme });
			assert.deepEqual(await findings(stranger), [], 'sign-in');
			await stranger.goto(`${house.server.url}/#/setup`);
			await stranger.getByLabel('One-time token').waitFor();
			assert.deepEqual(await findings(stranger), [], 'setup');
			const page = await house.open('ann', { width, theme });
			for (const [at, name, first] of places()) {
				await t.test(name, async () => {
					await page.goto(`${house.server.url}/#/${at}`);
					await page.reload(); // what the one before left open
					await settle(page);
					await first?.(page);
					assert.deepEqual(await findings(page), []);
				});
			}
			if (width < 600) {
				await page.getByRole('button', { name: 'Open the menu' }).click();
				assert.deepEqual(await findings(page), [], 'the menu');
			}
		});
	}
}
