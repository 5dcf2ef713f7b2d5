// `make screenshots`: the page's main states with the demo's people and documents, both themes, both widths, in build/screenshots
// for a person to look at; and the README's two pictures in fixtures/.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { PASSWORD, ROOT, startCarrel } from '../flow/carrel.mjs';
import { startFakeModel } from '../flow/fake_model.mjs';
import { House, jobsEnd, launch, shot } from './browser.mjs';

const DOCUMENTS = path.join(ROOT, 'fixtures/documents');
const README_LIMIT = 200000; // bytes of each picture
const { groups, users, collections } = JSON.parse(readFileSync(path.join(ROOT, 'fixtures/people.json'), 'utf8'));
const QUESTION = 'What is the most a hotel room in Milan may cost per night?';

/** What the model says: sentences of the documents, each with the handle of the source that it stands in. */
async function answer(say, { prompt }) {
	const sources = [...prompt.matchAll(/source \[(\d+)\]\n([^]*?)\n--- /g)];
	const cite = (words) => sources.filter(([, , text]) => text.includes(words)).slice(0, 1).map(([, n]) => ` [${n}]`).join('');
	const sentences = [
		['A hotel room in **Milan** may cost at most **175 EUR per night**, with breakfast, taxes and city levy', 'Paris, Amsterdam, Munich, Milan, Stockholm'],
		['\n\nTwo things to know:\n\n- A dearer room needs the approval of the head of department before the stay, not afterwards', 'A dearer room needs the approval'],
		['\n- During trade fairs the limit of a city rises by 60 percent', 'the limit of a city rises by 60 percent'],
	];
	for (const [text, words] of sentences) {
		for (const piece of `${text}${cite(words)}.`.match(/\S+\s*|\s+/g)) {
			await say(piece, 15);
		}
	}
}

async function makeHouse() {
	const model = await startFakeModel({ mode: 'script', script: answer });
	const server = await startCarrel({ settings: { 'model-url': model.url, 'model-name': 'qwen3-14b' } });
	const ada = await server.bootstrap('ada');
	const house = new House({ server, model, ada, browser: await launch() });
	await ada.patch('/v1/me', { displayName: users[0].name });
	const ids = { ada: (await ada.get('/v1/me')).json.user.id };
	for (const { id, name, role } of users.slice(1)) {
		ids[id] = (await ada.post('/v1/users', { name: id, displayName: name, role, password: PASSWORD })).json.id;
	}
	for (const { id, name } of groups) {
		const { json } = await ada.post('/v1/groups', { name });
		for (const user of users.filter((u) => u.groups.includes(id))) {
			await ada.put(`/v1/groups/${json.id}/members/${ids[user.id]}`);
		}
	}
	const named = (principal) => groups.reduce((text, { id, name }) => (text === `group:${id}` ? `group:${name}` : text), principal);
	for (const { id, name, read, own } of collections) {
		const acl = [...read.map((principal) => ({ principal: named(principal), right: 'read' })), ...own.map((principal) => ({ principal, right: 'own' }))];
		await ada.post('/v1/collections', { name, acl });
		for (const file of readdirSync(path.join(DOCUMENTS, id))) {
			await ada.upload(name, file, readFileSync(path.join(DOCUMENTS, id, file)));
		}
	}
	await jobsEnd(ada, 300000);
	return house;
}

async function ask(page, text) {
	await page.getByLabel('Your question').fill(text);
	await page.getByLabel('Your question').press('Enter');
	await page.locator('.turn .answer-foot').last().waitFor();
	await page.locator('.running').waitFor({ state: 'detached' });
}

async function visit(page, place) {
	await page.goto(`${page.url().split('#')[0]}#/${place}`);
	await page.locator('#main :is(h1, h2):visible').first().waitFor();
	await page.locator('#main [aria-busy=true]').waitFor({ state: 'detached' });
}

/** Nothing moves any more. */
const rest = (page) => page.evaluate(() => Promise.all(document.getAnimations().filter((a) => a.effect.getTiming().iterations !== Infinity).map((a) => a.finished.catch(() => {}))));

async function openSource(page) {
	await page.locator('.turn .answer .cite').first().click();
	await page.waitForFunction(() => {
		const shown = document.querySelector('.page-field input')?.value;
		return document.querySelector(`.source [data-page="${shown}"] img`)?.naturalWidth;
	});
}

const FILES = [
	{ name: 'Site visit Bruges.txt', mimeType: 'text/plain', buffer: Buffer.from('The meter in Bruges was read on 3 May.\n'.repeat(400)) },
	{ name: 'Calibration 2026.txt', mimeType: 'text/plain', buffer: Buffer.from('The reference meter was calibrated in March.\n'.repeat(900)) },
];

/** Name, how to come there, and whether it is one of phones only; each goes on from the one before. */
const scenes = [
	['02-start', (page) => visit(page, '')],
	['03-answer', (page) => ask(page, QUESTION)],
	['04-hover', async (page, { phone }) => {
		await page.locator('.turn .answer .cite').first()[phone ? 'focus' : 'hover']();
		await page.locator('.cite-card').waitFor();
	}],
	['05-source', openSource],
	['06-searched', async (page) => {
		await page.keyboard.press('Escape');
		await page.locator('.source').waitFor({ state: 'detached' });
		await page.keyboard.press('Escape'); // the card of the citation that has the focus again
		await page.getByRole('button', { name: 'What was searched' }).or(page.locator('summary', { hasText: 'What was searched' })).first().click();
	}],
	['07-refusal', async (page) => {
		await visit(page, '');
		await ask(page, 'Who won the football world cup of 1954?');
		await page.locator('.talk-scroll').evaluate((e) => e.scrollTo(0, 0));
	}],
	['08-search', async (page) => {
		await visit(page, 'search');
		await page.getByLabel('Words or a question').fill('own car kilometre');
		await page.keyboard.press('Enter');
		await page.locator('#main mark').first().waitFor();
	}],
	['09-library', (page) => visit(page, 'library')],
	['10-upload', async (page) => {
		const chooser = page.waitForEvent('filechooser');
		await page.getByRole('button', { name: 'Add documents' }).click();
		await (await chooser).setFiles(FILES);
		await page.getByRole('dialog').waitFor();
	}],
	['11-document', async (page) => {
		await page.keyboard.press('Escape');
		await page.getByRole('link', { name: /travel-policy/ }).first().click();
		await page.locator('#main h1').waitFor();
		await page.locator('#main [aria-busy=true]').waitFor({ state: 'detached' });
	}],
	['12-admin-users', (page) => visit(page, 'admin/users')],
	['13-permissions', async (page) => {
		await visit(page, 'admin/collections');
		await page.getByRole('button', { name: 'Who may read Board' }).click();
		await page.getByRole('dialog').getByText('Board of directors').first().waitFor();
	}],
	['14-usage', async (page) => {
		await page.keyboard.press('Escape');
		await visit(page, 'admin/usage');
	}],
	['15-settings', (page) => visit(page, 'admin/settings')],
	['16-health', (page) => visit(page, 'admin/health')],
	['17-account', (page) => visit(page, 'account')],
	['18-menu', (page) => page.getByRole('button', { name: 'Open the menu' }).click(), 'phone'],
];

async function takeAll(house, width, theme) {
	const phone = width < 600, look = `${phone ? 'phone' : 'desktop'}-${theme}`;
	await shot(await house.open(null, { width, theme }), `${look}-01-sign-in`);
	const page = await house.open('ada', { width, theme });
	page.setDefaultTimeout(15000);
	for (const [name, come] of scenes.filter(([, , only]) => !only || phone)) {
		try {
			await come(page, { phone });
		} catch (error) {
			throw new Error(`${look}-${name}: ${error.message}`, { cause: error });
		}
		await rest(page);
		await shot(page, `${look}-${name}`);
	}
	await page.context().close();
}

async function takeForReadme(house) {
	const page = await house.open('ada', { width: 1220, height: 720 });
	const take = async (name) => {
		const file = path.join(ROOT, 'fixtures', `screenshot-${name}.png`);
		await page.mouse.move(0, 0);
		await rest(page);
		await page.screenshot({ path: file });
		if (statSync(file).size > README_LIMIT) {
			throw new Error(`${file} has ${statSync(file).size} bytes, more than ${README_LIMIT}`);
		}
	};
	await ask(page, QUESTION);
	await openSource(page);
	await take('answer');
	await page.keyboard.press('Escape');
	await visit(page, 'library');
	await take('library');
}

const house = await makeHouse();
try {
	await takeForReadme(house);
	for (const width of [1280, 390]) {
		for (const theme of ['light', 'dark']) {
			await takeAll(house, width, theme);
		}
	}
} finally {
	await house.stop();
}
