// People and their credentials for the flows: raw requests that carry exactly what they are told to.
import http from 'node:http';
import path from 'node:path';
import assert from 'node:assert/strict';
import { runCarrel } from './carrel.mjs';

// Idle connections are let go before the server does so: a request would be lost on them.
const tcp = new http.Agent({ keepAlive: true, maxSockets: 16, timeout: 1000 });
const local = new http.Agent({ keepAlive: true, maxSockets: 16, timeout: 1000 });

// One request. opts: headers, body (JSON, or a string or Buffer as it is), socket: over the machine's socket,
// onData(chunk): called while the answer comes. Gives { status, headers, text, bytes, json, ms }.
export function ask(server, method, url, { headers = {}, body, socket = false, onData, signal } = {}) {
	const where = socket ? { socketPath: path.join(server.data, 'carrel.sock'), agent: local }
		: { host: server.host, port: server.port, agent: tcp };
	let bytes;
	headers = { ...headers };
	if (body !== undefined) {
		const raw = typeof body === 'string' || Buffer.isBuffer(body);
		bytes = raw ? Buffer.from(body) : Buffer.from(JSON.stringify(body));
		headers['content-type'] ??= 'application/json';
		headers['content-length'] = bytes.length;
	} else if (method !== 'GET' && method !== 'HEAD') {
		headers['content-length'] = 0;
	}
	const began = performance.now();
	return new Promise((resolve, reject) => {
		const req = http.request({ ...where, method, path: url, headers, signal }, (res) => {
			const chunks = [];
			let cut = false;
			const end = () => {
				const all = Buffer.concat(chunks);
				const text = all.toString('utf8');
				let json;
				try {
					json = JSON.parse(text);
				} catch {
					json = undefined;
				}
				resolve({ status: res.statusCode, headers: res.headers, text, bytes: all, json, cut, ms: performance.now() - began });
			};
			res.on('data', (c) => {
				chunks.push(c);
				onData?.(c, res);
			});
			res.on('error', () => { cut = true; });
			res.on('close', end);
		});
		req.on('error', reject);
		req.end(bytes);
	});
}

// As the machine's operator on its socket, or in somebody's place.
export function operate(server, method, url, body, { as, workspace } = {}) {
	const headers = { ...(as && { 'x-carrel-as': as }), ...(workspace && { 'x-carrel-workspace': workspace }) };
	return ask(server, method, url, { headers, body, socket: true });
}

// All that the server printed.
export const output = (server) => server.stdout + server.log;

// What a sign-in gives: { name, cookie, csrf, access, user, session }.
export async function signIn(server, name, password) {
	const r = await ask(server, 'POST', '/v1/auth/login', { body: { name, password } });
	assert.equal(r.status, 200, r.text);
	return credentials(name, r);
}

export function credentials(name, r) {
	return {
		name,
		cookie: r.headers['set-cookie'][0].split(';')[0],
		csrf: r.json.csrfToken,
		access: r.json.accessToken,
		user: r.json.user,
	};
}

export const bearer = (secret) => ({ authorization: `Bearer ${secret}` });
export const cookieOnly = (s) => ({ cookie: s.cookie });
export const withCsrf = (s) => ({ cookie: s.cookie, 'x-csrf-token': s.csrf });

// The one error shape (the Error schema of openapi.json), and nothing beside it.
export function assertErrorShape(r) {
	assert.ok(r.json && typeof r.json === 'object', `not JSON: ${r.status} ${r.text.slice(0, 200)}`);
	assert.deepEqual(Object.keys(r.json), ['error'], r.text);
	assert.deepEqual(Object.keys(r.json.error).sort(), ['code', 'message', 'type'], r.text);
	for (const v of Object.values(r.json.error)) {
		assert.ok(typeof v === 'string' && v.length > 0, r.text);
	}
	assert.match(r.headers['content-type'], /^application\/json/);
}

export function assertError(r, status, code) {
	assert.equal(r.status, status, r.text);
	assertErrorShape(r);
	if (code) {
		assert.equal(r.json.error.code, code, r.text);
	}
}

// A well-formed id of the prefix that nothing has.
export function ghost(prefix) {
	const letters = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
	let s = '01';
	for (let i = 0; i < 24; i++) {
		s += letters[Math.floor(Math.random() * 32)];
	}
	return `${prefix}_${s}`;
}

// multipart/form-data of plain fields and one file, as { body, headers } for ask().
export function form(fields, file) {
	const edge = 'carrel-edge-7d1f';
	const parts = Object.entries(fields).map(([name, value]) =>
		Buffer.from(`--${edge}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`));
	if (file) {
		const type = file.type === null ? '' : `Content-Type: ${file.type ?? 'application/octet-stream'}\r\n`;
		const filename = (file.name ?? 'file').replaceAll('"', '%22').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
		parts.push(Buffer.from(`--${edge}\r\nContent-Disposition: form-data; name="file"; filename="${filename}"\r\n${type}\r\n`),
			Buffer.from(file.bytes), Buffer.from('\r\n'));
	}
	parts.push(Buffer.from(`--${edge}--\r\n`));
	return { body: Buffer.concat(parts), headers: { 'content-type': `multipart/form-data; boundary=${edge}` } };
}

// The route table of the binary: [{ method, pattern, access, body, needs }].
export async function routeTable() {
	const r = await runCarrel(['routes', '--json']);
	assert.equal(r.status, 0, r.stderr);
	const rows = r.stdout.trim().split('\n').map((line) => JSON.parse(line));
	assert.ok(rows.length > 3);
	return rows;
}
