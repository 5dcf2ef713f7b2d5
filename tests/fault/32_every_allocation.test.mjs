// Long: the k-th allocation of the server fails, for every k of one request of every route (a turn with its whole answer
// and an upload with its whole ingestion among them), as somebody who may and as somebody who may not: it and every 250th
// after it, and from then on. Answers are as without it, or 503; nothing is acknowledged that is not so; who may not, sees nothing more; the server
// goes on, answers others meanwhile, and the same request succeeds afterwards. Under AddressSanitizer (BUILD=build/asan)
// its leaks are counted at its end.
// ALLOCATIONS=all: every k, in 250 requests of a route at most; else so many requests, whose k SEED repeats.
import test from 'node:test';
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { pause, request, startCarrel, temporaryFolder, until } from '../flow/carrel.mjs';
import { startFakeModel } from '../flow/fake_model.mjs';
import { routeTable, signIn, withCsrf } from '../flow/people.mjs';
import { addressOf, PASSWORD, SAMPLES, Things } from '../flow/samples.mjs';
import { seeded, SEED } from './house.mjs';
import { ALLOCATIONS, Faults } from './faulty.mjs';

const SHARE = process.env.ALLOCATIONS ?? '3';
const APART = 250; // of those that fail in one request: the reserve is whole again long before
const ONLY = process.env.ALLOCATIONS_ROUTE; // a part of "METHOD /pattern"
const { below } = seeded(SEED);
const folder = temporaryFolder('carrel-memory-');
const faults = new Faults(folder);
const model = await startFakeModel({ mode: 'cite' });
let server;

test.after(async () => {
	faults.disarm();
	await server?.kill();
	await model.close();
	faults.close();
	rmSync(folder, { recursive: true, force: true });
});

const people = { owner: null, outsider: null };
let things;

async function begin() {
	server = await startCarrel({ data: path.join(folder, 'data'), env: faults.env,
		settings: { 'model-url': model.url, 'model-name': 'fake', 'login-tries': 1000, 'ingest-retry-ms': 20 } });
	const { operator } = server;
	for (const [name, role] of [['owner', 'operator'], ['outsider', 'member']]) {
		const made = await operator.post('/v1/users', { name, role, password: PASSWORD });
		assert.equal(made.status, 201, made.text);
		people[name] = { ...(await signIn(server, name, PASSWORD)), name, id: made.json.id };
	}
	things = new Things(server, () => [{ principal: people.owner.id, right: 'own' }]);
	await things.makeShared(people.owner);
}

// ── one request, and what follows from it ──

// What differs here from what the matrix of permissions asks: these are to succeed.
let backup;
const OURS = {
	'POST /v1/auth/login': () => ({ body: { name: 'owner', password: PASSWORD } }),
	'POST /v1/backup'() {
		backup && rmSync(backup, { recursive: true, force: true });
		backup = path.join(folder, `backup-${below(1e9)}`);
		return { body: { folder: backup } };
	},
};

function send(route, person, at) {
	const key = `${route.method} ${route.pattern}`;
	const sample = SAMPLES[key];
	const { body, query, headers = {} } = OURS[key]?.() ?? sample.ask(at);
	const bytes = body === undefined || Buffer.isBuffer(body) ? body : JSON.stringify(body);
	const length = bytes === undefined ? (route.method === 'GET' ? {} : { 'content-length': 0 }) : { 'content-length': Buffer.byteLength(bytes) };
	const url = addressOf(route, sample, at) + (query ? `?${query}` : '');
	const [where, credential] = route.access === 'machine' ? [server.operator.target, { 'x-carrel-as': person.name }]
		: [{ host: server.host, port: server.port }, withCsrf(person)];
	return request(where, route.method, url, { headers: { 'content-type': 'application/json', ...length, ...headers, ...credential }, body: bytes });
}

/** An answer is written to its end, a job is worked off. */
async function follow(r, person) {
	if (r.json?.streamUrl) {
		const run = await request({ host: server.host, port: server.port }, 'GET', r.json.streamUrl, { headers: withCsrf(person) });
		assert.ok(run.status === 503 || /event: (assistant.completed|run.failed)\n/.test(run.text), `${run.status} ${run.text}`);
	}
	if (r.json?.jobId) {
		const job = await server.operator.get(`/v1/jobs/${r.json.jobId}/stream`);
		assert.ok([200, 503].includes(job.status), job.text);
	}
}

// Of what was made: where it is shown.
const SHOWN = {
	'POST /v1/users': (r) => `/v1/users/${r.id}`,
	'POST /v1/groups': (r) => `/v1/groups/${r.id}`,
	'POST /v1/collections': (r) => `/v1/collections/${r.id}`,
	'POST /v1/conversations': (r) => `/v1/conversations/${r.id}`,
	'POST /v1/documents': (r) => `/v1/documents/${r.documentId}`,
	'POST /v1/conversations/{id}/turns': (r) => `/v1/runs/${r.runId}`,
	'POST /v1/conversations/{id}/turns/{seq}/regenerate': (r) => `/v1/runs/${r.runId}`,
};
let table;
const shows = (pattern) => table.some((r) => r.method === 'GET' && r.pattern === pattern);

/** What was acknowledged is so. */
async function holds(route, person, at, r, what) {
	const key = `${route.method} ${route.pattern}`;
	const see = (url) => request({ host: server.host, port: server.port }, 'GET', url, { headers: withCsrf(person) });
	if (r.status < 300 && SHOWN[key]) {
		const there = await see(SHOWN[key](r.json));
		assert.equal(there.status, 200, `${what}: acknowledged, and not there: ${there.text}`);
	} else if (r.status < 300 && route.method === 'DELETE' && route.pattern.endsWith('}') && shows(route.pattern)) {
		const gone = await see(addressOf(route, SAMPLES[key], at));
		assert.equal(gone.status, 404, `${what}: deleted, and there: ${gone.text}`);
	}
}

// ── what an answer is compared with: the same request's without a fault, as exactly as those agree ──

const shape = (v) => (Array.isArray(v) ? v.slice(0, 1).map(shape) : v && typeof v === 'object' ? Object.fromEntries(Object.entries(v).map(([k, x]) => [k, shape(x)])) : typeof v);
// An answer's pieces come as they are ready, and how far something is, as often as there is time.
function withoutPieces(text) {
	let said = '';
	return text.replace(/(id: .*\n)?event: progress\n.*\n\n/g, '').replace(/(id: .*\n)?event: assistant.delta\ndata: (.*)\n\n/g, (_, _id, data) => {
		said += JSON.parse(data).text;
		return '';
	}) + said;
}
const VIEWS = {
	exact: (r) => r.body.toString('latin1'),
	masked: (r) => withoutPieces(r.text).replace(/[0-9A-Z]{26}/g, '#').replace(/\d+(\.\d+)?(e[-+]?\d+)?/g, '#'),
	shape: (r) => JSON.stringify(shape(r.json)),
	status: () => '',
};
const viewOf = (answers) => Object.keys(VIEWS).find((name) => new Set(answers.map(VIEWS[name])).size === 1);

const counts = { allocations: 0, tried: 0, failed: 0, failures: 0, '503': 0, exact: 0, masked: 0, shape: 0, status: 0, refused: 0, spared: 0 };
let secrets; // of the document that the outsider may not read

async function make(what, who) {
	const made = await things.fresh[what](people[who]);
	if (made.document) {
		await server.operator.jobEnd(made.job); // what is shown of it would change
	}
	return made;
}

/** A request of its own: what it may use up is made first, and with it what the next ones do. */
const ahead = new Map();
async function prepared(sample, who, n_next = 0) {
	const { fresh } = sample;
	if (!fresh || !(who === 'owner' || fresh === 'sign-in')) {
		return { person: people[who], at: things.ids };
	}
	const made = ahead.get(fresh + who) ?? [];
	ahead.set(fresh + who, made);
	if (made.length === 0) {
		made.push(...(await Promise.all(Array.from({ length: 1 + Math.min(n_next, 15) }, () => make(fresh, who)))));
	}
	const one = made.shift();
	return { person: one.as ?? people[who], at: { ...things.ids, ...one } };
}

/** The at-th allocation fails, and every so many after it: { r, others }; others: what somebody else is answered meanwhile. */
async function failing(route, who, at, every, n_next) {
	const forever = every === 1;
	const { person, at: ids } = await prepared(SAMPLES[`${route.method} ${route.pattern}`], who, n_next);
	faults.arm({ kinds: ALLOCATIONS, at, errno: 'ENOMEM', every });
	const answer = send(route, person, ids);
	let others = null;
	if (forever) {
		await Promise.race([answer, pause(200)]);
		others = faults.failed > 0 ? await server.operator.get('/v1/collections') : null;
		faults.disarm();
	}
	const r = await answer;
	await follow(r, person);
	const n_failed = faults.failed;
	faults.disarm();
	return { r, others, n_failed, person, ids };
}

async function usual(route, who) {
	const { person, at } = await prepared(SAMPLES[`${route.method} ${route.pattern}`], who);
	const r = await send(route, person, at);
	await follow(r, person);
	await holds(route, person, at, r, 'without a fault');
	return r;
}

/** How many allocations it makes. */
async function countOf(route, who) {
	const { person, at } = await prepared(SAMPLES[`${route.method} ${route.pattern}`], who);
	faults.arm({ kinds: ALLOCATIONS });
	await follow(await send(route, person, at), person);
	const n = faults.calls;
	faults.disarm();
	return n;
}

async function tryAt(route, who, { k, every, n_next }, known, what) {
	const { r, others, n_failed, person, ids } = await failing(route, who, k, every, n_next).catch((error) => {
		throw new Error(`${what}: ${error.stack}\n${JSON.stringify(server.exit)} ${server.log.slice(-3000)}`);
	});
	counts.tried++;
	counts.failed += n_failed > 0;
	counts.failures += every === 1 ? 0 : n_failed;
	assert.equal(server.exit, null, `${what}: it is still there: ${server.log.slice(-3000)}`);
	if (r.status === 503) {
		assert.equal(r.json.error.code, 'out_of_memory', `${what}: ${r.text}`);
		counts['503']++;
	} else {
		const same = (view) => known.some((b) => b.status === r.status && VIEWS[view](b) === VIEWS[view](r));
		for (let i = 0; i < 3 && !same(viewOf(known)); i++) { // they may have agreed by chance: a time, to the millisecond
			known.push(await usual(route, who));
		}
		const view = viewOf(known), as = known.at(-1);
		assert.ok(same(view), `${what} (${view}): ${r.status} ${r.text.slice(0, 1500)}\nand not ${as.status} ${as.text.slice(0, 1500)}`);
		counts[view]++;
	}
	if (others) {
		// What is under way may have ended and given back all that it had: then there is memory for another.
		assert.ok([200, 503].includes(others.status), `${what}: ${others.text}`);
		counts[others.status === 503 ? 'refused' : 'spared']++;
	}
	if (who === 'outsider') {
		assert.deepEqual(secrets.filter((s) => r.text.includes(s)), [], `${what}: ${r.text}`);
	}
	await holds(route, person, ids, r, what);
}

/** Where failures begin in requests of n allocations: all that are apart, or so many. */
function begins(n, many) {
	const n_all = Math.min(n, APART);
	return SHARE === 'all' ? Array.from({ length: n_all }, (_, i) => 1 + i) : Array.from({ length: Math.min(n, many) }, () => 1 + below(n_all));
}

/** From where on all fail. */
function ends(n, many) {
	const step = Math.max(16, Math.ceil(n / 100));
	return SHARE === 'all' ? Array.from({ length: Math.floor(n / step) }, (_, i) => 1 + i * step + below(step))
		: Array.from({ length: Math.ceil(many / 4) }, () => 1 + below(n));
}

async function walk(route, who, many) {
	const key = `${route.method} ${route.pattern}`;
	const first = await usual(route, who);
	const { answers } = OURS[key] ? {} : SAMPLES[key];
	assert.ok(who === 'outsider' || (answers ? first.status === answers[0] : first.status < 300), `${key}: ${first.status} ${first.text}`);
	const r = await usual(route, who);
	const known = [first, r];
	const n = await countOf(route, who);
	assert.ok(n > 0, `${key}: no allocation was counted`);
	counts.allocations += n;
	const all = [...begins(n, many).map((k) => ({ k, every: APART })), ...ends(n, many).map((k) => ({ k, every: 1 }))];
	for (const [i, { k, every }] of all.entries()) {
		await tryAt(route, who, { k, every, n_next: all.length - i - 1 }, known, `${key} as ${who}, allocation ${k} of ${n} and every ${every}. after it`);
	}
	const after = await usual(route, who);
	assert.equal(after.status, r.status, `${key} as ${who}, afterwards: ${after.text}`);
}

test('an allocation that fails costs a request at most', { timeout: 7_000_000 }, async () => {
	console.log(`SEED=${SEED} ALLOCATIONS=${SHARE}`);
	await begin();
	table = await routeTable();
	assert.deepEqual(table.map((r) => `${r.method} ${r.pattern}`).filter((key) => !SAMPLES[key]), [], 'every route has a request');
	const shown = await things.operator('POST', '/v1/search', { query: 'hotel in Milan' });
	secrets = [things.ids.document, things.ids.chunk, shown.passages[0].text.slice(0, 40)];
	// Those that only look first: what they show does not change meanwhile.
	const order = table.filter((r) => r.method === 'GET').concat(table.filter((r) => r.method !== 'GET'));
	for (const route of order.filter((r) => !ONLY || `${r.method} ${r.pattern}`.includes(ONLY))) {
		await walk(route, 'owner', Number(SHARE));
		await walk(route, 'outsider', 1);
	}
	const jobs = async (state) => (await server.operator.get(`/v1/jobs?state=${state}&limit=200`)).json.jobs;
	await until(async () => (await jobs('queued')).length + (await jobs('running')).length === 0, 'all jobs end', 60000);
	assert.deepEqual(await jobs('failed'), []);
	console.log(`figure: ${JSON.stringify(counts)}`);
	assert.ok(counts.failed > counts.tried / 2 && (ONLY || (counts.exact > 0 && counts.refused > 0)), 'something was tried');
	await server.stop();
});
