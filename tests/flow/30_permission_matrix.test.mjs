// Every route × everybody who may ask × every way a credential comes. What is expected follows from the
// route's row (access, needs) and the asker alone; a route without a sample request below fails, and so
// does a sample without a route. What is refused as absent is byte for byte the answer for an id that
// nothing has.
import test from 'node:test';
import assert from 'node:assert/strict';
import http from 'node:http';
import { startCarrel } from './carrel.mjs';
import { mail } from './mails.mjs';
import { unlisted } from './openapi.mjs';
import { ask, assertErrorShape, bearer, cookieOnly, form, ghost, operate, routeTable, signIn, withCsrf } from './people.mjs';
import { addressOf, PASSWORD, SAMPLES, Things } from './samples.mjs';

const RIGHTS = ['none', 'read', 'write', 'own'];
const ROLES = ['member', 'admin', 'operator'];

// ── who asks ──

// right: on the collection and all in it. owns: conversations, sign-ins and tokens of the samples are its own.
const PEOPLE = {
	anonymous: { nobody: true },
	stranger: { role: 'admin', right: 'none', elsewhere: true },
	outsider: { role: 'member', right: 'none' },
	reader: { role: 'member', right: 'read' },
	writer: { role: 'member', right: 'write' },
	owner: { role: 'member', right: 'own', owns: true },
	admin: { role: 'admin', right: 'none' },
	operator: { role: 'operator', right: 'none' },
	disabled: { role: 'admin', right: 'own', disabled: true },
	revoked: { role: 'admin', right: 'own', revoked: true },
};

// ── how the credential comes: headers, and whom they make ──

const CARRIERS = {
	none: { headers: () => ({}), nobody: true },
	cookie: { headers: cookieOnly, cookie: true },
	'cookie + CSRF': { headers: withCsrf },
	access: { headers: (p) => bearer(p.access) },
	'API token': { headers: (p) => bearer(p.token) },
	query: { headers: () => ({}), query: (p) => `access_token=${p.access}&token=${p.token}`, nobody: true },
	socket: { headers: (p) => ({ 'x-carrel-as': p.name }), socket: true },
	'X-Carrel-As over TCP': { headers: (p) => ({ 'x-carrel-as': p.name }), nobody: true },
};

// The requests of a document that may be made of one that came inside of another (its mail decides the rest).
const OF_PARTS = Object.keys(SAMPLES).filter((key) => key.startsWith('GET /v1/documents/{id}') && !key.endsWith('.png'));
const NOT_OF_PARTS = ['PATCH /v1/documents/{id}', 'PUT /v1/documents/{id}/acl', 'DELETE /v1/documents/{id}/acl'];

const carrel = await startCarrel({ settings: { 'login-tries': 1000 } });
test.after(() => carrel.stop());

const people = {}; // name -> { name, id, cookie, csrf, access, token }
const ok = (r) => {
	assert.ok(r.status >= 200 && r.status < 300, `${r.status} ${r.text}`);
	return r.json;
};
const operator = async (...args) => ok(await operate(carrel, ...args));
const entries = () => Object.entries(PEOPLE).filter(([, p]) => !p.nobody && p.right !== 'none')
	.map(([name, p]) => ({ principal: people[name].id, right: p.right }));
const things = new Things(carrel, entries);
const { ids, fresh } = things; // of the shared objects; makes one anew

async function makePerson(name, p) {
	const options = p.elsewhere ? { workspace: 'elsewhere' } : {};
	const made = await operator('POST', '/v1/users', { name, role: p.role, password: PASSWORD }, options);
	const s = await signIn(carrel, name, PASSWORD);
	const token = ok(await ask(carrel, 'POST', '/v1/tokens', { body: { name: 'matrix' }, headers: bearer(s.access) }));
	people[name] = { ...s, name, id: made.id, token: token.token, tokenId: token.id };
}

async function setUp() {
	await operator('POST', '/v1/workspaces', { name: 'elsewhere' });
	await Promise.all(Object.entries(PEOPLE).filter(([, p]) => !p.nobody).map(([name, p]) => makePerson(name, p)));
	people.anonymous = { name: '', cookie: 'carrel_session=', csrf: '', access: '', token: '' };
	await things.makeShared(people.owner);
	await operator('PATCH', `/v1/users/${people.disabled.id}`, { disabled: true });
	const headers = bearer(people.revoked.access);
	ok(await ask(carrel, 'DELETE', `/v1/tokens/${people.revoked.tokenId}`, { headers }));
	ok(await ask(carrel, 'POST', '/v1/auth/logout', { headers, body: { everywhere: true } }));
}

// ── what the row and the asker lead to: 'open', 401, 'csrf', 404 ──

// Whom the server must take the request for: a key of PEOPLE, or null for nobody.
function identity(who, carrier) {
	const p = PEOPLE[who];
	if (p.nobody || CARRIERS[carrier].nobody || p.disabled || (p.revoked && carrier !== 'socket')) {
		return null;
	}
	return who;
}

const atLeast = (list, have, want) => list.indexOf(have) >= list.indexOf(want);

// needs is WHAT:RIGHT, or WHAT:RIGHT|admin where an admin of the workspace may as well.
const KINDS = {
	document: (p, right) => RIGHTS.includes(right) && atLeast(RIGHTS, p.right, right),
	collection: (p, right) => KINDS.document(p, right),
	chunk: (p, right) => KINDS.document(p, right),
	job: (p, right) => KINDS.document(p, right),
	conversation: (p) => p.owns === true,
	run: (p) => p.owns === true,
	session: (p) => p.owns === true,
	token: (p) => p.owns === true,
	user: (p) => !p.elsewhere && atLeast(ROLES, p.role, 'admin'),
	group: (p) => !p.elsewhere && atLeast(ROLES, p.role, 'admin'),
};
// Those that name nothing: what is listed or found is what the asker may see.
const NEEDS_NOTHING = ['page', 'health', 'bootstrap', 'password', 'self', 'user', 'list', 'search', 'admin', 'operator'];

function mayDo(route, p) {
	const [kind, rights] = route.needs.split(':');
	if (rights === undefined) {
		assert.ok(NEEDS_NOTHING.includes(kind), `${route.needs}: not a known need`);
		return true;
	}
	assert.ok(KINDS[kind], `${route.needs}: not a known need`);
	return rights.split('|').some((right) => (right === 'admin' && !p.elsewhere && atLeast(ROLES, p.role, 'admin')) || KINDS[kind](p, right));
}

function expected(route, sample, who, carrier) {
	const me = identity(who, carrier);
	if (route.needs === 'cookie') {
		return me && carrier.startsWith('cookie') ? 'open' : 401;
	}
	if (route.access === 'public') {
		return 'open';
	}
	if (!me) {
		return 401;
	}
	if (CARRIERS[carrier].cookie && !['GET', 'HEAD'].includes(route.method)) {
		return 'csrf';
	}
	const p = PEOPLE[me];
	if (route.access === 'machine') {
		return p.role === 'operator' && CARRIERS[carrier].socket ? 'open' : 404;
	}
	const role = route.access === 'user' ? 'member' : route.access;
	return atLeast(ROLES, p.role, role) && mayDo(route, p) ? 'open' : 404;
}

// ── one request of a route ──

function request(route, sample, who, carrier, at, person = people[who], broken = false) {
	const c = CARRIERS[carrier];
	const parts = sample.ask(at);
	const path = addressOf(route, sample, at);
	const query = [parts.query, c.query?.(person)].filter(Boolean).join('&');
	const headers = { ...parts.headers, ...c.headers(person) };
	if (!person.name && carrier !== 'none') {
		delete headers['x-carrel-as'];
	}
	return ask(carrel, route.method, path + (query && `?${query}`), { headers, body: broken ? '{"nonsense":1}' : parts.body, socket: c.socket });
}

// A collection that is named beside the path is as absent as one in it.
const BESIDE = {
	'POST /v1/search': (ids) => ({ body: { query: 'hotel in Milan', collections: [ids.collection] } }),
	'POST /v1/search/ranking': (ids) => ({ body: { query: 'hotel in Milan', collections: [ids.collection] } }),
	'POST /v1/prompt': (ids) => ({ body: { input: 'hotel in Milan', collections: [ids.collection] } }),
	'POST /v1/chat': (ids) => ({ body: { messages: [{ role: 'user', content: 'How high?' }], collections: [ids.collection] } }),
	'GET /v1/documents': (ids) => ({ query: `collection=${ids.collection}` }),
};

const nowhere = () => Object.fromEntries(Object.entries(ids).map(([k, v]) => [k, typeof v === 'string' ? ghost(v.split('_')[0]) : 99999]));

function same(a, b, label) {
	assert.equal(a.status, b.status, label);
	assert.equal(a.text, b.text, label);
	const names = (r) => Object.keys(r.headers).sort();
	assert.deepEqual(names(a), names(b), label);
}

let unauthenticated, absentText;
const shaped = (r) => (r.status >= 400 ? assertErrorShape(r) : undefined);

async function checkRefused(route, sample, who, carrier, want, label) {
	const r = await request(route, sample, who, carrier, ids);
	assert.equal(r.status, want === 'csrf' ? 403 : want, `${label}: ${r.status} ${r.text.slice(0, 300)}`);
	shaped(r);
	if (want === 401) {
		assert.equal(r.text, unauthenticated.text, label);
	} else if (want === 'csrf') {
		assert.equal(r.json.error.code, 'csrf', label);
	} else {
		assert.equal(r.text, absentText, label);
		same(r, await request(route, sample, who, carrier, nowhere()), `${label}: forbidden and absent differ`);
		if (route.body === 'json') {
			same(await request(route, sample, who, carrier, ids, people[who], true),
				await request(route, sample, who, carrier, nowhere(), people[who], true), `${label}: a bad body tells them apart`);
		}
	}
}

async function checkOpen(route, sample, who, carrier, label) {
	let at = ids;
	let person = people[who];
	if (sample.fresh && PEOPLE[who].nobody !== true) {
		const made = await fresh[sample.fresh](person);
		person = made.as ?? person;
		at = { ...ids, ...made };
	}
	const r = await request(route, sample, who, carrier, at, person);
	const answers = (['API token', 'socket'].includes(carrier) && sample.answersToken) || sample.answers;
	if (answers) {
		assert.equal(r.status, answers[0], `${label}: ${r.status} ${r.text}`);
		shaped(r);
		assert.ok(answers[1] === null || r.json.error.code === answers[1], `${label}: ${r.text}`);
	} else {
		assert.ok(r.status >= 200 && r.status < 300, `${label}: ${r.status} ${r.text.slice(0, 300)}`);
	}
	assert.equal(unlisted(route.method, route.pattern, r), null, label);
}

async function inParallel(jobs, n) {
	const left = [...jobs];
	await Promise.all(Array.from({ length: n }, async () => {
		while (left.length) {
			await left.shift()();
		}
	}));
}

// ── the matrix ──

const only = process.env.MATRIX_ROUTE; // a part of "METHOD /pattern"
let table;

test('the people and their objects', async () => {
	table = await routeTable();
	await setUp();
	unauthenticated = await ask(carrel, 'GET', '/v1/me');
	assert.equal(unauthenticated.status, 401);
	absentText = (await ask(carrel, 'GET', '/v1/no-such-thing')).text;
	assert.match(absentText, /"not_found"/);
});

test('each route has a sample, each sample a route', () => {
	const keys = table.map((r) => `${r.method} ${r.pattern}`);
	assert.deepEqual(keys.filter((k) => !SAMPLES[k]), [], 'routes without a sample request in this test');
	assert.deepEqual(Object.keys(SAMPLES).filter((k) => !keys.includes(k)), [], 'samples without a route');
	assert.equal(new Set(keys).size, keys.length);
});

test('every route × asker × carrier', async (t) => {
	const counts = { open: 0, refused: 0 };
	for (const route of table) {
		const key = `${route.method} ${route.pattern}`;
		const sample = SAMPLES[key];
		if (!sample || (only && !key.includes(only))) {
			continue;
		}
		await t.test(key, async () => {
			const refused = [], open = [];
			for (const who of Object.keys(PEOPLE)) {
				for (const carrier of Object.keys(CARRIERS)) {
					if (who === 'anonymous' && carrier === 'socket') {
						continue; // the machine's operator: below
					}
					const want = expected(route, sample, who, carrier);
					const label = `${key} as ${who} by ${carrier}`;
					if (want === 'open') {
						open.push(() => checkOpen(route, sample, who, carrier, label));
					} else {
						refused.push(() => checkRefused(route, sample, who, carrier, want, label));
					}
				}
			}
			counts.open += open.length;
			counts.refused += refused.length;
			await inParallel(refused, 6);
			await inParallel(sample.guess ? open.slice(0, 2) : open, 3);
		});
	}
	console.log(`${counts.open} granted, ${counts.refused} refused`);
});

test('HEAD tells no more than GET', async () => {
	for (const route of table.filter((r) => r.method === 'GET' && !r.pattern.endsWith('/stream'))) {
		const sample = SAMPLES[`GET ${route.pattern}`];
		for (const who of Object.keys(PEOPLE)) {
			const want = expected(route, sample, who, 'access');
			const r = await request({ ...route, method: 'HEAD' }, sample, who, 'access', ids);
			assert.equal(r.status, want === 'open' ? 200 : want, `HEAD ${route.pattern} as ${who}`);
			assert.equal(r.bytes.length, 0);
		}
	}
});

test('a collection that is named in a body or a query is as absent as one in the path', async () => {
	for (const [key, parts] of Object.entries(BESIDE)) {
		const [method, pattern] = key.split(' ');
		const route = { method, pattern };
		for (const [who, p] of Object.entries(PEOPLE)) {
			if (!identity(who, 'access')) {
				continue;
			}
			const r = await request(route, { ask: parts }, who, 'access', ids);
			const absent = await request(route, { ask: parts }, who, 'access', nowhere());
			assert.equal(absent.text, absentText, `${key} as ${who}`);
			if (p.right === 'none') {
				same(r, absent, `${key} as ${who}`);
			} else {
				assert.equal(r.status, 200, `${key} as ${who}: ${r.text}`);
			}
		}
	}
});

// A mail with a file in it, in a collection of its own: { mail, document: the file, chunk: of it }.
async function makePart() {
	const collection = (await fresh.collection()).collection;
	const content = '# Limpet\n\nThe limpet rule is number 5150.\n';
	const bytes = mail({ subject: 'Limpet', files: [{ name: 'limpet.md', content, type: 'text/markdown' }] });
	const f = form({ collection }, { name: 'limpet.eml', bytes, type: 'message/rfc822' });
	const receipt = ok(await ask(carrel, 'POST', '/v1/documents', { ...f, socket: true }));
	assert.equal((await carrel.operator.jobEnd(receipt.jobId)).state, 'done');
	const [part] = (await operator('GET', `/v1/documents?parent=${receipt.documentId}`)).documents;
	for (let i = 0; i < 500 && (await operator('GET', `/v1/documents/${part.id}`)).state !== 'indexed'; i++) {
		await new Promise((done) => { setTimeout(done, 20); });
	}
	const found = await operator('POST', '/v1/search', { query: 'limpet rule number', limit: 1, collections: [collection] });
	assert.equal(found.passages[0].documentId, part.id);
	return { ...ids, mail: receipt.documentId, document: part.id, chunk: found.passages[0].chunkId };
}

test('what came inside of a document is open to whom that one is, and to nobody else', async () => {
	const part = await makePart();
	const askers = Object.keys(PEOPLE).filter((who) => identity(who, 'access'));
	const routeOf = (key) => table.find((r) => `${r.method} ${r.pattern}` === key);
	const check = async (key, who, granted) => {
		const route = routeOf(key);
		const label = `${key} of a part as ${who}`;
		const want = expected(route, SAMPLES[key], who, 'access');
		const r = await request(route, SAMPLES[key], who, 'access', part);
		if (want === 'open') {
			granted(r, label);
		} else {
			same(r, await request(route, SAMPLES[key], who, 'access', nowhere()), label);
		}
		return want === 'open';
	};
	const read = (r, label) => assert.ok(r.status < 300, `${label}: ${r.status} ${r.text}`);
	const refused = (r, label) => assert.deepEqual([r.status, r.json.error.code], [409, 'part_of_document'], `${label}: ${r.text}`);
	let n = 0;
	for (const who of askers) {
		for (const key of [...OF_PARTS, 'GET /v1/chunks/{id}']) {
			n += await check(key, who, read);
		}
		for (const key of NOT_OF_PARTS) {
			n += await check(key, who, refused);
		}
		const list = await ask(carrel, 'GET', `/v1/documents?parent=${part.mail}`, { headers: bearer(people[who].access) });
		const search = await ask(carrel, 'POST', '/v1/search', { body: { query: 'limpet rule number', limit: 50 }, headers: bearer(people[who].access) });
		assert.equal(list.status, PEOPLE[who].right === 'none' ? 404 : 200, `${who}: ${list.text}`);
		assert.equal(search.text.includes('5150'), PEOPLE[who].right !== 'none', who);
	}
	assert.ok(n > 20);
	// The mail is taken from its readers: the file in it is, too.
	await operator('PUT', `/v1/documents/${part.mail}/acl`, { entries: [] });
	for (const who of askers) {
		for (const key of [...OF_PARTS, ...NOT_OF_PARTS, 'GET /v1/chunks/{id}']) {
			const route = routeOf(key);
			same(await request(route, SAMPLES[key], who, 'access', part), await request(route, SAMPLES[key], who, 'access', nowhere()), `${key} of a part as ${who}, withdrawn`);
		}
		const search = await ask(carrel, 'POST', '/v1/search', { body: { query: 'limpet rule number', limit: 50 }, headers: bearer(people[who].access) });
		assert.ok(!search.text.includes('5150'), `${who} finds a part of a mail that was withdrawn`);
	}
});

test('a condition of a query, or a correction, tells nothing of what one may not read', async () => {
	const { name } = await operator('GET', `/v1/collections/${ids.collection}`);
	const search = async (who, query) => {
		const r = await ask(carrel, 'POST', '/v1/search', { body: { query, limit: 50 }, headers: bearer(people[who].access) });
		assert.equal(r.status, 200, `${who}: ${r.text}`);
		const { passages, conditions, corrections } = r.json;
		return { found: passages.map((p) => p.documentId), unmatched: conditions.map((c) => c.unmatched), corrections };
	};
	for (const who of Object.keys(PEOPLE).filter((one) => identity(one, 'access'))) {
		const there = await search(who, `hotel in:"${name}"`), nowhere = await search(who, 'hotel in:"no such shelf"');
		const slip = await search(who, 'Milna hotels');
		assert.deepEqual(nowhere, { found: [], unmatched: [true], corrections: nowhere.corrections }, who);
		if (PEOPLE[who].right === 'none') {
			assert.deepEqual(there, nowhere, who);
			assert.ok(!JSON.stringify(slip.corrections).includes('Milan'), who);
		} else {
			assert.ok(there.found.includes(ids.document) && !there.unmatched[0], who);
			assert.deepEqual(slip.corrections, [{ from: 'Milna', to: 'Milan' }], who);
		}
	}
});

test('the machine\'s operator reads all of a workspace, as nobody in particular', async () => {
	for (const [path, want] of [[`/v1/documents/${ids.document}`, 200], [`/v1/collections/${ids.collection}/acl`, 200], [`/v1/chunks/${ids.chunk}`, 200],
		[`/v1/conversations/${ids.conversation}`, 404], [`/v1/runs/${ids.run}`, 404]]) {
		const r = await ask(carrel, 'GET', path, { socket: true });
		assert.equal(r.status, want, `${path}: ${r.text}`);
	}
	const backup = await ask(carrel, 'POST', '/v1/backup', { socket: true, body: { folder: 'not/absolute' } });
	assert.deepEqual([backup.status, backup.json.error.code], [400, 'bad_folder'], backup.text);
	const there = await ask(carrel, 'GET', `/v1/documents/${ids.document}`, { socket: true, headers: { 'x-carrel-workspace': 'elsewhere' } });
	assert.equal(there.text, absentText);
});

test('forbidden takes about as long as absent', async () => {
	const times = { forbidden: [], absent: [] };
	for (let i = 0; i < 60; i++) {
		for (const [name, id] of [['forbidden', ids.document], ['absent', ghost('doc')]]) {
			times[name].push((await ask(carrel, 'GET', `/v1/documents/${id}`, { headers: bearer(people.outsider.access) })).ms);
		}
	}
	const median = (list) => list.sort((a, b) => a - b)[list.length >> 1];
	const [a, b] = [median(times.forbidden), median(times.absent)];
	assert.ok(Math.max(a, b) < 3 * Math.min(a, b) + 2, `forbidden ${a} ms, absent ${b} ms`);
});

// ── open streams end when their reader may no longer read ──

// An OpenAI-compatible endpoint that says one word and then nothing; its embeddings wait for texts with STALL.
function startStaller() {
	const server = http.createServer((req, res) => {
		let body = '';
		req.on('data', (c) => { body += c; });
		req.on('end', () => {
			if (req.url.endsWith('/embeddings')) {
				if (body.includes('STALL')) {
					return;
				}
				const input = [JSON.parse(body).input].flat();
				const data = input.map((_, index) => ({ object: 'embedding', index, embedding: Array.from({ length: 64 }, (_x, k) => Math.sin(index + k + 1)) }));
				res.setHeader('content-type', 'application/json');
				res.end(JSON.stringify({ object: 'list', model: 'stall', data, usage: { prompt_tokens: 1, total_tokens: 1 } }));
			} else if (req.url.endsWith('/chat/completions')) {
				res.setHeader('content-type', 'text/event-stream');
				res.write('data: {"choices":[{"index":0,"delta":{"role":"assistant","content":"Well"}}]}\n\n');
			} else {
				res.statusCode = 404;
				res.end('{}');
			}
		});
	});
	return new Promise((resolve) => {
		server.listen(0, '127.0.0.1', () => resolve({
			url: `http://127.0.0.1:${server.address().port}/v1`,
			stop: () => new Promise((done) => {
				server.closeAllConnections();
				server.close(done);
			}),
		}));
	});
}

// Opens a stream, waits for its first bytes, withdraws, and measures how long it stays open after that.
async function endsWithin(at, path, headers, withdraw, label) {
	let begin;
	const begun = new Promise((resolve) => { begin = resolve; });
	const stopper = new AbortController();
	let ended = false;
	const whole = ask(at, 'GET', path, { headers, onData: begin, signal: stopper.signal }).then((r) => {
		ended = true;
		begin();
		return r;
	}, () => begin());
	await begun;
	assert.equal(ended, false, `${label}: the stream was over before anything was withdrawn`);
	await withdraw();
	const from = performance.now();
	const timer = setTimeout(() => stopper.abort(), 5000);
	await whole;
	clearTimeout(timer);
	const took = performance.now() - from;
	assert.ok(ended && took < 2000, `${label}: open for ${Math.round(took)} ms after it was withdrawn`);
	return took;
}

test('streams end when the reader is disabled, the token revoked or the right withdrawn', { timeout: 60_000 }, async (t) => {
	const staller = await startStaller();
	const slow = await startCarrel({ settings: { 'model-url': staller.url, 'model-name': 'stall', embedder: 'openai', 'embed-url': staller.url,
		'embed-model': 'stall', 'embed-timeout-ms': 600000, 'model-stall-ms': 600000, 'ingest-workers': 2 } });
	t.after(() => slow.stop().finally(() => staller.stop()));
	const op = async (...args) => ok(await operate(slow, ...args));
	const user = await op('POST', '/v1/users', { name: 'sam' });
	const tokenOf = async () => op('POST', '/v1/tokens', { name: 'stream' }, { as: 'sam' });
	const own = [{ principal: 'user:sam', right: 'own' }];
	const collection = (await op('POST', '/v1/collections', { name: 'slow', acl: own })).id;
	const upload = async (name, text) => ok(await ask(slow, 'POST', '/v1/documents', { ...form({ collection }, { name, bytes: text }), socket: true }));
	const good = await upload('good.md', '# Hotels\n\nA hotel room in Milan may cost 175 EUR a night.\n');
	assert.equal((await slow.operator.jobEnd(good.jobId)).state, 'done');
	const stuck = await upload('stuck.md', '# STALL\n\nThis STALL text waits for its embedding.\n');
	const conversation = (await op('POST', '/v1/conversations', {}, { as: 'sam' })).id;
	const startRun = async () => (await op('POST', `/v1/conversations/${conversation}/turns`, { input: 'What may a hotel in Milan cost?' }, { as: 'sam' })).runId;
	const jobStream = `/v1/jobs/${stuck.jobId}/stream`;
	const runStream = `/v1/runs/${await startRun()}/stream`;
	const setAcl = (entries) => op('PUT', `/v1/collections/${collection}/acl`, { entries });
	const disable = (disabled) => op('PATCH', `/v1/users/${user.id}`, { disabled });
	const cases = [
		['a revoked token', [jobStream, runStream], (x) => op('DELETE', `/v1/tokens/${x.id}`, undefined, { as: 'sam' }), () => {}],
		['a disabled user', [jobStream, runStream], () => disable(true), () => disable(false)],
		['a withdrawn right', [jobStream, runStream], () => setAcl([]), () => setAcl(own)],
		['a right withdrawn on the document', [jobStream], () => op('PUT', `/v1/documents/${stuck.documentId}/acl`, { entries: [] }),
			() => op('DELETE', `/v1/documents/${stuck.documentId}/acl`)],
		['a deleted conversation', [runStream], () => op('DELETE', `/v1/conversations/${conversation}`, undefined, { as: 'sam' }), () => {}],
	];
	for (const [what, paths, withdraw, restore] of cases) {
		for (const path of paths) {
			const token = await tokenOf();
			const label = `${path.replace(/_\w+/, '')}, ${what}`;
			const took = await endsWithin(slow, path, bearer(token.token), () => withdraw(token), label);
			console.log(`${label}: ended after ${Math.round(took)} ms`);
			const after = await ask(slow, 'GET', path.replace('/stream', ''), { headers: bearer(token.token) });
			assert.ok([401, 404].includes(after.status) || (after.json.withheld && after.json.answer === ''), `${label}: ${after.text}`);
			await restore();
		}
	}
});
