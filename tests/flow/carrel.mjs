// A real server for black-box tests: started on a fresh data folder and a free port, stopped by its own process id.
//
//   const server = await startCarrel({ settings: { 'http-idle-ms': 2000 } });
//   const ada = await server.bootstrap();               // the first operator, signed in
//   const bob = await server.createUser(ada, 'bob');    // any further user, signed in
//   await ada.post('/v1/collections', { name: 'x' });   // { status, headers, json, text, body }
//   await ada.upload('x', 'a.txt', 'text');             // multipart; the answer
//   await server.operator.get('/healthz');              // over the Unix socket, as the machine's operator
//   await server.stop();                                // graceful; throws unless it ended with status 0
//
// Plain JavaScript, no packages, node 18 or later.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
/** The program under test: $CARREL, else that of $BUILD. */
export const CARREL = path.resolve(
	ROOT,
	process.env.CARREL || path.join(process.env.BUILD || 'build', 'carrel'),
);
export const PASSWORD = 'a long enough password';

export function temporaryFolder(name = 'carrel-flow-') {
	return mkdtempSync(path.join(process.env.TMPDIR || tmpdir(), name));
}

export const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/** Waits until check() gives something true, looking every few milliseconds; throws after `ms`. */
export async function until(check, what, ms = 10000) {
	const end = Date.now() + ms;
	for (;;) {
		const value = await check();
		if (value) {
			return value;
		}
		if (Date.now() > end) {
			const text = typeof what === 'function' ? await what() : what;
			throw new Error(`it did not happen within ${ms} ms: ${text}`);
		}
		await pause(10);
	}
}

/** Settings come from nowhere but the test. */
function cleanEnvironment(extra) {
	const env = { ...process.env, ...extra };
	for (const name of Object.keys(env)) {
		if (name.startsWith('CARREL') && !(name in extra)) {
			delete env[name];
		}
	}
	return env;
}

/** Runs the command line: { status, stdout, stderr }. */
export function runCarrel(args, { env = {}, input = '', cwd = ROOT } = {}) {
	return new Promise((done, fail) => {
		const child = spawn(CARREL, args, { env: cleanEnvironment(env), cwd });
		const out = { status: null, stdout: '', stderr: '' };
		child.stdout.on('data', (bytes) => (out.stdout += bytes));
		child.stderr.on('data', (bytes) => (out.stderr += bytes));
		child.on('error', fail);
		child.on('close', (status, signal) => done({ ...out, status: status ?? signal }));
		child.stdin.on('error', () => {});
		child.stdin.end(input);
	});
}

/** One request on a connection of its own. target: { host, port } or { socketPath }. */
export function request(target, method, url, { headers = {}, body, signal } = {}) {
	return new Promise((done, fail) => {
		const options = { ...target, method, path: url, headers, signal, agent: false };
		const req = http.request(options, (res) => {
			const parts = [];
			res.on('data', (bytes) => parts.push(bytes));
			res.on('error', fail);
			res.on('end', () => {
				const bytes = Buffer.concat(parts);
				const text = bytes.toString();
				const isJson = (res.headers['content-type'] || '').startsWith('application/json');
				const json = isJson && text ? JSON.parse(text) : null;
				done({ status: res.statusCode, headers: res.headers, body: bytes, text, json });
			});
		});
		req.on('error', fail);
		req.end(body);
	});
}

/** Somebody who asks; `headers` go with every request. */
export class Client {
	constructor(target, headers = {}) {
		this.target = target;
		this.headers = headers;
	}

	call(method, url, json, more = {}) {
		const body = json === undefined ? undefined : JSON.stringify(json);
		const headers = { ...this.headers };
		if (body !== undefined) {
			headers['content-type'] = 'application/json';
			headers['content-length'] = Buffer.byteLength(body);
		}
		return request(this.target, method, url, { headers: { ...headers, ...more }, body });
	}
	get(url, headers) {
		return this.call('GET', url, undefined, headers);
	}
	post(url, json, headers) {
		return this.call('POST', url, json, headers);
	}
	put(url, json, headers) {
		return this.call('PUT', url, json, headers);
	}
	patch(url, json, headers) {
		return this.call('PATCH', url, json, headers);
	}
	delete(url, headers) {
		return this.call('DELETE', url, undefined, headers);
	}

	/** The answer of POST /v1/documents for one file; fields: { acl: '[…]', name: '…' }. collection null: none. */
	upload(collection, name, content, fields = {}) {
		const form = multipart({ ...(collection !== null && { collection }), ...fields }, [{ name, content }]);
		const headers = { ...this.headers, ...form.headers };
		return request(this.target, 'POST', '/v1/documents', { headers, body: form.body });
	}

	/** Server-sent events until onEvent returns true or the stream ends. */
	events(url, { onEvent = () => false, headers = {} } = {}) {
		return new Promise((done, fail) => {
			const options = { ...this.target, path: url, agent: false };
			const req = http.request({ ...options, headers: { ...this.headers, ...headers } });
			req.on('error', fail);
			req.on('response', (res) => {
				const out = { status: res.statusCode, headers: res.headers, events: [], text: '' };
				res.setEncoding('utf8');
				res.on('error', () => done(out));
				res.on('end', () => done(out));
				res.on('data', (text) => {
					out.text += text;
					if (res.statusCode === 200 && takeEvents(out, onEvent)) {
						req.destroy();
						done(out);
					}
				});
			});
			req.end();
		});
	}

	/** Follows a job to its end: the job. */
	async jobEnd(id) {
		const { status, text, events } = await this.events(`/v1/jobs/${id}/stream`);
		const last = events[events.length - 1];
		if (!last || last.event !== 'done') {
			throw new Error(`job ${id}: ${status}, its stream ended without "done": ${text}`);
		}
		return JSON.parse(last.data);
	}
}

/** Moves whole events from out.text to out.events; true when onEvent has what it wants. */
function takeEvents(out, onEvent) {
	for (let cut; (cut = out.text.indexOf('\n\n')) >= 0; ) {
		const one = parseEvent(out.text.slice(0, cut));
		out.text = out.text.slice(cut + 2);
		if (one) {
			out.events.push(one);
			if (onEvent(one)) {
				return true;
			}
		}
	}
	return false;
}

/** { id, event, data }; null for a comment. */
export function parseEvent(block) {
	const out = { id: null, event: 'message' };
	const data = [];
	for (const line of block.split('\n')) {
		const colon = line.indexOf(':');
		const field = colon < 0 ? line : line.slice(0, colon);
		const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
		if (field === 'data') {
			data.push(value);
		} else if (field === 'id' || field === 'event') {
			out[field] = value;
		}
	}
	return data.length ? { ...out, data: data.join('\n') } : null;
}

/** A form as bytes, with the headers that announce it. files: [{ name, content, type, field }]. */
export function multipart(fields, files, boundary = 'carrel-test-boundary') {
	const parts = [];
	for (const [name, value] of Object.entries(fields)) {
		parts.push(
			`--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
		);
	}
	for (const file of files) {
		parts.push(
			`--${boundary}\r\nContent-Disposition: form-data; name="${file.field || 'file'}"; ` +
				`filename="${file.name}"\r\n` +
				`Content-Type: ${file.type || 'application/octet-stream'}\r\n\r\n`,
			file.content,
			'\r\n',
		);
	}
	parts.push(`--${boundary}--\r\n`);
	const body = Buffer.concat(parts.map((part) => Buffer.from(part)));
	const type = `multipart/form-data; boundary=${boundary}`;
	return { body, headers: { 'content-type': type, 'content-length': body.length } };
}

/** settings: { 'http-idle-ms': 2000 }; data: a folder that is kept, else one that stop() removes. */
export async function startCarrel({ settings = {}, data, env = {}, command = [CARREL], readyMs = 30000 } = {}) {
	const server = new Server(data ?? temporaryFolder(), data === undefined);
	const flags = Object.entries(settings).map(([name, value]) => `--${name}=${value}`);
	const args = ['serve', '--data', server.data, '--listen', '127.0.0.1:0', ...flags];
	server.spawn([...command, ...args], cleanEnvironment(env));
	await server.ready(readyMs);
	return server;
}

class Server {
	constructor(data, ownsData) {
		this.data = data;
		this.ownsData = ownsData;
		this.log = '';
		this.stdout = '';
		this.exit = null;
	}

	spawn([program, ...args], env) {
		this.child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
		this.pid = this.child.pid;
		this.child.stdout.on('data', (bytes) => (this.stdout += bytes));
		this.child.stderr.on('data', (bytes) => (this.log += bytes));
		this.ended = new Promise((done) => {
			const end = (exit) => done((this.exit = exit));
			this.child.on('error', (error) => end({ status: null, signal: null, error }));
			this.child.on('close', (status, signal) => end({ status, signal }));
		});
	}

	async ready(ms = 30000) {
		const said = /ready on http:\/\/(\S+):(\d+)\n/;
		const what = () => `the server is ready; it said:\n${this.stdout}${this.log}`;
		await until(() => this.exit || said.test(this.stdout), what, ms);
		if (this.exit) {
			throw new Error(`the server ended (${JSON.stringify(this.exit)}) before ${what()}`);
		}
		const [, host, port] = this.stdout.match(said);
		this.host = host;
		this.port = Number(port);
		this.url = `http://${host}:${port}`;
		this.bootstrapToken = (this.stdout.match(/one-time token (\S+)/) || [])[1] || null;
		this.anonymous = new Client({ host, port });
		this.operator = new Client({ socketPath: path.join(this.data, 'carrel.sock') });
	}

	asBearer(token) {
		return new Client(this.anonymous.target, { authorization: `Bearer ${token}` });
	}

	/** Makes the first operator with the one-time token. */
	async bootstrap(name = 'ada', password = PASSWORD) {
		const order = { token: this.bootstrapToken, name, password };
		const answer = await this.anonymous.post('/v1/bootstrap', order);
		if (answer.status !== 201) {
			throw new Error(`bootstrap: ${answer.status} ${answer.text}`);
		}
		return this.asBearer(answer.json.accessToken);
	}

	async signIn(name, password = PASSWORD) {
		const answer = await this.anonymous.post('/v1/auth/login', { name, password });
		if (answer.status !== 200) {
			throw new Error(`sign in as ${name}: ${answer.status} ${answer.text}`);
		}
		return this.asBearer(answer.json.accessToken);
	}

	/** A further user of the admin's workspace, signed in; client.user is its id. */
	async createUser(admin, name, role = 'member', password = PASSWORD) {
		const made = await admin.post('/v1/users', { name, password, role });
		if (made.status !== 201) {
			throw new Error(`create ${name}: ${made.status} ${made.text}`);
		}
		const client = await this.signIn(name, password);
		client.user = made.json.id;
		return client;
	}

	/** What the operator is told: { http: { connections, streams, … }, jobs: { … } }. */
	async counts() {
		return (await this.operator.get('/healthz')).json;
	}

	/** A connection whose bytes the test sees itself; localAddress: whence, of this machine's. */
	raw(localAddress) {
		return new Raw(net.connect({ host: this.host, port: this.port, localAddress }));
	}

	kill() {
		this.child.kill('SIGKILL');
		return this.ended;
	}

	/** Asks for a graceful stop and wants status 0. */
	async stop() {
		if (!this.exit) {
			if (!this.child.killed) {
				this.child.kill('SIGTERM');
			}
			const hang = setTimeout(() => this.child.kill('SIGABRT'), 30000);
			await this.ended;
			clearTimeout(hang);
		}
		if (this.ownsData) {
			rmSync(this.data, { recursive: true, force: true });
		}
		if (this.exit.status !== 0 && this.exit.signal !== 'SIGKILL') {
			const found = this.log.match(/^(WARNING: ThreadSanitizer|==\d+==ERROR: )[^]*?^SUMMARY: .*$/gm) ?? [];
			const tail = [...found, this.log.slice(-4000)].join('\n');
			throw new Error(`the server ended with ${JSON.stringify(this.exit)}:\n${tail}`);
		}
	}
}

export class Raw {
	constructor(socket) {
		this.socket = socket;
		this.bytes = Buffer.alloc(0);
		this.parts = [];
		this.closed = false;
		socket.setNoDelay(true);
		socket.on('data', (part) => this.parts.push(part));
		for (const end of ['error', 'end', 'close']) {
			socket.on(end, () => (this.closed = true));
		}
	}

	send(bytes) {
		if (!this.socket.destroyed) {
			this.socket.write(bytes);
		}
		return this;
	}
	/** Ends this side only. */
	finish() {
		this.socket.end();
		return this;
	}
	destroy() {
		this.socket.destroy();
	}

	/** All that came so far, a character for each byte. */
	get text() {
		if (this.parts.length) {
			this.bytes = Buffer.concat([this.bytes, ...this.parts]);
			this.parts = [];
		}
		return this.bytes.toString('latin1');
	}

	/** Waits for a text; returns all that came. Throws when the end came first. */
	async hear(what, ms) {
		const heard = () => `${JSON.stringify(what)} comes; heard:\n${this.text.slice(0, 2000)}`;
		await until(() => this.text.includes(what) || this.closed, heard, ms);
		if (!this.text.includes(what)) {
			throw new Error(`the connection ended before ${heard()}`);
		}
		return this.text;
	}

	/** Waits until the server closes; returns all that came. */
	async rest(ms) {
		const heard = () => `the connection closes; heard:\n${this.text.slice(0, 2000)}`;
		await until(() => this.closed, heard, ms);
		this.destroy();
		return this.text;
	}
}
