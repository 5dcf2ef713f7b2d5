// What is shown of documents: lists, images of pages, downloads, in a browser.
import test from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { multipart, ROOT } from './carrel.mjs';
import { openKitchen } from './kitchen.mjs';
import { unlisted } from './openapi.mjs';
import { ask, assertError, ghost } from './people.mjs';

const { carrel, ids, op, as, get, send, post, bring, found } = await openKitchen();

const SOUP = { name: 'soup.md', bytes: '# Soup\n\nA good broth wants marjoram and patience.\n', type: 'text/markdown' };
ids.soup = (await bring('writer', 'kitchen', SOUP)).documentId;
ids.soupChunk = (await found('marjoram patience', 'reader'))[0].chunkId;

test('lists are sorted, searched and filtered; every page holds what the asker may read', async () => {
	const c = (await op('POST', '/v1/collections', { name: 'shelf', acl: [{ principal: 'user:reader', right: 'read' }, { principal: 'user:owner', right: 'own' }] })).id;
	const files = [['Über Zwiebeln.md', 'onions'], ['apfel.md', 'apples and pears, at some length'], ['Birne.md', 'pears'], ['apfel 2.md', 'a']];
	for (const [name, words] of files) {
		await bring('owner', 'shelf', { name, bytes: `# Of ${words}\n\nWhat is said of ${words}.\n` });
	}
	const hidden = await bring('owner', 'shelf', { name: 'apfel geheim.md', bytes: '# Of apples\n\nSecret apples.\n' }, { acl: JSON.stringify([{ principal: 'user:owner', right: 'own' }]) });
	const broken = await bring('owner', 'shelf', { name: 'zzz.pdf', bytes: '%PDF-1.4 and nothing' });
	assert.notEqual(broken.job.state, 'done');
	const names = async (query, name = 'reader') => {
		const all = [];
		for (let next = ''; next !== null;) {
			const r = await get(`/v1/documents?collection=${c}&limit=2&${query}${next && `&after=${next}`}`, name);
			assert.equal(r.status, 200, r.text);
			assert.equal(unlisted('GET', '/v1/documents', r), null);
			assert.ok(r.json.documents.length === 2 || r.json.next === null, 'a page is full or the last');
			all.push(...r.json.documents.map((d) => d.name));
			next = r.json.next;
		}
		return all;
	};
	const byName = ['apfel 2.md', 'apfel.md', 'Birne.md', 'Über Zwiebeln.md', 'zzz.pdf'];
	assert.deepEqual(await names(''), byName);
	assert.deepEqual(await names('sort=-name'), [...byName].reverse());
	assert.deepEqual(await names('', 'owner'), ['apfel 2.md', 'apfel geheim.md', ...byName.slice(1)]);
	assert.deepEqual(await names('sort=created'), [...files.map(([n]) => n), 'zzz.pdf']);
	const bytes = await names('sort=bytes');
	assert.deepEqual(await names('sort=-bytes'), [...bytes].reverse());
	assert.equal(bytes.at(-1), 'apfel.md');
	for (const sort of ['pages', '-pages', 'state', '-state', '-created']) {
		assert.deepEqual((await names(`sort=${sort}`)).sort(), [...byName].sort(), sort);
	}
	assert.deepEqual(await names('q=APFEL'), ['apfel 2.md', 'apfel.md']);
	assert.deepEqual(await names(`q=${encodeURIComponent('ÜBER zw')}`), ['Über Zwiebeln.md']);
	assert.deepEqual(await names('q=of%20pears'), ['Birne.md'], 'the title');
	assert.deepEqual(await names('q=%25'), []);
	assert.deepEqual(await names('state=failed'), ['zzz.pdf']);
	assert.deepEqual(await names('state=failed,indexed&sort=-name'), [...byName].reverse());

	const first = (await get(`/v1/documents?collection=${c}&limit=1`, 'reader')).json;
	for (const q of ['sort=size', 'sort=', 'state=lost', 'state=', 'state=failed,', `q=${'x'.repeat(501)}`, 'after=x', `after=${first.next}&sort=created`, `after=${first.next}x`,
		`after=${Buffer.from(JSON.stringify([0, 7, ids.soup])).toString('base64url')}`, `after=${Buffer.from('[0,"a","doc_x"]').toString('base64url')}`]) {
		assertError(await get(`/v1/documents?collection=${c}&${q}`, 'reader'), 400, 'bad_parameter');
	}

	// What stands beside each: the right, who may read it, and its job as long as that is not done.
	const shown = async (id, name) => (await get(`/v1/documents/${id}`, name)).json;
	const bad = await shown(broken.documentId, 'reader');
	assert.deepEqual([bad.job.id, bad.job.state, bad.right], [broken.jobId, 'failed', 'read']);
	assert.ok(bad.job.message.length > 10);
	assert.deepEqual(bad.access, { workspace: false, groups: [], users: 2, you: true });
	const secret = await shown(hidden.documentId, 'owner');
	assert.deepEqual([secret.access, secret.job, secret.right], [{ workspace: false, groups: [], users: 1, you: true }, null, 'own']);
	await op('POST', '/v1/groups', { name: 'Cooks' });
	await send('PUT', `/v1/documents/${hidden.documentId}/acl`, 'owner', { entries: [{ principal: 'group:Cooks', right: 'read' }, { principal: 'workspace', right: 'read' }] });
	assert.deepEqual((await shown(hidden.documentId, 'outsider')).access, { workspace: true, groups: ['Cooks'], users: 0, you: false });
	const shelves = (await get('/v1/collections', 'reader')).json.collections;
	assert.deepEqual(shelves.find((x) => x.id === c).access, { workspace: false, groups: [], users: 2, you: true });

	// Jobs by their ids: those that one may see, in that order.
	const jobs = async (list, name) => (await get(`/v1/jobs?ids=${list}`, name)).json.jobs.map((j) => j.id);
	await op('PUT', `/v1/documents/${hidden.documentId}/acl`, { entries: [{ principal: 'user:owner', right: 'own' }] });
	assert.deepEqual(await jobs([hidden.jobId, broken.jobId, ghost('job')], 'owner'), [hidden.jobId, broken.jobId]);
	assert.deepEqual(await jobs([hidden.jobId, broken.jobId, ghost('job')], 'reader'), [broken.jobId]);
	assert.deepEqual(await jobs([hidden.jobId, broken.jobId], 'outsider'), []);
	for (const list of ['x', `${broken.jobId},x`, Array(101).fill(broken.jobId), ids.soup]) {
		assertError(await get(`/v1/jobs?ids=${list}`, 'reader'), 400, 'bad_parameter');
	}
	assert.equal((await jobs(Array(100).fill(broken.jobId), 'reader')).length, 100);
});

test('lists: in pages, of a collection, and every wrong parameter', async () => {
	const all = (await get('/v1/documents?limit=200', 'reader')).json.documents.map((d) => d.id);
	const paged = [];
	for (let next = ''; next !== null;) {
		const page = (await get(`/v1/documents?limit=3${next && `&after=${next}`}`, 'reader')).json;
		paged.push(...page.documents.map((d) => d.id));
		next = page.next;
	}
	assert.deepEqual(paged, all);
	assert.ok((await get('/v1/documents?collection=kitchen', 'reader')).json.documents.every((d) => d.collectionId === ids.kitchen));
	assertError(await get('/v1/documents?collection=cellar', 'reader'), 404, 'not_found');
	assertError(await get('/v1/documents?collection=nowhere', 'reader'), 404, 'not_found');
	for (const q of ['limit=0', 'limit=201', 'limit=many', 'after=x', `after=${ghost('col')}`]) {
		assertError(await get(`/v1/documents?${q}`, 'reader'), 400, 'bad_parameter');
	}
	const absent = (await get(`/v1/documents/${ghost('doc')}`, 'reader')).text;
	for (const id of ['x', 'doc_', ids.soup.toLowerCase(), `${ids.soup}x`, ids.kitchen, '..', '%2e%2e', '%20']) {
		const r = await get(`/v1/documents/${id}`, 'reader');
		assert.equal(r.status, 404, `${id}: ${r.text}`);
		assert.equal(r.text, absent);
	}
});

test('pages of a PDF are images, with the passage highlighted', async () => {
	const d = await bring('writer', 'kitchen', { name: 'travel-policy.pdf', bytes: readFileSync('fixtures/documents/company/travel-policy.pdf') });
	assert.equal(d.job.state, 'done');
	const [hit] = (await send('POST', '/v1/search', 'reader', { query: 'most a hotel room in Milan may cost', limit: 1 })).json.passages;
	assert.equal(hit.documentId, d.documentId);
	const chunk = (await get(`/v1/chunks/${hit.chunkId}`, 'reader')).json;
	assert.equal(chunk.pageFirst, 2);
	const image = (page, q = '') => get(`/v1/documents/${d.documentId}/pages/${page}.png${q}`, 'reader');
	const width = (r) => r.bytes.readUInt32BE(16);
	const plain = await image(chunk.pageFirst, '?width=300');
	assert.equal(plain.status, 200, plain.text.slice(0, 300));
	assert.equal(plain.headers['content-type'], 'image/png');
	assert.equal(plain.bytes.subarray(0, 8).toString('hex'), '89504e470d0a1a0a');
	assert.equal(width(plain), 300);
	const marked = await image(chunk.pageFirst, `?width=300&chunk=${hit.chunkId}`);
	assert.equal(width(marked), 300);
	assert.notDeepEqual(marked.bytes, plain.bytes, 'the passage is highlighted');
	assert.deepEqual((await image(chunk.pageFirst, '?width=300')).bytes, plain.bytes, 'the same again');
	assert.equal(width(await image(1, '?width=64')), 64);
	for (const page of ['0', '-1', '999', 'x', '1x', '01', '1e3', '99999999999999999999', '']) {
		const r = await image(page);
		assertError(r, 404, 'not_found');
	}
	for (const w of ['63', '2401', 'x', '-5', '']) {
		assertError(await image(1, `?width=${w}`), 400, 'bad_parameter');
	}
	for (const id of [ghost('chk'), 'x', '', ids.soupChunk]) {
		assertError(await image(1, `?chunk=${id}`), 404, 'not_found');
	}
	const noPages = await get(`/v1/documents/${ids.soup}/pages/1.png`, 'reader');
	assertError(noPages, 422, 'no_pages');
	assert.equal((await ask(carrel, 'GET', `/v1/documents/${d.documentId}/pages/1.png`, { headers: as('outsider') })).status, 404);
});

test('downloads give the very bytes under a harmless name', async () => {
	const bytes = Buffer.from('<script>alert(1)</script> the price of basil\n');
	for (const name of ['a"b.html', 'c\r\nSet-Cookie: x=1\r\n.html', '../../etc/passwd', '..\\..\\windows.html', 'ü 文件 \u202egnp.html', `${'n'.repeat(900)}.html`, '%0d%0a.html',
		"it's;x=1.html", 'C:\\temp\\x.html', '.hidden', ' ', '\u200b.html']) {
		const f = multipart({ collection: 'kitchen', name }, [{ name: 'x.html', content: Buffer.concat([bytes, Buffer.from(JSON.stringify(name))]) }]);
		const r = await post('writer', f);
		assert.equal(r.status, 202, `${JSON.stringify(name)}: ${r.text}`);
		const d = (await get(`/v1/documents/${r.json.documentId}`, 'reader')).json;
		assert.ok(!d.name.split('/').includes('..') && !/[\r\n\u202e\u200b\\]/.test(d.name) && d.name.trim() === d.name && d.name, JSON.stringify(d.name));
		const c = await get(`/v1/documents/${r.json.documentId}/content`, 'reader');
		assert.equal(c.status, 200);
		assert.deepEqual(c.bytes, Buffer.concat([bytes, Buffer.from(JSON.stringify(name))]));
		assert.equal(c.headers['set-cookie'], undefined);
		assert.equal(c.headers['x-content-type-options'], 'nosniff');
		assert.match(c.headers['content-security-policy'], /sandbox/);
		assert.match(c.headers['content-disposition'], /^attachment; filename="[^"\\\r\n/]+"; filename\*=UTF-8''[A-Za-z0-9!#$&+.^_`|~%-]+$/);
		const shown = decodeURIComponent(c.headers['content-disposition'].split("UTF-8''")[1]);
		assert.equal(shown, d.name.split('/').at(-1));
	}
});

test('a browser shows what runs nothing, and saves the rest', async () => {
	const pdf = { name: 'menu.pdf', bytes: Buffer.concat([readFileSync(path.join(ROOT, 'fixtures/documents/company/price-list-2026.pdf')), Buffer.from('\n% menu\n')]) };
	const files = [[pdf, 'application/pdf', false],
		[{ name: 'plain.txt', bytes: 'Grüße aus der Küche, in plain words.\n' }, 'text/plain; charset=utf-8', true],
		[{ name: 'latin.txt', bytes: Buffer.from('Gr\xfc\xdfe aus der K\xfcche, in plain words, once more.\n', 'latin1') }, 'text/plain', true],
		[{ name: 'notes.md', bytes: '# Notes <script>alert(1)</script>\n\nSome [link](javascript:alert(1)) here.\n' }, 'text/plain; charset=utf-8', true],
		[{ name: 'prices.csv', bytes: 'article,price\nquince jam,4.50\nrose hip tea,3.20\nplum butter,5.10\n' }, 'text/plain; charset=utf-8', true],
		[{ name: 'data.xml', bytes: '<?xml version="1.0"?><menu xmlns:h="http://www.w3.org/1999/xhtml"><dish>Soup</dish><h:script>alert(1)</h:script></menu>' }, 'text/plain; charset=utf-8', true],
		[{ name: 'order.eml', bytes: 'From: a@b.example\r\nTo: c@d.example\r\nSubject: an order\r\nDate: Tue, 3 Mar 2026 10:00:00 +0100\r\n\r\nTwo jars of jam, please.\r\n' }, 'text/plain; charset=utf-8', true],
		[{ name: 'page.html', bytes: '<!DOCTYPE html><html><body><h1>Page</h1><script>alert(1)</script><p>Words of the page.</p></body></html>' }, null]];
	for (const [file, type, sandboxed] of files) {
		const d = await bring('writer', 'kitchen', file);
		const saved = await get(`/v1/documents/${d.documentId}/content`, 'reader');
		const shown = await get(`/v1/documents/${d.documentId}/content?inline=1`, 'reader');
		assert.equal(shown.status, 200, shown.text);
		assert.match(saved.headers['content-disposition'], /^attachment; /);
		assert.deepEqual(shown.bytes, saved.bytes);
		assert.equal(shown.headers['x-content-type-options'], 'nosniff');
		const policy = shown.headers['content-security-policy'];
		assert.match(policy, /default-src 'none'/);
		assert.ok(!policy.includes('script'), policy);
		if (type === null) {
			assert.match(shown.headers['content-disposition'], /^attachment; /, file.name);
			assert.equal(policy, saved.headers['content-security-policy']);
			continue;
		}
		assert.match(shown.headers['content-disposition'], /^inline; /, file.name);
		assert.equal(shown.headers['content-type'], type, file.name);
		assert.equal(/(^|; )sandbox(;|$)/.test(policy), sandboxed, policy);
	}
	assertError(await get(`/v1/documents/${ids.soup}/content?inline=2`, 'reader'), 400, 'bad_parameter');
});
