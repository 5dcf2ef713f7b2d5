// Bringing documents: dropped, picked and pasted; every stage told, every failure with what to do.
// Long: OCR among others.
import test from 'node:test';
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { ROOT, temporaryFolder, until } from '../flow/carrel.mjs';
import { jobsEnd, shot, signIn, startHouse } from './browser.mjs';

const BROKEN = path.join(ROOT, 'fixtures/broken');
const REPORTS = path.resolve(ROOT, '../shared/corpus/reports');
const folder = temporaryFolder('carrel-uploads-');
let house;
test.before(async () => (house = await startHouse({ settings: { 'upload-max-mb': 1 } })));
test.after(async () => {
	rmSync(folder, { recursive: true, force: true });
	await house.stop();
});

const dock = (page) => page.locator('.dock');
const row = (page, name) => dock(page).locator('.upload', { hasText: name });

/** Opens the collection, and waits until it can take something. */
async function openLibrary(page, collection = house.collection) {
	await page.goto(`${house.server.url}/#/library/${collection.id}`);
	await page.getByRole('heading', { level: 1, name: collection.name }).waitFor();
	await page.locator('main table.documents, main .empty').first().waitFor();
}

/** Picks files by the button, as a person would; leaves the dialog open. */
async function pick(page, files) {
	const chooser = page.waitForEvent('filechooser');
	await page.getByRole('button', { name: 'Add documents' }).click();
	await (await chooser).setFiles(files);
	await page.getByRole('dialog').waitFor();
}

const upload = (page) => page.getByRole('dialog').getByRole('button', { name: 'Upload', exact: true }).click();

async function makeCollection(name, acl = [{ principal: 'user:ann', right: 'own' }]) {
	return (await house.ann.post('/v1/collections', { name, acl })).json;
}

const documentsOf = async (collection, more = '') => (await house.ann.get(`/v1/documents?collection=${collection.id}&limit=200${more}`)).json.documents;

/** Drops a tree as the system does: DevTools' own drag, since a page cannot make a folder up. */
async function dropPaths(page, paths) {
	const session = await page.context().newCDPSession(page);
	const { x, y, width, height } = await page.locator('.view.library').boundingBox();
	const at = { x: x + width / 2, y: y + height / 2 };
	const data = { items: [], files: paths, dragOperationsMask: 1 };
	for (const type of ['dragEnter', 'dragOver', 'drop']) {
		await session.send('Input.dispatchDragEvent', { type, ...at, data });
		if (type === 'dragOver') {
			await page.locator('.drop-here').waitFor();
			await shot(page, 'upload-drop');
		}
	}
}

test('a dropped folder of 300 files comes in with its paths; the page stays responsive', async () => {
	const tree = path.join(folder, 'policies');
	for (let i = 0; i < 300; i++) {
		const sub = path.join(tree, `part ${i % 3}`);
		mkdirSync(sub, { recursive: true });
		writeFileSync(path.join(sub, `rule ${i}.txt`), `Rule ${i} says that machine ${i * 7} is oiled on day ${i}.\n`);
	}
	writeFileSync(path.join(tree, '.DS_Store'), 'litter');
	const into = await makeCollection('Rules');
	const page = await house.open('ann');
	await openLibrary(page, into);
	await page.evaluate(() => {
		window.longest = 0;
		new PerformanceObserver((list) => list.getEntries().forEach((e) => (window.longest = Math.max(window.longest, e.duration)))).observe({ type: 'longtask' });
	});
	await dropPaths(page, [tree]);
	await page.getByRole('dialog', { name: 'Add 300 documents' }).waitFor();
	await shot(page, 'upload-offer');
	await upload(page);
	await dock(page).getByText(/ of 300 documents/).waitFor();
	await shot(page, 'upload-300');
	// One moves about meanwhile, and it goes on.
	await page.getByRole('link', { name: 'Search passages' }).click();
	await dock(page).getByText('300 documents are in').first().waitFor({ timeout: 90000 });
	assert.ok(await dock(page).locator('li').count() < 100, 'not hundreds of rows');
	// All is in: it does not lie over the next question.
	await page.getByRole('link', { name: 'New conversation' }).click();
	await dock(page).waitFor({ state: 'detached' });
	const longest = await page.evaluate(() => window.longest);
	assert.ok(longest < 250, `the page stood still for ${longest} ms`);
	const there = await documentsOf(into);
	assert.equal(there.length, 200);
	assert.ok(there.some((d) => /^policies\/part [012]\/rule \d+\.txt$/.test(d.name)), there[0].name);
	assert.equal((await house.ann.get(`/v1/collections/${into.id}`)).json.documents, 300);
	await page.context().close();
});

test('broken files say what to do, in the reader’s language too; a duplicate and a new version are recognised', async () => {
	const into = await makeCollection('Mixed');
	await house.ann.upload('Mixed', 'known.txt', 'What is known already.');
	await house.ann.upload('Mixed', 'plan.txt', 'The first plan.');
	await jobsEnd(house.ann);
	const page = await house.open('ann');
	await openLibrary(page, into);
	const file = (name, text) => ({ name, mimeType: 'text/plain', buffer: Buffer.from(text) });
	const broken = ['encrypted-password-otter.pdf', 'header-only.pdf', 'no-text.pdf', 'empty.txt'].map((name) => ({ name, mimeType: 'application/pdf', buffer: readFileSync(path.join(BROKEN, name)) }));
	await pick(page, [...broken, file('known.txt', 'What is known already.'), file('plan.txt', 'The second plan.'), file('program.bin', '\x7fELF\0\0\x01\x02\x03'.repeat(500))]);
	await upload(page);
	await row(page, 'encrypted').getByText('The file is protected by a password. Remove the password and upload it again.').waitFor();
	await row(page, 'header-only').getByText('The file is damaged.').waitFor();
	await row(page, 'no-text').getByText('No text was found').waitFor();
	await row(page, 'empty.txt').getByText('The file is empty. Upload the complete document.').waitFor();
	await row(page, 'program.bin').getByText('This kind of file is not read.').waitFor();
	await row(page, 'known.txt').getByText('Already there').waitFor();
	await row(page, 'plan.txt').getByText('Ready, as a new version').waitFor();
	await dock(page).getByText('5 need a look').waitFor();
	await shot(page, 'upload-failures');
	// The list tells the same, and so does the page in German.
	await page.locator('table.documents tr', { hasText: 'encrypted' }).getByText('Remove the password').waitFor();
	await page.context().close();
	const german = await house.open('ann', { lang: 'de-DE' });
	await german.goto(`${house.server.url}/#/library/${into.id}`);
	await german.locator('table.documents tr', { hasText: 'encrypted' }).getByText('mit einem Passwort geschützt').waitFor();
	await german.context().close();
});

test('a file that is too large is told before it leaves, and by the server’s word too', async () => {
	const page = await house.open('ann');
	await openLibrary(page);
	const big = { name: 'big.txt', mimeType: 'text/plain', buffer: Buffer.alloc(3 * 1024 * 1024, 'word ') };
	const small = { name: 'small.txt', mimeType: 'text/plain', buffer: Buffer.from('A small one.') };
	await pick(page, [big, small]);
	await page.getByText('1 file is larger than the 1 MB that this server takes, and is left out.').waitFor();
	await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
	await page.context().close();
	// Where the page does not know the limit, the server's 413 says it.
	const blind = await house.open(null);
	await blind.route('**/v1/me', async (route) => {
		const answer = await route.fetch();
		const { server: _, ...me } = await answer.json();
		await route.fulfill({ response: answer, json: me });
	});
	await signIn(blind, 'ann');
	await openLibrary(blind);
	await pick(blind, [big, small]);
	await upload(blind);
	await row(blind, 'big.txt').getByText('The file is larger than this server takes.').waitFor();
	await row(blind, 'small.txt').getByText(/Ready|Already there/).waitFor();
	await blind.context().close();
});

test('each stage is told; reading is stopped, and begun again', async () => {
	const page = await house.open('ann');
	await openLibrary(page);
	// Stages go by too fast to be seen for sure, so the server's answer is slowed down to one a poll.
	const stages = [
		{ state: 'queued', stage: 'extract', done: 0, total: 0, tries: 0 },
		{ state: 'running', stage: 'extract', done: 36, total: 212 },
		{ state: 'running', stage: 'chunk', done: 0, total: 0 },
		{ state: 'running', stage: 'embed', done: 30, total: 400 },
	];
	let at = 0, cancelled = false;
	await page.route(/\/v1\/jobs\?ids=/, async (route) => {
		const answer = await route.fetch();
		const body = await answer.json();
		const step = cancelled ? { state: 'cancelled', stage: '' } : stages[Math.min(at, stages.length - 1)];
		body.jobs.forEach((job) => Object.assign(job, step));
		await route.fulfill({ response: answer, json: body });
	});
	await page.route('**/v1/jobs/*/cancel', (route) => {
		cancelled = true;
		return route.fulfill({ status: 202, json: {} });
	});
	await page.route('**/v1/jobs/*/retry', async (route) => {
		cancelled = false;
		await page.unroute(/\/v1\/jobs\?ids=/);
		return route.fulfill({ status: 202, json: {} });
	});
	await pick(page, [{ name: 'stages.txt', mimeType: 'text/plain', buffer: Buffer.from('A text in stages.') }]);
	await upload(page);
	for (const text of ['Waiting to be read', 'Extracting page 37 of 212', 'Chunking', 'Embedding 30 of 400 passages']) {
		await row(page, 'stages.txt').getByText(text).waitFor();
		at++;
	}
	await shot(page, 'upload-stages');
	await page.getByRole('button', { name: 'Stop stages.txt' }).click();
	await row(page, 'stages.txt').getByText('Stopped').waitFor();
	await page.getByRole('button', { name: 'Try stages.txt again' }).click();
	await row(page, 'stages.txt').getByText('Ready').waitFor();
	await page.context().close();
});

/** The server behind a slow line. DevTools can slow a browser down too, but then it tells no progress. */
async function slowLine(server, bytesPerSecond) {
	const line = { speed: bytesPerSecond };
	const sockets = new Set();
	const proxy = net.createServer((near) => {
		const far = net.connect(server.port, server.host);
		const end = () => (near.destroy(), far.destroy(), sockets.delete(near));
		sockets.add(near);
		far.pipe(near);
		near.on('data', (bytes) => {
			near.pause();
			far.write(bytes);
			setTimeout(() => near.resume(), (1000 * bytes.length) / line.speed);
		});
		[near, far].forEach((s) => s.on('error', end).on('close', end));
	});
	await new Promise((done) => proxy.listen(0, '127.0.0.1', done));
	line.url = `http://127.0.0.1:${proxy.address().port}`;
	line.close = () => (proxy.close(), sockets.forEach((s) => s.destroy()));
	return line;
}

test('what is on its way tells how far, is stopped, and goes on when tried again', async () => {
	const other = await startHouse();
	const line = await slowLine(other.server, 2e6);
	other.server.url = line.url;
	try {
		const page = await other.open('ann');
		await page.goto(`${line.url}/#/library/${other.collection.id}`);
		// Of no kind that is read: only the way is looked at.
		const names = ['one', 'two', 'three'].map((name) => path.join(folder, `slow ${name}.bin`));
		names.forEach((name) => writeFileSync(name, Buffer.concat([Buffer.alloc(20e6, '\x7fELF\0\x01\x02'), Buffer.from(name)])));
		await pick(page, names);
		await upload(page);
		await row(page, 'slow one').getByText(/Uploading [1-9]\d? %/).waitFor();
		await shot(page, 'upload-percent');
		assert.equal(await dock(page).locator('.upload.sending').count(), 2, 'at most two at once');
		await row(page, 'slow three').getByText('Waiting').waitFor();
		await page.getByRole('button', { name: 'Stop slow one.bin' }).click();
		await row(page, 'slow one').getByText('Stopped').waitFor();
		await row(page, 'slow three').getByText(/Uploading/).waitFor();
		await page.getByRole('button', { name: 'Try slow one.bin again' }).click();
		line.speed = 1e9;
		await dock(page).getByText('3 need a look').waitFor();
	} finally {
		line.close();
		await other.stop();
	}
});

test('the server asks for a pause, goes away and comes back: the queue waits and goes on by itself', async () => {
	const page = await house.open('ann');
	await openLibrary(page);
	const answers = [{ status: 503, headers: { 'retry-after': '1' }, json: { error: { type: 'unavailable', code: 'busy', message: 'busy' } } }, { status: 429, headers: { 'retry-after': '1' }, json: { error: { type: 'rate_limited', code: 'limited', message: 'slow' } } }, 'abort'];
	await page.route('**/v1/documents', (route) => {
		const answer = route.request().method() === 'POST' ? answers.shift() : undefined;
		return answer === 'abort' ? route.abort() : answer ? route.fulfill(answer) : route.continue();
	});
	await pick(page, [{ name: 'patient.txt', mimeType: 'text/plain', buffer: Buffer.from('Patience is rewarded.') }]);
	await upload(page);
	await dock(page).getByText('The server asked for a pause').waitFor();
	await row(page, 'patient.txt').getByText('Ready').waitFor();
	assert.equal(answers.length, 0);
	await page.context().close();
});

test('a reload in the middle asks first, and loses nothing that was acknowledged', async () => {
	const into = await makeCollection('Reloaded');
	const page = await house.open('ann');
	await openLibrary(page, into);
	let taken = 0;
	await page.route('**/v1/documents', (route) => {
		if (route.request().method() !== 'POST') {
			return route.continue();
		}
		return taken++ < 5 ? route.continue() : undefined; // the rest is still on its way when the page goes
	});
	await pick(page, Array.from({ length: 9 }, (_, i) => ({ name: `kept ${i}.txt`, mimeType: 'text/plain', buffer: Buffer.from(`Kept number ${i}.`) })));
	await upload(page);
	await until(async () => (await documentsOf(into)).length >= 5, 'five are acknowledged');
	let asked = 0;
	page.on('dialog', (d) => (asked++, d.accept()));
	await page.reload();
	assert.equal(asked, 1, 'leaving the page was asked about');
	await page.unroute('**/v1/documents');
	await page.locator('table.documents tbody tr').nth(4).waitFor();
	assert.equal(await page.locator('table.documents tbody tr').count(), 5);
	await jobsEnd(house.ann);
	await page.locator('table.documents tbody tr .tag.good').nth(4).waitFor();
	await page.context().close();
});

test('who may read is chosen before, and is what counts', async () => {
	const page = await house.open('ann');
	await openLibrary(page);
	await pick(page, [{ name: 'private.txt', mimeType: 'text/plain', buffer: Buffer.from('For my eyes only.') }]);
	await page.getByRole('dialog').getByText('Everybody in the workspace').waitFor();
	await page.getByRole('radio', { name: 'Only you' }).check();
	await upload(page);
	await row(page, 'private.txt').getByText('Ready').waitFor();
	await page.locator('table.documents tr', { hasText: 'private.txt' }).getByText('Only you').waitFor();
	assert.ok(!(await house.ben.get('/v1/documents?limit=200')).json.documents.some((d) => d.name === 'private.txt'));
	await page.context().close();
});

test('pasted files are offered; on a phone the dock is a sheet', async () => {
	const page = await house.open('ann', { width: 390 });
	await openLibrary(page);
	await page.evaluate(() => {
		const data = new DataTransfer();
		data.items.add(new File(['Pasted words.'], 'pasted.txt', { type: 'text/plain' }));
		document.body.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true }));
	});
	await page.getByRole('dialog', { name: 'Add 1 document' }).waitFor();
	await upload(page);
	await row(page, 'pasted.txt').getByText('Ready').waitFor();
	const box = await dock(page).boundingBox();
	assert.ok(box.x === 0 && Math.round(box.width) === 390, JSON.stringify(box));
	await page.getByRole('button', { name: 'Fold up' }).click();
	assert.equal(await dock(page).locator('ul').count(), 0);
	await page.getByRole('button', { name: 'Unfold' }).click();
	await shot(page, 'upload-phone');
	assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing sticks out');
	await page.getByRole('button', { name: 'Clear the list' }).click();
	await dock(page).waitFor({ state: 'detached' });
	await page.context().close();
});

test('a real report is watched until it is ready', { skip: !existsSync(REPORTS) }, async () => {
	const other = await startHouse();
	try {
		const name = readdirSync(REPORTS).filter((n) => n.endsWith('.pdf')).sort()[0];
		const page = await other.open('ann');
		await page.goto(`${other.server.url}/#/library/${other.collection.id}`);
		await pick(page, [path.join(REPORTS, name)]);
		await upload(page);
		await row(page, name).getByText('Ready').waitFor({ timeout: 120000 });
		await row(page, name).getByRole('link').click();
		await page.getByText(/Page 1 of \d+/).waitFor();
		await page.locator('.sheet img').waitFor();
		await shot(page, 'document-report');
	} finally {
		await other.stop();
	}
});
