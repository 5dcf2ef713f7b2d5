// Questions and their event streams, for the flows. People are named on the machine's socket (X-Carrel-As).
import http from 'node:http';
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { Client, startCarrel, temporaryFolder } from './carrel.mjs';

// A server that is killed and started again on the same folder; requests go over its socket.
export async function startDesk({ settings = {}, env = {}, command } = {}) {
	const data = temporaryFolder();
	const socket = join(data, 'carrel.sock');
	const client = (as) => new Client({ socketPath: socket }, as ? { 'x-carrel-as': as } : {});
	const desk = {
		data,
		socket,
		async start() {
			desk.server = await startCarrel({ data, settings, env, command });
		},
		operator: (method, path, body, { as, headers = {} } = {}) => client(as).call(method, path, body, headers),
		upload: (as, collection, name, content, fields) => client(as).upload(collection, name, content, fields),
		jobEnd: (id, as) => client(as).jobEnd(id),
		output: () => desk.server.stdout + desk.server.log,
		kill: () => desk.server.kill(),
		async restart() {
			await desk.server.stop();
			await desk.start();
		},
		async stop() {
			await desk.server.stop();
			rmSync(data, { recursive: true, force: true });
		},
	};
	await desk.start();
	return desk;
}

export function parseEvents(text) {
	return text.split('\n\n').filter((block) => /^data:/m.test(block)).map((block) => {
		const field = (name) => block.split('\n').filter((l) => l.startsWith(`${name}: `)).map((l) => l.slice(name.length + 2));
		return { id: Number(field('id')[0] ?? 0), type: field('event')[0], data: JSON.parse(field('data').join('\n')) };
	});
}

// Opens an event stream: { ready, done, status, events, text, close() }. onEvent is called as they come.
export function open(carrel, method, path, { as, body, headers = {}, onEvent } = {}) {
	const bytes = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
	const all = { ...(as && { 'x-carrel-as': as }), ...(bytes && { 'content-type': 'application/json', 'content-length': bytes.length }), ...headers };
	const stream = { events: [], status: 0, text: '' };
	stream.ready = new Promise((ready, fail) => {
		const req = http.request({ socketPath: carrel.socket, method, path, headers: all }, (res) => {
			let rest = '';
			stream.status = res.statusCode;
			res.setEncoding('utf8');
			res.on('data', (part) => {
				stream.text += part;
				rest += part;
				const stop = rest.lastIndexOf('\n\n');
				const whole = stop < 0 ? '' : rest.slice(0, stop + 2);
				rest = rest.slice(whole.length);
				for (const ev of parseEvents(whole)) {
					stream.events.push(ev);
					onEvent?.(ev, stream);
				}
			});
			stream.done = new Promise((done) => {
				res.on('close', () => done(stream));
				res.on('error', () => done(stream));
			});
			ready(stream);
		});
		req.on('error', fail);
		stream.close = () => req.destroy();
		req.end(bytes);
	});
	return stream;
}

export async function read(carrel, path, options) {
	return (await open(carrel, 'GET', path, options).ready).done;
}

export async function newConversation(carrel, as) {
	const r = await carrel.operator('POST', '/v1/conversations', {}, { as });
	assert.equal(r.status, 201, r.text);
	return r.json.id;
}

export async function postTurn(carrel, as, conversation, body, headers) {
	return carrel.operator('POST', `/v1/conversations/${conversation}/turns`, typeof body === 'string' ? { input: body } : body, { as, headers });
}

export function digest(events) {
	return {
		answer: events.filter((e) => e.type === 'assistant.delta').map((e) => e.data.text).join(''),
		citations: events.filter((e) => e.type === 'citation').map((e) => e.data),
		last: events.at(-1),
		types: events.map((e) => e.type),
	};
}

// A question in a conversation of its own, or in the one given.
export async function ask(carrel, as, input, { conversation, ...more } = {}) {
	conversation ??= await newConversation(carrel, as);
	const r = await postTurn(carrel, as, conversation, { input, ...more });
	assert.equal(r.status, 202, r.text);
	const stream = await read(carrel, r.json.streamUrl, { as });
	assert.equal(stream.status, 200, stream.text);
	return { conversation, run: r.json.runId, seq: r.json.turnSeq, events: stream.events, ...digest(stream.events) };
}

// A collection with documents { name: text }, read by the workspace: { collection, documents: { name: id } }.
export async function shelf(carrel, owner, collection, documents, acl = [{ principal: 'workspace', right: 'read' }]) {
	const made = await carrel.operator('POST', '/v1/collections', { name: collection, acl }, { as: owner });
	assert.equal(made.status, 201, made.text);
	const out = { collection: made.json.id, documents: {} };
	for (const [name, content] of Object.entries(documents)) {
		const r = await carrel.upload(owner, made.json.id, name, content);
		assert.equal(r.status, 202, r.text);
		const job = await carrel.jobEnd(r.json.jobId);
		assert.equal(job.state, 'done', JSON.stringify(job));
		out.documents[name] = r.json.documentId;
	}
	return out;
}

export async function addUser(carrel, name) {
	const r = await carrel.operator('POST', '/v1/users', { name, password: 'a long enough password' });
	assert.equal(r.status, 201, r.text);
	return r.json.id;
}

export const TRAVEL = `# Travel policy

## Hotels

The travel desk books hotels through Waypoint. A hotel room in Milan may cost at most 175 EUR per night.
A dearer room needs the approval of the head of department before the stay.

## Own car

Using your own car is paid with 0.43 EUR per kilometre. Fines for parking are paid by the driver.
`;

export const LEAVE = `# Leave policy

Every employee has 30 days of annual leave. Up to six days of annual leave may be carried over into the next year.
A sick note is needed from the third day of an illness.
`;

export const ZH = `# 差旅制度

出差住宿由行政部预订。北京的住宿上限为每晚550元。报销单应在出差结束后十个工作日内提交。
`;
