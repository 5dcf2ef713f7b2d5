// What Carrel does not read itself, through a command or a service of somebody else's; and what becomes of those that
// misbehave. The unit test of ingest/external.c looks into their confinement.
import test from 'node:test';
import assert from 'node:assert/strict';
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { startCarrel, temporaryFolder, until } from './carrel.mjs';

const OLD = Buffer.concat([Buffer.from([0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1]), Buffer.from('an old kind of document')]);
let count = 0;
const old = () => Buffer.concat([OLD, Buffer.from(`, number ${++count}`)]);

async function open(settings) {
	const server = await startCarrel({ settings: { 'ingest-retry-ms': 20, ...settings } });
	const acl = [{ principal: 'workspace', right: 'read' }];
	assert.equal((await server.operator.post('/v1/collections', { name: 'old', acl })).status, 201);
	return server;
}

/** Uploads a file and waits for the end of its job: the document. */
async function bring(server, name, bytes = old()) {
	const r = await server.operator.upload('old', name, bytes);
	assert.equal(r.status, 202, r.text);
	await server.operator.jobEnd(r.json.jobId);
	return (await server.operator.get(`/v1/documents/${r.json.documentId}`)).json;
}
const text = async (server, d) => (await server.operator.get(`/v1/documents/${d.id}/text`)).text;
const isOver = (d) => ['indexed', 'no_text', 'failed', 'cancelled'].includes(d.state);
const commandOf = (pid) => {
	try {
		return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
	} catch {
		return ''; // it has ended
	}
};
const running = (seconds) => readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && commandOf(pid).includes(`sleep\u0000${seconds}`));
const stage = (server) => readdirSync(path.join(server.data, 'stage'));

test('without one, the message says what to install', async (t) => {
	const server = await open({ 'external-command': 'off' });
	t.after(() => server.stop());
	const d = await bring(server, 'letter.doc');
	assert.deepEqual([d.state, d.reason], ['failed', 'unsupported_type']);
	assert.match(d.message, /install LibreOffice or set external-command/);
	const other = await bring(server, 'letter.zzz');
	assert.doesNotMatch(other.message, /LibreOffice/);
});

test('a command', async (t) => {
	const folder = temporaryFolder();
	const script = path.join(folder, 'convert');
	const says = (body) => {
		writeFileSync(script, `#!/bin/sh\nfile=$1 dir=$2\n${body}\n`);
		chmodSync(script, 0o755);
	};
	says('true');
	const server = await open({ 'external-command': `${script} {file} {dir}`, 'external-timeout-s': 2, 'ingest-inflated-mb': 1 });
	t.after(() => server.stop().finally(() => rmSync(folder, { recursive: true })));

	await t.test('gives a document, which is found', async () => {
		says('{ echo "# Offer"; echo; echo "The dotterel chair costs 815 EUR."; wc -c <"$file"; } >"$dir/out.md"');
		const bytes = old();
		const d = await bring(server, 'Offer & Co $(id).doc', bytes);
		assert.deepEqual([d.state, d.mediaType, d.message], ['indexed', 'application/msword', null]);
		assert.match(await text(server, d), new RegExp(`815 EUR[^]*${bytes.length}`));
		const content = await server.operator.get(`/v1/documents/${d.id}/content`);
		assert.deepEqual(content.body, bytes); // the original is what is kept
		const found = await server.operator.post('/v1/search', { query: 'dotterel chair', limit: 3 });
		assert.equal(found.json.passages[0].documentId, d.id);
	});
	const FAILURES = [
		['fails', 'exit 1', 'external_failed'],
		['writes nothing', 'exit 0', 'external_failed'],
		['writes garbage', 'head -c 4000 /dev/urandom >"$dir/out.pdf"', 'external_failed'],
		['writes too much', 'head -c 5000000 /dev/zero >"$dir/out.pdf"', 'external_failed'],
		['is not there any more', null, 'external_unavailable'],
		['takes too long', 'sleep 30', 'external_timeout'],
		['leaves children behind', `(sleep 47.11 &) ; sleep 47.11 & exit 1`, 'external_failed'],
		['asks the network', 'python3 -c "import socket; socket.create_connection((\'127.0.0.1\', PORT))" && echo x >"$dir/x.md" || exit 1', 'external_failed'],
		['writes elsewhere', `echo x >${folder}/elsewhere && echo x >"$dir/x.md" || exit 1`, 'external_failed'],
		['reads elsewhere', 'cat DATA/carrel.db >"$dir/x.md" || exit 1', 'external_failed'],
	];
	for (const [what, body, reason] of FAILURES) {
		await t.test(`that ${what}`, async () => {
			if (body === null) {
				rmSync(script);
			} else {
				says(body.replace('PORT', server.port).replace('DATA', server.data));
			}
			const d = await bring(server, `${what}.doc`);
			assert.deepEqual([d.state, d.reason], ['failed', reason], d.message);
			assert.ok(d.message.length > 30);
			assert.deepEqual(stage(server), []);
		});
	}
	await t.test('nothing of it is left', () => {
		assert.ok(!existsSync(path.join(folder, 'elsewhere')));
		assert.deepEqual(running('47.11'), []);
	});
	await t.test('may be cancelled', async () => {
		says('sleep 30');
		const r = (await server.operator.upload('old', 'slow.doc', old())).json;
		await until(async () => (await server.operator.get(`/v1/jobs/${r.jobId}`)).json.state === 'running', 'it runs');
		const from = Date.now();
		assert.equal((await server.operator.post(`/v1/jobs/${r.jobId}/cancel`)).status, 202);
		assert.equal((await server.operator.jobEnd(r.jobId)).state, 'cancelled');
		assert.ok(Date.now() - from < 2000);
	});
	await t.test('is not set through the API', async () => {
		const r = await server.operator.patch('/v1/settings', { settings: { 'external-command': '/bin/sh' } });
		assert.equal(r.status, 400, r.text);
	});
});

test('nothing outlives a server that is killed', async (t) => {
	const server = await open({ 'external-command': "sh -c '(sleep 48.12 &) ; sleep 48.12'" });
	t.after(() => server.stop());
	await server.operator.upload('old', 'slow.doc', old());
	await until(() => running('48.12').length === 2, 'it runs');
	await server.kill();
	await until(() => running('48.12').length === 0, 'it has ended', 3000);
});

test('a service', async (t) => {
	let answer;
	const asked = [];
	const service = http.createServer((req, res) => {
		const parts = [];
		req.on('data', (part) => parts.push(part));
		req.on('end', () => {
			asked.push({ method: req.method, url: req.url, headers: req.headers, body: Buffer.concat(parts) });
			answer(res);
		});
	});
	await new Promise((done) => { service.listen(0, '127.0.0.1', done); });
	const url = `http://127.0.0.1:${service.address().port}/convert?x=1`;
	const server = await open({ 'external-url': url, 'external-timeout-s': 2, 'ingest-inflated-mb': 1 });
	t.after(() => server.stop().finally(() => {
		service.closeAllConnections();
		service.close();
	}));
	const send = (status, body, headers = {}) => (res) => {
		res.writeHead(status, headers);
		res.end(body);
	};

	await t.test('is sent the file and answers with a document', async () => {
		answer = send(200, '<html><body><h1>Offer</h1><p>The plover table costs 333 EUR.</p></body></html>');
		const bytes = old();
		const d = await bring(server, 'folder/Prüfung 1.xls', bytes);
		assert.deepEqual([d.state, d.mediaType], ['indexed', 'application/vnd.ms-excel']);
		assert.match(await text(server, d), /plover table/);
		const [only] = asked;
		assert.deepEqual([asked.length, only.method, only.url], [1, 'POST', '/convert?x=1']);
		assert.equal(only.headers['content-type'], 'application/vnd.ms-excel');
		assert.equal(decodeURIComponent(only.headers['x-file-name']), 'Prüfung 1.xls');
		assert.equal(Number(only.headers['content-length']), bytes.length);
		assert.deepEqual(only.body, bytes);
	});
	const FAILURES = [
		['refuses it', send(422, 'no'), 'external_failed', 1],
		['answers with nothing', send(200, ''), 'external_failed', 1],
		['answers with garbage', send(200, Buffer.from([0, 1, 2, 3, 4, 250, 251])), 'external_failed', 1],
		['answers with too much', send(200, Buffer.alloc(2_000_000, 'x')), 'external_failed', 1],
		['sends elsewhere', send(302, '', { location: 'http://127.0.0.1:9/' }), 'external_failed', 1],
		['does not answer', () => {}, 'external_timeout', 1],
		['has an error of its own', send(503, 'later'), 'external_failed', 3], // and is asked again
		['hangs up', (res) => res.destroy(), 'external_unavailable', 3],
	];
	for (const [what, how, reason, times] of FAILURES) {
		await t.test(`that ${what}`, async () => {
			answer = how;
			asked.length = 0;
			const d = await bring(server, `${what}.ppt`);
			assert.ok(isOver(d));
			assert.deepEqual([d.state, d.reason], ['failed', reason], d.message);
			assert.equal(asked.length, times);
		});
	}
});
