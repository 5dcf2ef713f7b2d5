// The faults of a model's server (tests/unit/chat/model_faults.h), each cut in two packets at the bytes of its answer, played
// to a whole server: what is stored is what the client was told, it ended once, and the conversation goes on. CUTS=all: every
// byte; else a share that SEED repeats. Alone: limits are short.
import test from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { addUser, newConversation, parseEvents, postTurn, shelf, startDesk, TRAVEL } from '../flow/answers.mjs';
import { request, ROOT, until } from '../flow/carrel.mjs';

const seed = Number(process.env.SEED || Math.floor(Math.random() * 2 ** 31));
console.log(`SEED=${seed}`);
let state = seed >>> 0;
function chance(n) { // 0 to n - 1; mulberry32
	state = (state + 0x6d2b79f5) >>> 0;
	let t = state;
	t = Math.imul(t ^ (t >>> 15), t | 1);
	t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
	return ((t ^ (t >>> 14)) >>> 0) % n;
}

const table = path.resolve(ROOT, process.env.BUILD || 'build', 'tests/unit/chat/test_model_faults');
const faults = JSON.parse(execFileSync(table, ['--table'], { encoding: 'utf8' }))
	.map((f) => ({ ...f, bytes: f.bytes === null ? null : Buffer.from(f.bytes, 'hex') }));
const WELL = faults.findIndex((f) => f.name === 'well');
const flood = faults.find((f) => f.name === 'a flood of comments');
faults.push({ ...flood, name: 'a line of 10 MB', end: 'stays',
	bytes: Buffer.concat([flood.bytes.subarray(0, flood.loop), Buffer.from(`data: {"a":"${'x'.repeat(10 << 20)}`)]) });
assert.ok(faults.length >= 30 && WELL >= 0);

/* ── the model's server ── */

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

function write(socket, bytes) {
	return new Promise((done) => {
		if (socket.destroyed || bytes.length === 0) {
			done();
			return;
		}
		socket.once('close', done);
		socket.write(bytes, () => {
			socket.off('close', done);
			done();
		});
	});
}

/** Until the other side has read all: what has not been when a reset comes may be lost. */
async function untilRead(socket) {
	const hex = (port) => port.toString(16).toUpperCase().padStart(4, '0');
	const theirs = new RegExp(`0100007F:${hex(socket.remotePort)} 0100007F:${hex(socket.localPort)} \\w+ \\w+:(\\w+)`);
	await until(() => /^0*$/.test(readFileSync('/proc/net/tcp', 'utf8').match(theirs)?.[1] ?? ''), 'the answer is read');
}

/** Plays a fault, in two packets where `cut` says, and only as far as `end`. */
async function play(socket, fault, cut, end = Infinity) {
	const bytes = (fault.bytes ?? Buffer.alloc(0)).subarray(0, end);
	await write(socket, bytes.subarray(0, cut));
	if (cut > 0) {
		await pause(1);
	}
	await write(socket, bytes.subarray(cut));
	while ((fault.end === 'repeats' || fault.end === 'dribbles') && !socket.destroyed) {
		await pause(fault.end === 'dribbles' ? 20 : 0);
		await write(socket, bytes.subarray(fault.loop));
	}
	if (fault.end === 'resets') {
		await untilRead(socket);
		socket.resetAndDestroy();
	} else if (fault.end === 'closes') {
		socket.end();
	}
}

// The question says which case it is in a way that searches nothing: by the marks at its end.
const cases = []; // { nth, cut, end, asked: [{ gone }] of each connection that asked }
const MILAN = 'What may a hotel room in Milan cost per night';
const question = (one) => `${MILAN}?${cases.indexOf(one).toString(2).replaceAll('0', '?').replaceAll('1', '!')}`;
function caseOf(nth, cut = 0, end = Infinity) {
	cases.push({ nth, cut, end, asked: [] });
	return cases.at(-1);
}

function answer(socket, text) {
	const marks = JSON.parse(text).messages.at(-1).content.match(/cost per night\?([?!]+)/)?.[1];
	assert.ok(marks, `a question without a case: ${text}`);
	const one = cases[parseInt(marks.replaceAll('?', '0').replaceAll('!', '1'), 2)];
	one.asked.push({ gone: new Promise((done) => socket.once('close', () => done(performance.now()))) });
	play(socket, faults[one.nth], one.asked.length === 1 ? one.cut : 0, one.end);
}

const model = net.createServer((socket) => {
	let text = '';
	socket.setNoDelay(true);
	socket.setEncoding('utf8');
	socket.on('error', () => {});
	socket.on('data', function more(part) {
		text += part;
		const head = text.indexOf('\r\n\r\n');
		const length = Number(text.match(/content-length: (\d+)/i)?.[1] ?? 0);
		if (head >= 0 && Buffer.byteLength(text) >= Buffer.byteLength(text.slice(0, head)) + 4 + length) {
			socket.off('data', more);
			socket.on('data', () => assert.fail('a second request on one connection'));
			answer(socket, text.slice(head + 4));
		}
	});
});
await new Promise((done) => model.listen(0, '127.0.0.1', done));

/* ── the server ── */

const FIRST_MS = 4000, STALL_MS = 3000; // a loaded machine is not that slow; silence is waited for beside all else
const LATEST_MS = FIRST_MS + STALL_MS + 1000 + 20_000; // two tries, their pause, and a loaded machine
const desk = await startDesk({ env: {
	CARREL_MODEL_URL: `http://127.0.0.1:${model.address().port}/v1`, CARREL_MODEL_FIRST_MS: String(FIRST_MS), CARREL_MODEL_STALL_MS: String(STALL_MS),
	CARREL_MODEL_RETRIES: '1', CARREL_REWRITE_MS: '0',
} });
test.after(async () => {
	await desk.stop();
	model.close();
});
await addUser(desk, 'ada');
await shelf(desk, 'ada', 'policies', { 'travel.md': TRAVEL });

const strict = new TextDecoder('utf-8', { fatal: true });
async function show(url) {
	const r = await request({ socketPath: desk.socket }, 'GET', url, { headers: { 'x-carrel-as': 'ada' } });
	return { status: r.status, text: strict.decode(r.body), json: r.json }; // a part of a character throws
}
async function events(run, after = 0) {
	const r = await show(`/v1/runs/${run}/stream?lastEventId=${after}`);
	assert.ok(r.status === 200 || r.status === 204, r.text);
	return parseEvents(r.text);
}

const ENDS = ['assistant.completed', 'run.failed', 'run.cancelled'];
const of = (list, type) => list.filter((e) => e.type === type).map((e) => e.data);
const told = []; // { run, events, stored } of every answer

async function begin(conversation, nth, cut, end) {
	const one = caseOf(nth, cut, end);
	const r = await postTurn(desk, 'ada', conversation, question(one));
	assert.equal(r.status, 202, r.text);
	return Object.assign(one, { run: r.json.runId, seq: r.json.turnSeq });
}

/** What a client was told of an answer, and that exactly this is stored. */
async function follow(one) {
	one.events = await events(one.run);
	const ends = one.events.filter((e) => ENDS.includes(e.type));
	assert.equal(ends.length, 1, 'it ends once');
	one.last = one.events.at(-1);
	assert.equal(one.last, ends[0], 'and says nothing after');
	assert.deepEqual(one.events.map((e) => e.id), one.events.map((_, i) => i + 1));
	one.said = of(one.events, 'assistant.delta').map((d) => d.text).join('');
	one.citations = of(one.events, 'citation');
	one.stored = (await show(`/v1/runs/${one.run}`)).json;
	told.push(one);
	await sameAsTold(one);
	const k = chance(one.events.length + 1);
	assert.deepEqual(await events(one.run, k), one.events.slice(k), `resumed after ${k}`);
	return one;
}

async function sameAsTold(one) {
	const stored = (await show(`/v1/runs/${one.run}`)).json;
	assert.deepEqual(stored, one.stored);
	assert.equal(stored.answer, one.said);
	assert.equal(stored.state, one.last.data.state);
	assert.ok(stored.finishedMs >= stored.createdMs);
	assert.equal(stored.citations.length, one.citations.length);
	assert.deepEqual(stored.citations.map((c) => [c.ordinal, c.handle, c.chunkId]), one.citations.map((c) => [c.ordinal, c.handle, c.chunkId]));
	if (one.last.type === 'assistant.completed') {
		assert.equal(stored.mode, one.last.data.mode);
		assert.equal(stored.answer, one.last.data.answer);
		assert.equal(stored.reason, one.last.data.reason ?? null);
		assert.equal(stored.message, one.last.data.message ?? null);
	}
	assert.deepEqual(await events(one.run), one.events);
}

/** All turns of a conversation, as its reader sees them. */
async function sameTurns(conversation, all) {
	const r = await show(`/v1/conversations/${conversation}/turns?limit=100`);
	assert.deepEqual(r.json.turns.map((t) => t.seq), all.map((one) => one.seq));
	r.json.turns.forEach((turn, i) => {
		assert.equal(turn.runs.length, 1);
		assert.deepEqual(turn.run, all[i].stored);
	});
}

/** What the table says of the model's client, of a whole answer. */
function expected(fault) {
	if (fault.text === '') {
		return { state: 'completed', mode: 'extractive', reason: fault.reason || 'model_empty' };
	}
	return { state: fault.reason ? 'partial' : 'completed', mode: 'model', reason: fault.reason || null, answer: fault.text };
}

async function ask(conversation, nth, cut, end) {
	const from = performance.now();
	const one = await follow(await begin(conversation, nth, cut, end));
	assert.ok(performance.now() - from < LATEST_MS, `${performance.now() - from} ms`);
	return one;
}

async function meet(conversation, nth, cut) {
	const fault = faults[nth];
	const one = await ask(conversation, nth, cut);
	for (const [name, value] of Object.entries(expected(fault))) {
		assert.equal(one.stored[name], value, name);
	}
	if (one.stored.mode === 'extractive') {
		assert.match(one.said, /175 EUR/);
		assert.ok(one.citations.length > 0);
	}
	assert.equal(one.stored.reason !== null, Boolean(one.stored.message), 'an error has its sentence');
	assert.equal(one.asked.length, fault.connections, 'tried again only before the first word');
	return one;
}

/** Rows of work, so many at a time; what failed is told with its row. */
async function all(rows, n, work) {
	const queue = [...rows];
	await Promise.all(Array.from({ length: n }, async () => {
		for (let row; (row = queue.shift());) {
			await work(row);
		}
	}));
}

async function named(what, work) {
	try {
		return await work();
	} catch (error) {
		error.message = `${what}: ${error.message}`;
		throw error;
	}
}

/* ── the faults ── */

const SILENT = ['model_timeout', 'model_stalled'];
const every = process.env.CUTS === 'all';
const STEP = 47, TURNS = 20; // of a conversation: then another one begins

test('each fault, cut at its bytes, is stored as it was told', { timeout: 3_600_000 }, async () => {
	const rows = [];
	let cuts = 0;
	faults.forEach((fault, nth) => {
		const at = [0];
		for (let cut = 1 + (every ? 0 : chance(STEP)); fault.cut && cut < fault.bytes.length; cut += every ? 1 : STEP) {
			at.push(cut);
		}
		cuts += at.length - 1;
		for (let i = 0; i < at.length; i += TURNS) {
			rows.push({ nth, at: at.slice(i, i + TURNS) });
		}
	});
	assert.ok(cuts > 100, `${cuts} cuts`);
	rows.sort((a, b) => SILENT.includes(faults[b.nth].reason) - SILENT.includes(faults[a.nth].reason)); // those take longest
	await all(rows, 12, async ({ nth, at }) => {
		const conversation = await newConversation(desk, 'ada');
		const turns = [];
		for (const cut of at) {
			turns.push(await named(`${faults[nth].name}, cut at ${cut}`, () => meet(conversation, nth, cut)));
		}
		turns.push(await named(`after ${faults[nth].name}`, () => meet(conversation, WELL, 0)));
		await named(faults[nth].name, () => sameTurns(conversation, turns));
	});
	console.log(`figure: ${faults.length} faults of a model's server, ${cuts} cuts: stored as told`);
});

test('an answer that ends after any byte is stored as far as it was told', { timeout: 3_600_000 }, async () => {
	const whole = faults[WELL].text;
	const n = faults[WELL].bytes.length;
	const at = [n - 3]; // behind the finish
	for (let end = 1 + (every ? 0 : chance(STEP)); end < n; end += every ? 1 : 23) {
		at.push(end);
	}
	const states = new Set();
	await all(at, 12, async (end) => named(`an end after ${end} bytes`, async () => {
		const conversation = await newConversation(desk, 'ada');
		const one = await ask(conversation, WELL, 0, end);
		const { mode, reason } = one.stored;
		if (mode === 'model') {
			assert.ok(whole.startsWith(one.said) && one.said.length > 0, one.said);
			assert.equal(one.stored.state, reason === null ? 'completed' : 'partial');
			assert.equal(reason, one.said === whole && reason === null ? null : 'model_dropped');
			assert.equal(one.asked.length, 1);
		} else {
			assert.equal(reason, 'model_unreachable');
			assert.equal(one.asked.length, 2);
		}
		states.add(one.stored.state + mode);
		await sameTurns(conversation, [one, await meet(conversation, WELL, 0)]);
	}));
	assert.equal(states.size, 3, [...states].join());
});

test('a cancel reaches a model that is silent or endless, and is stored', { timeout: 120_000 }, async () => {
	const took = [];
	for (const [nth, fault] of faults.entries()) {
		if (![...SILENT, 'model_too_large'].includes(fault.reason)) {
			continue; // it ends by itself
		}
		const conversation = await newConversation(desk, 'ada');
		const one = await begin(conversation, nth);
		await until(() => one.asked.length > 0, `${fault.name}: the model is asked`);
		await pause(chance(40));
		const from = performance.now();
		const r = await desk.operator('POST', `/v1/runs/${one.run}/cancel`, undefined, { as: 'ada' });
		assert.ok(r.status === 202 || r.status === 200, r.text);
		const gone = await one.asked[0].gone;
		await named(fault.name, async () => {
			await follow(one);
			if (one.stored.reason !== fault.reason) { // else the limit came first
				assert.equal(one.last.type, 'run.cancelled');
				took.push(gone - from);
			}
			assert.ok(one.said === '' || fault.text.startsWith(one.said), one.said);
			assert.equal(one.asked.length, 1);
			await sameTurns(conversation, [one, await meet(conversation, WELL, 0)]);
		});
	}
	took.sort((a, b) => a - b);
	const median = took[took.length >> 1];
	console.log(`figure: a cancel reaches the model's server: ${took.length} times, median ${median.toFixed(1)} ms, at most ${took.at(-1).toFixed(1)} ms`);
	assert.ok(took.length >= 5, `${took.length}`);
	assert.ok(median < 100, `${median} ms`);
});

test('and all of it is as it was told after a restart', { timeout: 3_600_000 }, async () => {
	assert.ok(told.length > 300, `${told.length} answers`);
	await desk.restart();
	await all(told, 4, (one) => named(faults[one.nth].name, () => sameAsTold(one)));
});
