// JSON bodies of all connections together have so much memory and no more; who waits for it, and who is in the way.
import test from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { startCarrel, until } from './carrel.mjs';

const ROOM = 64 << 20; // as much as the largest body may have
const server = await startCarrel({ settings: { 'http-body-kb': ROOM / 1024, 'http-idle-ms': 6000 } });
test.after(() => server.stop());
const ada = await server.bootstrap();
const resident = () => Number(readFileSync(`/proc/${server.pid}/status`, 'utf8').match(/VmRSS:\s+(\d+)/)[1]) / 1024;

const head = (length) => `POST /v1/search HTTP/1.1\r\nHost: x\r\nAuthorization: ${ada.headers.authorization}\r\nContent-Type: application/json\r\n` +
	(length === null ? 'Transfer-Encoding: chunked\r\n\r\n' : `Content-Length: ${length}\r\n\r\n`);
const body = (length) => `{"query":"quokka"${' '.repeat(length - 18)}}`;
const statuses = (text) => [...text.matchAll(/HTTP\/1\.1 (\d+) /g)].map((m) => Number(m[1]));

/** A body that has all the room: its first bytes are read, the others do not come. */
async function holder() {
	const raw = server.raw().send(head(ROOM) + body(ROOM).slice(0, 20_000));
	for (let i = 0; i < 3; i++) {
		await server.anonymous.get('/healthz'); // by then it has been read
	}
	return raw;
}

/** Bytes at that rate, until the connection ends. */
function drip(raw, bytes, ms) {
	const timer = setInterval(() => raw.closed ? clearInterval(timer) : raw.send(' '.repeat(bytes)), ms);
	return () => clearInterval(timer);
}

for (const [what, text] of [['of a known length', () => head(200_000) + body(200_000)],
	['in chunks', () => `${head(null)}30d40\r\n${body(200_000)}\r\n0\r\n\r\n`]]) {
	test(`a body ${what} waits for room, a small one does not`, async () => {
		const first = await holder();
		const second = server.raw().send(text());
		assert.equal((await ada.post('/v1/search', { query: 'quokka' })).status, 200);
		assert.equal(second.text, '');
		first.destroy();
		await second.hear('"passages"');
		assert.deepEqual(statuses(second.text), [200]);
		second.destroy();
	});
}

test('chunked bodies of about the length that needs none', async () => {
	for (let length = 16_382; length <= 16_386; length++) {
		const raw = server.raw().send(`${head(null)}${length.toString(16)}\r\n${body(length)}\r\n0\r\n\r\n`);
		await raw.hear('"passages"');
		raw.destroy();
	}
});

test('they have it in the order in which they came', async () => {
	const first = await holder();
	const others = [];
	for (let i = 0; i < 5; i++) {
		others.push(server.raw().send(`${head(null)}4e20\r\n${body(20_000)}\r\n`));
		await server.anonymous.get('/healthz');
		await server.anonymous.get('/healthz');
	}
	first.destroy();
	// Each has all of it, since nobody knows how long it will be, until it ends.
	others.forEach((raw, i) => i > 0 && raw.send('0\r\n\r\n'));
	for (let i = 0; i < 3; i++) {
		await server.anonymous.get('/healthz');
	}
	assert.ok(others.every((raw) => raw.text === ''));
	others[0].send('0\r\n\r\n');
	const order = [];
	await Promise.all(others.map(async (raw) => {
		await new Promise((done) => raw.socket.once('data', done));
		order.push(raw);
	}));
	assert.deepEqual(order.map((raw) => others.indexOf(raw)), [0, 1, 2, 3, 4]);
	others.forEach((raw) => raw.destroy());
});

test('those of one address leave a quarter to others', async () => {
	const share = ROOM / 4;
	const holders = [1, 2, 3, 4].map(() => server.raw().send(head(share) + body(share).slice(0, 20_000)));
	const own = server.raw().send(head(share) + body(share)); // behind them, for which there is no room
	for (let i = 0; i < 3; i++) {
		await server.anonymous.get('/healthz');
	}
	const stops = holders.map((raw) => drip(raw, 16_000, 100));
	const other = server.raw('127.0.0.2').send(head(200_000) + body(200_000));
	assert.deepEqual(statuses(await other.hear('"passages"')), [200]);
	assert.ok([...holders, own].every((raw) => raw.text === ''));
	// One of them ends: the next of the address has its place.
	holders[0].destroy();
	holders[3].destroy();
	await own.hear('"passages"');
	stops.forEach((stop) => stop());
	[...holders, own, other].forEach((raw) => raw.destroy());
});

test('behind one that waits for more than there is: they go on when it is told to come again', async () => {
	const first = server.raw().send(head(ROOM / 4) + body(ROOM / 4).slice(0, 20_000));
	const stop = drip(first, 16_000, 100);
	const large = server.raw('127.0.0.2').send(head(ROOM) + body(ROOM).slice(0, 20_000));
	await until(() => first.socket.bytesWritten > 300_000, 'it has waited for so long');
	const behind = server.raw('127.0.0.3').send(head(200_000) + body(200_000));
	assert.equal((await ada.post('/v1/search', { query: 'quokka' })).status, 200);
	assert.equal(behind.text, '');
	assert.deepEqual(statuses(await large.rest(30_000)), [503]);
	assert.deepEqual(statuses(await behind.hear('"passages"')), [200]);
	assert.equal(first.text, '');
	stop();
	[first, behind].forEach((raw) => raw.destroy());
});

test('one that waits too long is told to come again', async () => {
	const first = await holder();
	const stop = drip(first, 16_000, 100); // fast enough to keep it
	const second = server.raw().send(head(20_000) + body(20_000));
	const said = await second.rest(30_000);
	assert.deepEqual(statuses(said), [503]);
	assert.match(said, /Retry-After: /);
	stop();
	first.destroy();
});

test('one that is slow is ended when others wait', async () => {
	const first = await holder();
	const stop = drip(first, 100, 100);
	const others = async () => {
		for (;;) {
			const raw = server.raw().send(head(20_000) + body(20_000));
			const [status] = statuses(await raw.hear('\r\n\r\n', 30_000));
			raw.destroy();
			if (status === 200) {
				return;
			}
			assert.equal(status, 503);
		}
	};
	await Promise.all([first.rest(30_000), others()]);
	assert.deepEqual(statuses(first.text), [408]);
	stop();
});

test('many large ones at once are not many times their memory', { timeout: 120_000 }, async () => {
	const before = resident();
	const length = 4 << 20, n = 60;
	const whole = Buffer.from(head(length) + body(length));
	const all = Array.from({ length: n }, () => server.raw());
	let most = 0;
	for (const raw of all) {
		raw.socket.write(whole.subarray(0, -1));
	}
	const look = setInterval(() => { most = Math.max(most, resident() - before); }, 10);
	for (let i = 0; i < 5; i++) {
		assert.equal((await ada.post('/v1/search', { query: 'quokka' })).status, 200);
	}
	all.forEach((raw) => raw.send('}'));
	await until(() => all.every((raw) => statuses(raw.text).length > 0), () => `${all.filter((r) => r.text).length} are answered`, 60_000);
	clearInterval(look);
	const got = all.map((raw) => statuses(raw.text)[0]);
	const n_good = got.filter((s) => s === 200).length;
	console.log(`figure: ${n} JSON bodies of 4 MB at once: ${n_good} taken, ${Math.round(most)} MB more at most`);
	all.forEach((raw) => raw.destroy());
	assert.ok(got.every((s) => [200, 408, 503].includes(s)), got.join());
	assert.ok(n_good > 0 && most > 0);
	const sanitized = /lib[at]san/.test(readFileSync(`/proc/${server.pid}/maps`, 'utf8')); // they keep more than that of it
	assert.ok(most < (sanitized ? 1000 : 120), `${most} MB`);
});
