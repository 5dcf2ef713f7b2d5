// The web page as files: what the browser is told about them. How the page works is told in tests/browser.
import test from 'node:test';
import assert from 'node:assert/strict';
import { gunzipSync } from 'node:zlib';
import { request, startCarrel } from './carrel.mjs';

let server, page;
test.before(async () => {
	server = await startCarrel();
	page = await get('/');
});
test.after(() => server.stop());

const get = (url, headers = {}, method = 'GET') => request(server, method, url, { headers });
const filesOf = (html) => [...html.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map((m) => m[1]);

test('nothing inline, nothing from elsewhere', () => {
	assert.equal(page.status, 200);
	assert.equal(page.headers['content-type'], 'text/html; charset=utf-8');
	const policy = page.headers['content-security-policy'];
	assert.match(policy, /default-src 'none'/);
	assert.match(policy, /require-trusted-types-for 'script'/);
	assert.doesNotMatch(policy, /unsafe|https?:|\*/);
	assert.equal(page.headers['referrer-policy'], 'no-referrer');
	assert.doesNotMatch(page.text, /<style|<script>|style=|\son\w+=|https?:\/\//);
	assert.equal(filesOf(page.text).length, 3);
});

test('the page is asked for anew, its files never again', async () => {
	assert.equal(page.headers['cache-control'], 'no-cache');
	const again = await get('/', { 'if-none-match': `"other", ${page.headers.etag}` });
	assert.equal(again.status, 304);
	assert.equal(again.body.length, 0);
	assert.equal((await get('/', { 'if-none-match': '"other"' })).status, 200);
	for (const url of filesOf(page.text)) {
		const file = await get(url);
		assert.equal(file.status, 200, url);
		assert.match(file.headers['cache-control'], /max-age=31536000, immutable/);
		assert.match(file.headers['content-type'], /^(text\/javascript|text\/css|image\/svg\+xml)/);
		const head = await get(url, {}, 'HEAD');
		assert.deepEqual([head.status, head.headers['content-length'], head.body.length], [200, String(file.body.length), 0]);
	}
});

test('compressed for whoever takes it', async () => {
	for (const url of ['/', ...filesOf(page.text)]) {
		const plain = await get(url);
		assert.equal(plain.headers['content-encoding'], undefined);
		for (const takes of ['gzip', 'br, gzip;q=0.5', 'deflate, gzip ; q=1']) {
			const packed = await get(url, { 'accept-encoding': takes });
			assert.equal(packed.headers['content-encoding'], 'gzip', takes);
			assert.equal(packed.headers.vary, 'Accept-Encoding');
			assert.deepEqual(gunzipSync(packed.body), plain.body);
		}
		for (const not of ['br', 'gzip;q=0', 'gzip; q=0.000']) {
			assert.equal((await get(url, { 'accept-encoding': not })).headers['content-encoding'], undefined, not);
		}
	}
});

test('what is not there is absent, whatever its name', async () => {
	for (const name of ['nothing.js', 'index.html', '..%2findex.html', '%2e%2e', 'app.js%00']) {
		const answer = await get(`/assets/${name}`);
		assert.ok([400, 404].includes(answer.status), `${name}: ${answer.status}`);
	}
	assert.equal((await get('/assets/')).status, 404);
	assert.equal((await get('/', {}, 'POST')).status, 405);
});
