// A real Chromium on the real page: playwright-core drives Debian's browser against a server of tests/flow/carrel.mjs.
//
//   const house = await startHouse({ model: {…} });         // server, fake model, users ann (admin) and ben, collection "Handbook"
//   const page = await house.open('ann');                   // signed in, in a context of its own; { width: 390 } for a phone
//   await house.stop();                                     // and fails if a page asked another origin, or logged an error
import assert from 'node:assert/strict';
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { chromium } from 'playwright-core';
import { PASSWORD, ROOT, startCarrel } from '../flow/carrel.mjs';
import { startFakeModel } from '../flow/fake_model.mjs';

const PROGRAM = process.env.CHROMIUM || '/usr/bin/chromium';
const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--force-color-profile=srgb'];
/** Screenshots for a person to look at; not committed. */
export const SHOTS = path.join(ROOT, process.env.BUILD || 'build', 'screenshots');

export const DESKTOP = { width: 1280, height: 800 };
export const PHONE = { width: 390, height: 844 };

export async function launch() {
	if (!existsSync(PROGRAM)) {
		console.log('no Chromium here');
		process.exit(77);
	}
	return chromium.launch({ executablePath: PROGRAM, args: FLAGS, headless: true });
}

export class House {
	constructor(parts) {
		Object.assign(this, parts);
		this.wrong = []; // what no page may do
	}

	/** A page for somebody, signed in by hand as a person would; name null: nobody is. */
	async open(name, { at = '/', width = DESKTOP.width, height = width < 600 ? PHONE.height : DESKTOP.height, theme = 'light', lang = 'en-GB' } = {}) {
		const context = await this.browser.newContext({ viewport: { width, height }, colorScheme: theme, locale: lang, hasTouch: width < 600, isMobile: width < 600, permissions: ['clipboard-read', 'clipboard-write'] });
		this.watch(context);
		const page = await context.newPage();
		await page.goto(this.server.url + at);
		if (name) {
			await signIn(page, name);
		} else {
			await page.locator('form').first().waitFor(); // whoever is not signed in is asked to
		}
		return page;
	}

	watch(context) {
		context.on('request', (r) => {
			const url = new URL(r.url());
			if (!['blob:', 'data:'].includes(url.protocol) && url.origin !== this.server.url) {
				this.wrong.push(`asked elsewhere: ${r.url()}`);
			}
		});
		context.on('weberror', (e) => this.wrong.push(`threw: ${e.error().stack}`));
		context.on('console', (m) => {
			// A refused request shows itself as an error in the console; that is not the page's doing.
			if (m.type() === 'error' && !/Failed to load resource|ERR_/.test(m.text()) && !this.allows(m.text())) {
				this.wrong.push(`logged: ${m.text()}`);
			}
		});
	}

	/** Console errors that a test provokes on purpose; replace it. */
	allows() {
		return false;
	}

	async stop() {
		await this.browser.close();
		await this.server.stop();
		await this.model?.close();
		assert.deepEqual(this.wrong, []);
	}
}

export async function signIn(page, name, password = PASSWORD) {
	await page.getByLabel('Name').or(page.getByLabel('用户名')).fill(name);
	await page.locator('input[type=password]').fill(password);
	await page.keyboard.press('Enter');
	await page.locator('.desk').waitFor();
}

/** A Carrel with people, a collection that everybody reads, and what the caller puts in it. */
export async function startHouse({ model, settings = {}, documents = {}, data } = {}) {
	const fake = model ? await startFakeModel(model) : null;
	const more = fake ? { 'model-url': fake.url, 'model-name': 'fake' } : {};
	const server = await startCarrel({ settings: { ...more, ...settings }, data });
	const operator = await server.bootstrap('ann');
	const ben = await server.createUser(operator, 'ben');
	const acl = [{ principal: 'workspace', right: 'read' }, { principal: 'user:ann', right: 'own' }];
	const collection = (await operator.post('/v1/collections', { name: 'Handbook', acl })).json;
	const house = new House({ server, model: fake, ann: operator, ben, collection, browser: await launch() });
	for (const [name, content] of Object.entries(documents)) {
		await house.ann.upload('Handbook', name, content);
	}
	await jobsEnd(operator);
	return house;
}

export async function jobsEnd(who, ms = 60000) {
	for (const end = Date.now() + ms; Date.now() < end;) {
		const open = await Promise.all(['queued', 'running'].map((s) => who.get(`/v1/jobs?state=${s}&limit=1`)));
		if (open.every((r) => r.json.jobs.length === 0)) {
			return;
		}
		await new Promise((done) => setTimeout(done, 20));
	}
	throw new Error('jobs do not end');
}

/** A picture of the page for a person: build/screenshots/NAME.png. */
export async function shot(page, name) {
	mkdirSync(SHOTS, { recursive: true });
	await page.screenshot({ path: path.join(SHOTS, `${name}.png`) });
}
