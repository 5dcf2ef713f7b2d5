// The HTTP server as bytes: framing, smuggling, limits, time, streams, vanished clients, memory.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';

import { multipart, pause, startCarrel, until } from './carrel.mjs';

const HOST = 'Host: x\r\n';
const CLOSE = 'Connection: close\r\n\r\n';
const HEALTH = `GET /healthz HTTP/1.1\r\n${HOST}`;
const JSON_HEAD = `${HOST}Content-Type: application/json\r\n`;
const LOGIN = `POST /v1/auth/login HTTP/1.1\r\n${JSON_HEAD}`;
const FORM_HEAD = `${HOST}Content-Type: multipart/form-data; boundary=carrel-test-boundary\r\n`;
const chunk = (text) => `${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`;

let server;
let ada;
before(async () => {
	server = await startCarrel({
		settings: {
			'http-header-ms': 600,
			'http-idle-ms': 2500,
			'http-body-kb': 16,
			'upload-max-mb': 40,
		},
	});
	ada = await server.bootstrap();
	assert.equal((await ada.post('/v1/collections', { name: 'raw' })).status, 201);
});
after(() => server?.stop());

const auth = () => `Authorization: ${ada.headers.authorization}\r\n`;
/** A request with a JSON body whose answer is 409: the collection is there. */
const TAKEN = '{"name":"raw"}';
const taken = () => `POST /v1/collections HTTP/1.1\r\n${auth()}${JSON_HEAD}`;
const statuses = (text) => [...text.matchAll(/HTTP\/1\.1 (\d\d\d) /g)].map((m) => Number(m[1]));

/** Sends bytes and gives the statuses of all answers until the server closes. */
async function answers(bytes) {
	return statuses(await server.raw().send(bytes).rest());
}

describe('plain requests', () => {
	test('every answer has its id, and no type is guessed', async () => {
		const text = await server.raw().send(HEALTH + CLOSE).rest();
		assert.match(text, /^HTTP\/1\.1 200 OK\r\n/);
		assert.match(text, /\r\nX-Request-Id: req_[0-9A-Z]{26}\r\n/);
		assert.match(text, /\r\nX-Content-Type-Options: nosniff\r\n/);
		assert.match(text, /\r\nCache-Control: no-store\r\n/);
		assert.match(text, /\r\nDate: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r\n/);
	});

	test('HEAD is GET without the body', async () => {
		const text = await server.raw().send(`HEAD /healthz HTTP/1.1\r\n${HOST}${CLOSE}`).rest();
		assert.match(text, /Content-Length: [1-9]/);
		assert.ok(text.endsWith('\r\n\r\n'));
	});

	test('absolute form, empty lines before, HTTP/1.0, an upgrade that is not taken', async () => {
		assert.deepEqual(
			await answers(`GET http://elsewhere:99/healthz HTTP/1.1\r\n${HOST}${CLOSE}`),
			[200],
		);
		assert.deepEqual(await answers(`\r\n\r\n${HEALTH}${CLOSE}`), [200]);
		assert.deepEqual(await answers('GET /healthz HTTP/1.0\r\n\r\n'), [200]);
		const upgrade = 'Upgrade: h2c\r\nConnection: Upgrade, close\r\n\r\n';
		assert.deepEqual(await answers(HEALTH + upgrade), [200]);
	});

	test('unknown is 404 and as absent as any absent thing, another method is 405', async () => {
		const unknown = await ada.get('/v1/nothing');
		const absent = await ada.get('/v1/documents/doc_01ARZ3NDEKTSV4RRFFQ69G5FAV');
		assert.equal(unknown.status, 404);
		assert.equal(absent.status, 404);
		assert.deepEqual(unknown.json, absent.json);
		const wrong = await ada.put('/healthz', {});
		assert.equal(wrong.status, 405);
		assert.equal(wrong.headers.allow, 'GET, HEAD');
	});

	test('no credential is 401 and says how', async () => {
		const answer = await server.anonymous.get('/v1/documents');
		assert.equal(answer.status, 401);
		assert.equal(answer.headers['www-authenticate'], 'Bearer');
		assert.equal(answer.json.error.type, 'unauthenticated');
	});

	test('a body that is not what the route takes', async () => {
		const empty = await server.anonymous.post('/v1/auth/login', {});
		assert.equal(empty.json.error.code, 'missing_field');
		const close = 'Connection: close\r\n';
		assert.deepEqual(await answers(`${LOGIN}${close}Content-Length: 4\r\n\r\nnull`), [400]);
		assert.deepEqual(await answers(`${LOGIN}${close}Content-Length: 0\r\n\r\n`), [400]);
		assert.deepEqual(await answers(`${HEALTH}Content-Length: 2\r\n\r\n{}`), [400]);
		assert.deepEqual(await answers(`${HEALTH}Content-Length: 0\r\n${CLOSE}`), [200]);
		const untyped = `POST /v1/auth/login HTTP/1.1\r\n${HOST}Content-Length: 2\r\n${CLOSE}{}`;
		assert.deepEqual(await answers(untyped), [415]);
	});
});

describe('pipelining', () => {
	test('500 requests at once are answered in order', async () => {
		let bytes = '';
		for (let i = 0; i < 500; i++) {
			const path = i % 2 ? '/healthz' : '/v1/nothing';
			bytes += `GET ${path} HTTP/1.1\r\n${HOST}${i === 499 ? CLOSE : '\r\n'}`;
		}
		const got = await answers(bytes);
		assert.equal(got.length, 500);
		assert.ok(got.every((status, i) => status === (i % 2 ? 200 : 404)));
	});

	test('a request behind one with a body', async () => {
		const first = `${taken()}Content-Length: ${TAKEN.length}\r\n\r\n${TAKEN}`;
		assert.deepEqual(await answers(first + HEALTH + CLOSE), [409, 200]);
	});
});

describe('chunked bodies', () => {
	const chunked = 'Transfer-Encoding: chunked\r\n\r\n';

	test('in chunks, with extensions, in capital hex, followed by a request', async () => {
		const plain = chunk(TAKEN.slice(0, 5)) + chunk(TAKEN.slice(5)) + '0\r\n\r\n';
		const fancy = `00A;a=b\r\n${TAKEN.slice(0, 10)}\r\n${chunk(TAKEN.slice(10))}000\r\n\r\n`;
		for (const body of [plain, fancy]) {
			assert.deepEqual(await answers(taken() + chunked + body + HEALTH + CLOSE), [409, 200]);
		}
	});

	test('cut at every byte', async () => {
		const bytes =
			taken() + chunked + chunk(TAKEN.slice(0, 7)) + chunk(TAKEN.slice(7)) + '0\r\n\r\n';
		for (let cut = 1; cut < bytes.length; cut++) {
			const raw = server.raw().send(bytes.slice(0, cut));
			await pause(1);
			raw.send(bytes.slice(cut) + HEALTH + CLOSE);
			assert.deepEqual(statuses(await raw.rest()), [409, 200], `cut at ${cut}`);
		}
	});

	for (const [what, rest] of Object.entries({
		'a bare LF behind the size': '2\n{}\r\n0\r\n\r\n',
		'a bare LF behind the data': '2\r\n{}\n0\r\n\r\n',
		'a bare LF behind the last chunk': '2\r\n{}\r\n0\n\r\n',
		'a bare LF at the end': '2\r\n{}\r\n0\r\n\n',
		'a blank in the size': '2 \r\n{}\r\n0\r\n\r\n',
		'0x in the size': '0x2\r\n{}\r\n0\r\n\r\n',
		'a sign in the size': '+2\r\n{}\r\n0\r\n\r\n',
		'no size': '\r\n{}\r\n0\r\n\r\n',
		'a size beyond 64 bits': '10000000000000002\r\n{}\r\n0\r\n\r\n',
		'more data than the size': '2\r\n{}x\r\n0\r\n\r\n',
		'a trailer': '2\r\n{}\r\n0\r\nX: y\r\n\r\n',
		'a NUL in an extension': '2;a\0=b\r\n{}\r\n0\r\n\r\n',
		'an endless extension': `2;${'a'.repeat(200000)}\r\n{}\r\n0\r\n\r\n`,
	})) {
		test(`refused: ${what}`, async () => {
			assert.deepEqual(await answers(LOGIN + chunked + rest + HEALTH + CLOSE), [400]);
		});
	}

	test('over the limit, announced or not', async () => {
		assert.deepEqual(await answers(`${LOGIN}Content-Length: 16385\r\n\r\n`), [413]);
		assert.deepEqual(await answers(LOGIN + chunked + chunk('x'.repeat(16385))), [413]);
	});
});

describe('what two servers might read differently is refused, and the connection ends', () => {
	const zero = '\r\n\r\n0\r\n\r\n';
	for (const [what, bytes] of Object.entries({
		'two equal lengths': `${LOGIN}Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}`,
		'two different lengths': `${LOGIN}Content-Length: 2\r\nContent-Length: 40\r\n\r\n{}`,
		'a list of lengths': `${LOGIN}Content-Length: 2, 2\r\n\r\n{}`,
		'a length with a sign': `${LOGIN}Content-Length: +2\r\n\r\n{}`,
		'a negative length': `${LOGIN}Content-Length: -1\r\n\r\n{}`,
		'a length in hex': `${LOGIN}Content-Length: 0x2\r\n\r\n{}`,
		'a length of two numbers': `${LOGIN}Content-Length: 2 2\r\n\r\n{}`,
		'an empty length': `${LOGIN}Content-Length:\r\n\r\n{}`,
		'a length beyond 64 bits': `${LOGIN}Content-Length: 18446744073709551618\r\n\r\n{}`,
		'length, then chunked': `${LOGIN}Content-Length: 4\r\nTransfer-Encoding: chunked${zero}`,
		'chunked, then length': `${LOGIN}Transfer-Encoding: chunked\r\nContent-Length: 4${zero}`,
		'chunked twice': `${LOGIN}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked${zero}`,
		'chunked and something': `${LOGIN}Transfer-Encoding: chunked, identity${zero}`,
		'nearly chunked': `${LOGIN}Transfer-Encoding: xchunked${zero}`,
		'chunked behind a control character': `${LOGIN}Transfer-Encoding: \x0bchunked${zero}`,
		'a blank before the colon': `${LOGIN}Transfer-Encoding : chunked${zero}`,
		'a folded header': `${LOGIN}X: a\r\n b\r\nContent-Length: 2\r\n\r\n{}`,
		'a folded coding': `${LOGIN}Transfer-Encoding:\r\n chunked${zero}`,
		'a first header that is folded': `GET /healthz HTTP/1.1\r\n ${HOST}\r\n`,
		'a bare CR in a value': `${HEALTH}X: a\rContent-Length: 40\r\n\r\n`,
		'a bare LF after the request line': `GET /healthz HTTP/1.1\n${HOST}\r\n`,
		'a bare LF after a header': 'GET /healthz HTTP/1.1\r\nHost: x\n\r\n',
		'bare LFs only': 'GET /healthz HTTP/1.1\nHost: x\n\n',
		'CR LF CR and then no LF': `${HEALTH}\rX: y\r\n\r\n`,
		'NUL in a value': `${HEALTH}X: a\0b\r\n\r\n`,
		'NUL in a name': `${HEALTH}X\0: a\r\n\r\n`,
		'NUL in the target': `GET /healthz\0 HTTP/1.1\r\n${HOST}\r\n`,
		'a control character': `${HEALTH}X: \x07\r\n\r\n`,
		'an empty header name': `${HEALTH}: x\r\n\r\n`,
		'a header without a colon': `${HEALTH}nonsense\r\n\r\n`,
		'no Host': 'GET /healthz HTTP/1.1\r\n\r\n',
		'two Hosts': `${HEALTH}${HOST}\r\n`,
		'a Host with a path': 'GET /healthz HTTP/1.1\r\nHost: x/y\r\n\r\n',
		'two credentials': `${HEALTH}Authorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n`,
		'two blanks in the request line': `GET  /healthz HTTP/1.1\r\n${HOST}\r\n`,
		'a blank at its end': `GET /healthz HTTP/1.1 \r\n${HOST}\r\n`,
		'a tab in it': `GET\t/healthz HTTP/1.1\r\n${HOST}\r\n`,
		'no version': `GET /healthz\r\n${HOST}\r\n`,
		'a small method': `get /healthz HTTP/1.1\r\n${HOST}\r\n`,
		'a target without a slash': `GET healthz HTTP/1.1\r\n${HOST}\r\n`,
		'a fragment': `GET /healthz#x HTTP/1.1\r\n${HOST}\r\n`,
		'a broken escape': `GET /health%zz HTTP/1.1\r\n${HOST}\r\n`,
		'an escaped NUL': `GET /health%00z HTTP/1.1\r\n${HOST}\r\n`,
		'a path that is not UTF-8': `GET /health%ffz HTTP/1.1\r\n${HOST}\r\n`,
		CONNECT: `CONNECT x:80 HTTP/1.1\r\n${HOST}\r\n`,
		'chunked in HTTP/1.0': `POST /v1/auth/login HTTP/1.0\r\nTransfer-Encoding: chunked${zero}`,
		'a TLS hello': '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
	})) {
		test(what, async () => {
			const smuggled = `${HEALTH}\r\n`;
			assert.deepEqual(await answers(Buffer.from(bytes + smuggled, 'latin1')), [400]);
		});
	}

	test('other codings, versions and expectations have statuses of their own', async () => {
		assert.deepEqual(await answers(`${LOGIN}Transfer-Encoding: gzip, chunked${zero}`), [501]);
		assert.deepEqual(await answers(`GET /healthz HTTP/1.2\r\n${HOST}\r\n`), [505]);
		assert.deepEqual(await answers(`GET /healthz HTTP/2.0\r\n${HOST}\r\n`), [505]);
		assert.deepEqual(await answers(`${HEALTH}Expect: wonders\r\n\r\n`), [417]);
	});

	test('headers and targets that are too large', async () => {
		assert.deepEqual(await answers(`${HEALTH}X: ${'x'.repeat(17000)}\r\n\r\n`), [431]);
		assert.deepEqual(await answers(`${HEALTH}${'X: y\r\n'.repeat(150)}\r\n`), [431]);
		for (const n of [9000, 17000]) {
			assert.deepEqual(await answers(`GET /${'x'.repeat(n)} HTTP/1.1\r\n${HOST}\r\n`), [414]);
		}
	});
});

describe('Expect: 100-continue', () => {
	const head = (length, more = '') =>
		`POST /v1/documents HTTP/1.1\r\n${FORM_HEAD}${more}` +
		`Content-Length: ${length}\r\nExpect: 100-continue\r\n\r\n`;

	test('is answered, then the body is taken', async () => {
		const file = { name: 'expected.txt', content: 'Expected text.' };
		const { body } = multipart({ collection: 'raw' }, [file]);
		const raw = server.raw().send(head(body.length, auth()));
		await raw.hear('HTTP/1.1 100 Continue\r\n\r\n');
		raw.send(body);
		assert.match(await raw.hear('"documentId"'), /HTTP\/1\.1 202 /);
		raw.destroy();
	});

	test('is not said to somebody unknown, for too much, or for nothing that is there', async () => {
		assert.deepEqual(await answers(head(1000)), [401]);
		assert.deepEqual(await answers(head(100 * 1024 * 1024, auth())), [413]);
		const nowhere = head(10, `${auth()}Connection: close\r\n`).replace('documents', 'nothing');
		assert.deepEqual(await answers(nowhere), [404]);
	});
});

describe('time', () => {
	/** What comes when something is sent again and again. */
	async function drip(start, bytes, ms) {
		const raw = server.raw().send(start);
		const timer = setInterval(() => raw.send(bytes), ms);
		const text = await raw.rest();
		clearInterval(timer);
		return statuses(text);
	}

	test('slow headers: 408', async () => {
		assert.deepEqual(await drip('GET /healthz HTTP/1.1\r\n', 'X: y\r\n', 100), [408]);
	});

	test('a body that stalls: 408, buffered and streamed', async () => {
		const upload = `POST /v1/documents HTTP/1.1\r\n${auth()}${FORM_HEAD}`;
		const got = await Promise.all([
			answers(`${LOGIN}Content-Length: 40\r\n\r\n{`),
			answers(`${upload}Content-Length: 4000\r\n\r\n--carrel`),
		]);
		assert.deepEqual(got, [[408], [408]]);
	});

	test('a body that only drips: 408', async () => {
		assert.deepEqual(await drip(`${LOGIN}Content-Length: 4000\r\n\r\n`, ' ', 200), [408]);
	});

	test('an idle connection is closed without a word', async () => {
		assert.equal(await server.raw().rest(), '');
	});
});

describe('large bodies', () => {
	const big = randomBytes(30 * 1024 * 1024);
	const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');
	const form = (name, content) => multipart({ collection: 'raw' }, [{ name, content }]).body;
	let document;

	test('an upload is taken whole; the same again is recognised', async () => {
		const { status, json, text } = await ada.upload('raw', 'big.bin', big);
		assert.equal(status, 202, text);
		assert.equal(json.sha256, sha256(big));
		assert.equal(json.bytes, big.length);
		assert.equal(json.arrival, 'new');
		document = json.documentId;
		const again = await ada.upload('raw', 'big.bin', big);
		assert.equal(again.json.arrival, 'duplicate');
		assert.equal(again.json.documentId, document);
	});

	test('an upload in chunks of one byte', async () => {
		const raw = server.raw();
		raw.send(`POST /v1/documents HTTP/1.1\r\n${auth()}${FORM_HEAD}Connection: close\r\n`);
		raw.send('Transfer-Encoding: chunked\r\n\r\n');
		const parts = [];
		for (const byte of form('chunked.txt', 'In chunks.')) {
			parts.push(Buffer.from('1\r\n'), Buffer.from([byte]), Buffer.from('\r\n'));
		}
		raw.send(Buffer.concat(parts)).send('0\r\n\r\n');
		assert.deepEqual(statuses(await raw.rest()), [202]);
	});

	test('over the limit: 413, before the body where it is announced', async () => {
		const head = `POST /v1/documents HTTP/1.1\r\n${auth()}${FORM_HEAD}`;
		assert.deepEqual(await answers(`${head}Content-Length: 50000000\r\n\r\n`), [413]);
		const raw = server.raw().send(`${head}Transfer-Encoding: chunked\r\n\r\n`);
		const bytes = form('over.bin', Buffer.alloc(45 * 1024 * 1024, 'x'));
		const size = 512 * 1024;
		for (let at = 0; at < bytes.length && !raw.closed; at += size) {
			raw.send(chunk(bytes.subarray(at, at + size).toString()));
			await pause(0);
		}
		assert.deepEqual(statuses(await raw.rest()), [413]);
	});

	test('a truncated upload leaves nothing', async () => {
		const bytes = form('truncated.txt', 'x'.repeat(100000));
		const raw = server.raw().send(`POST /v1/documents HTTP/1.1\r\n${auth()}${FORM_HEAD}`);
		raw.send(`Content-Length: ${bytes.length}\r\n\r\n`);
		raw.send(bytes.subarray(0, 50000)).finish();
		assert.match(await raw.rest(), /HTTP\/1\.1 400 [^]*truncated_body/);
		const { json } = await ada.get('/v1/documents?collection=raw');
		assert.ok(json.documents.length > 0);
		assert.ok(!json.documents.some((d) => d.name === 'truncated.txt'));
	});

	const download = () => `GET /v1/documents/${document}/content HTTP/1.1\r\n${HOST}${auth()}`;

	test('a reader that stalls and goes on gets every byte', async () => {
		const raw = server.raw();
		raw.socket.pause();
		raw.send(download() + CLOSE);
		for (let i = 0; i < 4; i++) {
			await pause(400);
			raw.socket.resume();
			await pause(5);
			raw.socket.pause();
		}
		raw.socket.resume();
		const text = await raw.rest(20000);
		const cut = text.indexOf('\r\n\r\n');
		const head = text.slice(0, cut);
		assert.match(head, /\r\nContent-Length: 31457280\r\n/);
		assert.match(
			head,
			/\r\nContent-Disposition: attachment; filename="big.bin"; filename\*=UTF-8''big.bin\r\n/,
		);
		assert.match(head, /\r\nContent-Security-Policy: sandbox; default-src 'none'\r\n/);
		assert.equal(sha256(raw.bytes.subarray(cut + 4)), sha256(big));
	});

	const streams = async () => (await server.counts()).http.streams;

	test('a reader that never goes on is let go', async () => {
		const raw = server.raw();
		raw.socket.pause();
		raw.send(`${download()}\r\n`);
		await until(async () => (await streams()) === 1, 'the download is open');
		await until(async () => (await streams()) === 0, 'the server lets it go');
		raw.destroy();
	});

	test('fifty downloads that vanish in the middle', async () => {
		const list = Array.from({ length: 50 }, () => server.raw().send(`${download()}\r\n`));
		await Promise.all(list.map((raw) => raw.hear('\r\n\r\n')));
		list.forEach((raw) => raw.destroy());
		await until(async () => (await streams()) === 0, 'every stream has ended');
	});
});

describe('many connections', () => {
	test('a thousand idle ones are cheap, and all are answered', async () => {
		const status = () => readFileSync(`/proc/${server.pid}/status`, 'utf8');
		const resident = () => Number(status().match(/VmRSS:\s+(\d+)/)[1]);
		const connections = async () => (await server.counts()).http.connections;
		await until(async () => (await connections()) === 1, 'nobody else is here');
		const first = resident();
		const list = Array.from({ length: 1000 }, () => server.raw());
		list.forEach((raw) => raw.send(`${HEALTH}\r\n`));
		await Promise.all(list.map((raw) => raw.hear('"status"')));
		assert.ok((await connections()) > 1000);
		const each = ((resident() - first) * 1024) / 1000;
		list.forEach((raw) => raw.destroy());
		await until(async () => (await connections()) === 1, 'all are closed');
		const sanitized = /lib[at]san/.test(readFileSync(`/proc/${server.pid}/maps`, 'utf8'));
		assert.ok(each < (sanitized ? 65536 : 8192), `${each} bytes a connection`);
	});

	test('one over the limit is told so', async () => {
		const small = await startCarrel({ settings: { 'http-connections': 8 } });
		try {
			const list = Array.from({ length: 8 }, () => small.raw().send(`${HEALTH}\r\n`));
			await Promise.all(list.map((raw) => raw.hear('"status"')));
			assert.match(await small.raw().rest(), /^HTTP\/1\.1 503 [^]*Retry-After/);
			list.forEach((raw) => raw.destroy());
		} finally {
			await small.stop();
		}
	});
});

describe('idle streams', () => {
	let idle;
	let eve;
	let eveId;
	let job;
	before(async () => {
		// A job that waits for as long as we like: behind its back-off.
		idle = await startCarrel({ settings: { 'ingest-retry-ms': 3600000 } });
		const admin = await idle.bootstrap();
		eve = await idle.createUser(admin, 'eve');
		eveId = eve.user;
		eve.admin = admin;
		await admin.post('/v1/collections', { name: 'c' });
		const acl = JSON.stringify([{ principal: 'user:eve', right: 'read' }]);
		job = await waitingJob(admin, acl);
	});
	after(() => idle?.stop());

	/** A document whose job is still open, and stays so while nothing works on it. */
	async function waitingJob(admin, acl) {
		const text = 'word '.repeat(400000);
		for (let i = 0; i < 40; i++) {
			const { json } = await admin.upload('c', `slow-${i}.txt`, `${i} ${text}`, { acl });
			job = json.jobId;
		}
		return job;
	}

	const open = () => {
		const head = `Authorization: ${eve.headers.authorization}\r\n${HOST}`;
		return idle.raw().send(`GET /v1/jobs/${job}/stream HTTP/1.1\r\n${head}\r\n`);
	};
	const streams = async () => (await idle.counts()).http.streams;

	test('a client that vanishes is noticed', async () => {
		const list = Array.from({ length: 20 }, open);
		await Promise.all(list.map((raw) => raw.hear('event: progress')));
		assert.equal(await streams(), 20);
		list.forEach((raw) => raw.destroy());
		await until(async () => (await streams()) === 0, 'every stream has ended', 2000);
	});

	test('somebody disabled is cut off within a second', async () => {
		const raw = open();
		await raw.hear('event: progress');
		const since = Date.now();
		const answer = await eve.admin.patch(`/v1/users/${eveId}`, { disabled: true });
		assert.equal(answer.status, 200, answer.text);
		await raw.rest();
		assert.ok(Date.now() - since < 1500, `${Date.now() - since} ms`);
		assert.equal(await streams(), 0);
	});
});

describe('the end', () => {
	test('a graceful stop answers what is open, closes what is idle, and ends with 0', async () => {
		const other = await startCarrel();
		const waiting = other.raw();
		const body = '{"name":"nobody","password":"wrong password"}';
		const busy = other.raw().send(`${LOGIN}Content-Length: ${body.length}\r\n\r\n`);
		const connections = async () => (await other.counts()).http.connections;
		await until(async () => (await connections()) >= 3, 'both are open');
		other.child.kill('SIGTERM');
		assert.equal(await waiting.rest(), '');
		busy.send(body);
		assert.match(await busy.rest(), /^HTTP\/1\.1 401 [^]*Connection: close/);
		await other.stop();
	});

	test('a second server on the same folder is refused, the first goes on', async () => {
		await assert.rejects(startCarrel({ data: server.data }), /the server ended/);
		assert.equal((await server.anonymous.get('/healthz')).status, 200);
		assert.equal((await server.operator.get('/healthz')).status, 200);
	});
});
