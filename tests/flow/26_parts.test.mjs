// What comes inside of a document: found and cited like any document, read by whom its parent is, gone with it.
import test from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { makePdf, wordsInFiles } from '../fault/house.mjs';
import { addUser, ask, newConversation, startDesk } from './answers.mjs';
import { runCarrel, temporaryFolder, until } from './carrel.mjs';
import { mail } from './mails.mjs';

const carrel = await startDesk({ settings: { 'external-command': 'off' } });
test.after(() => carrel.stop());
for (const name of ['ada', 'bob', 'eve']) {
	await addUser(carrel, name);
}
const as = (user) => (method, url, body) => carrel.operator(method, url, body, user ? { as: user } : {});
const [ada, bob, eve, machine] = [as('ada'), as('bob'), as('eve'), as(null)];
const ok = (r, status = 200) => {
	assert.equal(r.status, status, r.text);
	return r.json;
};
const entry = (user, right) => ({ principal: `user:${user}`, right });
ok(await ada('POST', '/v1/collections', { name: 'post', acl: [entry('ada', 'own'), entry('bob', 'read')] }), 201);

/** Uploads and waits for the document and all that came inside of it: the receipt. */
async function bring(name, content, { user = 'ada', collection = 'post', fields = {} } = {}) {
	const receipt = ok(await carrel.upload(user, collection, name, content, fields), 202);
	if (receipt.jobId) {
		assert.equal((await carrel.jobEnd(receipt.jobId, user)).state, 'done');
		const open = async () => ok(await as(user)('GET', `/v1/jobs/${receipt.jobId}`)).parts.open === 0;
		await until(open, `what is in ${name} is read`, 30000);
	}
	return receipt;
}
const partsOf = async (call, id) => ok(await call('GET', `/v1/documents?parent=${id}`)).documents;
const names = (list) => list.map((d) => d.name).sort();
/** Passages with the query's first word in them: vectors find more. */
const finds = async (call, query) => ok(await call('POST', '/v1/search', { query, limit: 50 })).passages
	.filter((p) => p.text.includes(query.split(' ')[0]));

const PRICES = '# Prices\n\nThe heron lamp costs 4711 EUR and is kept in hall nine.\n';
const TERMS = '# Terms\n\nThe kestrel clause allows returns within 83 days.\n';
const inner = mail({ subject: 'Terms again', text: 'As asked.', files: [{ name: 'terms.md', content: TERMS, type: 'text/markdown' }] });
const offer = (prices = PRICES) => mail({
	subject: 'Lamps',
	text: 'The offer is attached.',
	files: [
		{ name: 'prices.md', content: prices, type: 'text/markdown' },
		{ name: 'prices.md', content: '# Other prices\n\nThe egret lamp costs 12 EUR.\n', type: 'text/markdown' },
		{ name: 'forwarded.eml', content: inner, type: 'application/octet-stream' },
		{ name: 'logo.bin', content: Buffer.from([0, 1, 2, 3, 255, 254, 0, 7]) },
	],
});
const first = await bring('lamps.eml', offer());

test('attachments are documents beside their mail', async () => {
	const list = await partsOf(bob, first.documentId);
	assert.deepEqual(names(list), ['lamps.eml/forwarded.eml', 'lamps.eml/logo.bin', 'lamps.eml/prices (2).md', 'lamps.eml/prices.md']);
	assert.ok(list.every((d) => d.parentId === first.documentId && d.createdBy === list[0].createdBy));
	const forwarded = list.find((d) => d.name.endsWith('forwarded.eml'));
	assert.deepEqual(names(await partsOf(bob, forwarded.id)), ['lamps.eml/forwarded.eml/terms.md']);
	const broken = list.find((d) => d.name.endsWith('logo.bin'));
	assert.deepEqual([broken.state, broken.reason], ['failed', 'unsupported_type']);
	const shown = ok(await bob('GET', `/v1/documents/${first.documentId}`));
	assert.deepEqual([shown.state, shown.parentId], ['indexed', null]);
	assert.deepEqual(ok(await bob('GET', `/v1/jobs/${first.jobId}`)).parts, { all: 5, open: 0, failed: 1 });
	for (const [word, name] of [['heron lamp', 'prices.md'], ['egret lamp', 'prices (2).md'], ['kestrel clause', 'forwarded.eml/terms.md']]) {
		assert.equal((await finds(bob, word))[0].name, `lamps.eml/${name}`, word);
	}
	const answer = await ask(carrel, 'bob', 'What does the heron lamp cost?');
	assert.match(answer.answer, /4711 EUR/);
	assert.equal(answer.citations[0].documentId, list.find((d) => d.name === 'lamps.eml/prices.md').id);
});

test('whoever may not read the mail sees nothing of what is in it', async () => {
	const [part] = (await partsOf(bob, first.documentId)).filter((d) => d.name.endsWith('prices.md'));
	const absent = await eve('GET', '/v1/no-such-thing');
	for (const url of [`/v1/documents?parent=${first.documentId}`, `/v1/documents?parent=${part.id}`, `/v1/documents/${part.id}`, `/v1/documents/${part.id}/content`,
		`/v1/documents/${part.id}/acl`, `/v1/documents/${part.id}/impact`, '/v1/documents?parent=doc_01M0000000000000000000000']) {
		const r = await eve('GET', url);
		assert.deepEqual([r.status, r.text], [404, absent.text], url);
	}
	assert.equal((await finds(eve, 'heron lamp')).length, 0);
	assert.deepEqual(ok(await eve('GET', '/v1/documents?limit=200')).documents, []);
});

test('a revocation on the mail holds for what is in it at the next request', async () => {
	const doc = `/v1/documents/${first.documentId}`;
	const parts = await partsOf(ada, first.documentId);
	const deep = (await partsOf(ada, parts.find((d) => d.name.endsWith('forwarded.eml')).id))[0];
	const hit = (await finds(bob, 'kestrel clause'))[0];
	const told = await ask(carrel, 'bob', 'Within how many days does the kestrel clause allow returns?');
	assert.match(told.answer, /83 days/);
	ok(await ada('PUT', `${doc}/acl`, { entries: [entry('ada', 'own'), entry('eve', 'read')] }));
	for (const d of [...parts, deep]) {
		for (const more of ['', '/content', '/text', '/versions']) {
			assert.equal((await bob('GET', `/v1/documents/${d.id}${more}`)).status, 404, `${d.name}${more}`);
		}
		assert.equal((await eve('GET', `/v1/documents/${d.id}`)).status, 200, d.name);
	}
	assert.equal((await bob('GET', `/v1/chunks/${hit.chunkId}`)).status, 404);
	assert.equal((await finds(bob, 'kestrel clause')).length, 0);
	assert.equal((await finds(eve, 'kestrel clause')).length, 1);
	const run = ok(await bob('GET', `/v1/runs/${told.run}`));
	assert.ok(run.withheld && run.answer === '' && !JSON.stringify(run).includes('kestrel'), JSON.stringify(run));
	assert.ok(!JSON.stringify(ok(await bob('GET', '/v1/jobs?limit=200'))).includes('lamps.eml'));
	ok(await ada('DELETE', `${doc}/acl`));
	assert.equal((await finds(bob, 'kestrel clause')).length, 1);
	assert.equal((await finds(eve, 'kestrel clause')).length, 0);
	assert.equal((await eve('GET', `/v1/documents/${deep.id}`)).status, 404);
});

test('a part has no permissions and no name of its own', async () => {
	const [part] = await partsOf(ada, first.documentId);
	for (const r of [
		await ada('PUT', `/v1/documents/${part.id}/acl`, { entries: [entry('eve', 'read')] }),
		await ada('DELETE', `/v1/documents/${part.id}/acl`),
		await ada('PATCH', `/v1/documents/${part.id}`, { name: 'mine.md' }),
		await carrel.upload('ada', 'post', 'lamps.eml/prices.md', '# Mine\n\nNo.\n'),
	]) {
		assert.deepEqual([r.status, r.json.error?.code], [409, 'part_of_document'], r.text);
	}
	assert.equal((await eve('GET', `/v1/documents/${part.id}`)).status, 404);
});

test('it is renamed with its mail', async () => {
	ok(await ada('PATCH', `/v1/documents/${first.documentId}`, { name: 'offers/lamps 2026.eml' }));
	const list = await partsOf(ada, first.documentId);
	assert.ok(list.length === 4 && list.every((d) => d.name.startsWith('offers/lamps 2026.eml/')), names(list).join());
	assert.equal((await finds(bob, 'kestrel clause'))[0].name, 'offers/lamps 2026.eml/forwarded.eml/terms.md');
});

test('a newer mail has its own attachments; the old ones that it has not are gone', async () => {
	const before = await partsOf(ada, first.documentId);
	const again = await bring('offers/lamps 2026.eml', mail({
		subject: 'Lamps, again',
		files: [{ name: 'prices.md', content: PRICES.replace('4711', '4712'), type: 'text/markdown' }, { name: 'new.txt', content: 'The stork lamp is sold out.\n' }],
	}));
	assert.equal(again.documentId, first.documentId);
	const now = await partsOf(ada, first.documentId);
	assert.deepEqual(names(now).map((n) => path.basename(n)), ['new.txt', 'prices.md']);
	const prices = (list) => list.find((d) => d.name.endsWith('/prices.md'));
	assert.equal(prices(now).id, prices(before).id);
	assert.equal(prices(now).version, 2);
	assert.match((await finds(bob, 'heron lamp'))[0].text, /4712/);
	assert.equal((await finds(bob, 'kestrel clause')).length, 0);
	assert.equal(ok(await machine('POST', '/v1/reindex', { all: true }), 202).jobs, 3);
	await until(async () => (await machine('GET', '/healthz')).json.jobs.queued + (await machine('GET', '/healthz')).json.jobs.running === 0, 'all is reindexed', 60000);
	assert.deepEqual((await partsOf(ada, first.documentId)).map((d) => [d.id, d.version]).sort(), now.map((d) => [d.id, d.version]).sort());
});

test('what is embedded in a PDF is taken in', async () => {
	const folder = temporaryFolder();
	writeFileSync(path.join(folder, 'plain.pdf'), makePdf([['Invoice 17', 'Details are attached.']]));
	writeFileSync(path.join(folder, 'details.csv'), 'item;price\nbittern lamp;99\n');
	execFileSync('qpdf', ['--add-attachment', 'details.csv', '--', 'plain.pdf', 'invoice.pdf'], { cwd: folder });
	const r = await bring('invoice.pdf', readFileSync(path.join(folder, 'invoice.pdf')));
	rmSync(folder, { recursive: true });
	assert.deepEqual(names(await partsOf(bob, r.documentId)), ['invoice.pdf/details.csv']);
	assert.match((await finds(bob, 'bittern lamp'))[0].text, /99/);
});

test('one alone may be deleted, and stays so until its mail changes', async () => {
	const files = [{ name: 'a.md', content: '# A\n\nThe dunlin is small.\n' }, { name: 'b.md', content: '# B\n\nThe godwit is large.\n' }];
	const m = await bring('birds.eml', mail({ subject: 'Birds', files }));
	const a = (await partsOf(ada, m.documentId)).find((d) => d.name.endsWith('a.md'));
	ok(await ada('DELETE', `/v1/documents/${a.id}`), 202);
	assert.equal((await finds(bob, 'dunlin')).length, 0);
	const twin = await bring('birds.eml', mail({ subject: 'Birds', files }));
	assert.equal(twin.arrival, 'duplicate');
	assert.deepEqual(names(await partsOf(ada, m.documentId)), ['birds.eml/b.md']);
	await bring('birds.eml', mail({ subject: 'Birds', text: 'Newer.', files }));
	assert.deepEqual(names(await partsOf(ada, m.documentId)), ['birds.eml/a.md', 'birds.eml/b.md']);
});

test('attachments in an attachment of a conversation are its owner\'s alone', async () => {
	const conversation = await newConversation(carrel, 'bob');
	const m = await bring('private.eml', mail({ subject: 'Private', files: [{ name: 'secret.md', content: '# Secret\n\nThe phalarope code is 90210.\n' }] }),
		{ user: 'bob', collection: null, fields: { conversation } });
	const [part] = await partsOf(bob, m.documentId);
	assert.equal(part.conversationId, conversation);
	assert.match((await ask(carrel, 'bob', 'What is the phalarope code?', { conversation })).answer, /90210/);
	assert.doesNotMatch((await ask(carrel, 'bob', 'What is the phalarope code?')).answer, /90210/);
	for (const call of [ada, eve, machine]) {
		assert.equal((await call('GET', `/v1/documents/${part.id}`)).status, 404);
		assert.equal((await call('GET', `/v1/documents?parent=${m.documentId}`)).status, 404);
		assert.equal((await finds(call, 'phalarope')).length, 0);
		assert.ok(!(await call('GET', '/v1/documents?limit=200')).text.includes('private.eml'));
	}
	const shown = ok(await bob('GET', `/v1/conversations/${conversation}`));
	assert.ok(shown.attachments.some((d) => d.id === m.documentId));
	ok(await bob('DELETE', `/v1/conversations/${conversation}`), 204);
	assert.equal((await bob('GET', `/v1/documents/${part.id}`)).status, 404);
});

test('all of it goes with the mail', async () => {
	const m = await bring('gone.eml', mail({ subject: 'Gone', files: [{ name: 'x.md', content: '# X\n\nThe corncrakelike hides in the hay.\n' },
		{ name: 'in.eml', content: mail({ subject: 'In', files: [{ name: 'y.md', content: '# Y\n\nThe wheatearwing left in autumn.\n' }] }) }] }));
	const impact = ok(await ada('GET', `/v1/documents/${m.documentId}/impact`));
	assert.deepEqual([impact.parts, impact.versions], [3, 4]);
	ok(await ada('DELETE', `/v1/documents/${m.documentId}`), 202);
	for (const word of ['corncrakelike', 'wheatearwing']) {
		assert.equal((await finds(bob, word)).length, 0, word);
	}
	assert.deepEqual(ok(await bob('GET', '/v1/documents?q=gone.eml')).documents, []);
	await until(async () => (await machine('GET', '/healthz')).json.jobs.queued + (await machine('GET', '/healthz')).json.jobs.running === 0, 'it is purged', 60000);
	await carrel.server.stop();
	const where = wordsInFiles(carrel.data);
	assert.deepEqual([where('corncrakelike'), where('wheatearwing')], [undefined, undefined]);
	await carrel.start();
});

test('the command line tells of them', async () => {
	const folder = temporaryFolder();
	mkdirSync(path.join(folder, 'in'));
	writeFileSync(path.join(folder, 'in', 'cli.eml'), mail({ subject: 'Cli', files: [{ name: 'a.md', content: '# A\n\nThe avocet wades.\n' },
		{ name: 'bad.bin', content: Buffer.from([0, 1, 2, 3, 250, 0]) }] }));
	const args = ['--data', carrel.data];
	const ingest = () => runCarrel(['ingest', path.join(folder, 'in'), '--collection', 'post', ...args]);
	const r = await ingest();
	assert.equal(r.status, 0, r.stderr);
	assert.match(r.stdout, /1 done with 2 attachments, 0 skipped, 0 failed/);
	assert.match(r.stderr, /1 of 2 attachments or embedded files were not read/);
	assert.match((await ingest()).stdout, /0 done, 1 skipped, 0 failed/);
	const shown = await runCarrel(['doc', 'show', 'post/cli.eml/a.md', ...args]);
	assert.match(shown.stdout, /inside of\s+cli\.eml/);
	assert.match((await runCarrel(['doc', 'list', '--collection', 'post', ...args])).stdout, /post\/cli\.eml\/a\.md .*inside/);
	const checked = await (async () => {
		await carrel.server.stop();
		const c = await runCarrel(['check', ...args]);
		await carrel.start();
		return c;
	})();
	assert.equal(checked.status, 0, checked.stdout + checked.stderr);
	rmSync(folder, { recursive: true });
});
