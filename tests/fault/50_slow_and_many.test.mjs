// Ten thousand idle connections, heads and bodies that come slowly, readers that do not read, a thousand sign-ins at once:
// whoever else asks is served all the while, memory stays bounded, and what stalls is ended. Alone: it takes the machine.
import test from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setMaxListeners } from 'node:events';
import net from 'node:net';
import { multipart, PASSWORD, pause, request, startCarrel, until } from '../flow/carrel.mjs';

const IDLE = 10_000;
const server = await startCarrel({ settings: { 'http-connections': IDLE + 2000, 'http-idle-ms': 600_000, 'http-header-ms': 3000 } });
test.after(() => server.stop());
const ada = await server.bootstrap();
const { operator } = server;
assert.equal((await ada.post('/v1/collections', { name: 'c' })).status, 201);

const status = () => readFileSync(`/proc/${server.pid}/status`, 'utf8');
const kilobytes = (name) => Number(status().match(new RegExp(`${name}:\\s+(\\d+)`))[1]);
const resident = () => kilobytes('VmRSS') / 1024; // MB

/** Connections that say `text`; they are kept. */
async function connections(n, text = '') {
	const all = [];
	for (let left = n; left > 0; left -= 250) {
		all.push(...await Promise.all(Array.from({ length: Math.min(250, left) }, () => new Promise((done, fail) => {
			const socket = net.connect({ host: server.host, port: server.port });
			socket.on('error', () => {});
			socket.pause();
			socket.once('connect', () => {
				socket.write(text);
				done(socket);
			});
			socket.once('close', () => fail(new Error('refused')));
		}))));
	}
	return all;
}

const close = (sockets) => Promise.all(sockets.map((s) => new Promise((done) => {
	if (s.closed ?? s.destroyed) {
		done();
		return;
	}
	s.once('close', done);
	s.destroy();
})));

/** Others are served: a search, a page, an upload, a sign-in. */
async function othersAreServed(what) {
	const from = performance.now();
	assert.equal((await ada.post('/v1/search', { query: 'quokka', limit: 3 })).status, 200, what);
	assert.equal((await server.anonymous.get('/healthz')).status, 200, what);
	const r = await ada.upload('c', `${performance.now()}.md`, `# Note\n\nWritten while there were ${what}.\n`);
	assert.equal(r.status, 202, `${what}: ${r.text}`);
	await server.signIn('ada');
	const ms = performance.now() - from;
	assert.ok(ms < 30_000, `${what}: ${Math.round(ms)} ms`);
	return ms;
}

const authorization = ada.headers.authorization;
const alone = await othersAreServed('nobody else');

test('idle connections', { timeout: 120_000 }, async () => {
	const limit = Number(execFileSync('prlimit', ['--pid', String(server.pid), '--nofile', '--output', 'SOFT', '--noheadings']));
	const n = Math.min(IDLE, limit - 500);
	const before = resident();
	const sockets = await connections(n);
	await until(async () => (await server.counts()).http.connections >= n, 'all are accepted', 30_000);
	const each = (resident() - before) * 1024 / n;
	const ms = await othersAreServed(`${n} idle connections`);
	assert.equal(sockets.filter((s) => s.destroyed).length, 0, 'none is ended');
	console.log(`figure: ${n} idle connections: ${each.toFixed(1)} KB each; four requests beside them ${Math.round(ms)} ms (alone ${Math.round(alone)} ms)`);
	assert.ok(each < 16, `${each} KB each`);
	await close(sockets);
	await until(async () => (await server.counts()).http.connections < 50, 'they are gone', 30_000);
});

test('heads that come slowly', { timeout: 120_000 }, async () => {
	const sockets = await connections(500, 'GET /healthz HTTP/1.1\r\nHost: x\r\n');
	let ended = 0;
	for (const s of sockets) {
		s.resume();
		s.once('close', () => ended++);
	}
	const drip = setInterval(() => sockets.forEach((s) => s.writable && s.write('x')), 300);
	await othersAreServed('slow heads');
	await until(() => ended === sockets.length, () => `they are ended: ${ended}`, 30_000);
	clearInterval(drip);
});

test('bodies that come slowly', { timeout: 120_000 }, async () => {
	const json = `POST /v1/search HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{`;
	const form = multipart({ collection: 'c' }, [{ name: 'slow.md', content: 'x'.repeat(100_000) }]);
	const upload = `POST /v1/documents HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\nContent-Type: ${form.headers['content-type']}\r\n` +
		`Content-Length: ${form.body.length}\r\n\r\n${form.body.subarray(0, 2000)}`;
	const slow = await connections(300, json); // these hold no thread
	const sockets = await connections(40, upload); // these would hold them all
	let ended = 0;
	for (const s of sockets) {
		s.resume();
		s.once('close', () => ended++);
	}
	const drip = setInterval(() => [...slow, ...sockets].forEach((s) => s.writable && s.write('x')), 300);
	const ms = await othersAreServed('slow bodies');
	await until(() => ended >= sockets.length - 8, () => `those in the way are ended: ${ended}`, 30_000);
	clearInterval(drip);
	console.log(`figure: 300 slow bodies and 40 slow uploads: four requests beside them ${Math.round(ms)} ms`);
	await close([...slow, ...sockets]);
});

test('readers that do not read', { timeout: 120_000 }, async () => {
	const made = await ada.upload('c', 'large.txt', 'A line of the large file.\n'.repeat(400_000));
	assert.equal(made.status, 202, made.text);
	await ada.jobEnd(made.json.jobId);
	const before = resident();
	const sockets = await connections(200, `GET /v1/documents/${made.json.documentId}/content HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\n\r\n`);
	await pause(500);
	const ms = await othersAreServed('readers that do not read');
	const each = (resident() - before) * 1024 / sockets.length;
	console.log(`figure: 200 readers that do not read a 10 MB file: ${each.toFixed(0)} KB each; four requests beside them ${Math.round(ms)} ms`);
	assert.ok(each < 1024, `${each} KB each`);
	await close(sockets);
});

test('a thousand sign-ins at once', { timeout: 600_000 }, async () => {
	const before = resident();
	const enough = process.env.FAULT_STEP ? 1000 : 975; // some 35 are heard, at a tenth of a second each; when most are answered the rest hang up
	const statuses = {};
	let highest = 0, n = 0;
	const look = setInterval(() => { highest = Math.max(highest, resident()); }, 20);
	const leave = new AbortController();
	setMaxListeners(0, leave.signal);
	const all = Array.from({ length: 1000 }, async (_, i) => {
		const body = JSON.stringify({ name: i % 3 ? 'ada' : `nobody${i}`, password: i % 2 ? PASSWORD : 'not this one at all' });
		const headers = { 'content-type': 'application/json', 'content-length': body.length };
		const said = await request(server.anonymous.target, 'POST', '/v1/auth/login', { body, headers, signal: leave.signal }).catch((error) => ({ status: error.name }));
		statuses[said.status] = (statuses[said.status] ?? 0) + 1;
		if (++n === enough) {
			leave.abort();
		}
	});
	const from = performance.now();
	assert.equal((await ada.post('/v1/search', { query: 'quokka', limit: 3 })).status, 200);
	const ms = performance.now() - from;
	await Promise.all(all);
	clearInterval(look);
	console.log(`figure: 1,000 sign-ins at once: ${JSON.stringify(statuses)}; ${Math.round(highest - before)} MB more at most; a search meanwhile ${Math.round(ms)} ms`);
	assert.ok(Object.keys(statuses).every((s) => ['200', '401', '429', '503', 'AbortError'].includes(s)), JSON.stringify(statuses));
	assert.ok(ms < 30_000, `a search took ${ms} ms`);
	assert.ok(highest - before < 400, `${highest - before} MB`); // four hashes of 64 MB, and the requests
});
