// People, two collections and short ways to bring documents in and find them, for the flows of documents.
import test from 'node:test';
import assert from 'node:assert/strict';
import { startCarrel } from './carrel.mjs';
import { unlisted } from './openapi.mjs';
import { ask, bearer, form, operate, signIn } from './people.mjs';

const PASSWORD = 'correct horse battery';

// A server where `kitchen` is read by reader, written by writer and owned by owner, who alone has `cellar`;
// outsider has nothing. ids: of the people and collections, by name.
export async function openKitchen() {
	const carrel = await startCarrel({ settings: { 'upload-max-mb': 2, 'ingest-retry-ms': 10, 'http-idle-ms': 2000 } });
	test.after(() => carrel.stop());

	const op = async (...args) => {
		const r = await operate(carrel, ...args);
		assert.ok(r.status >= 200 && r.status < 300, `${args[0]} ${args[1]}: ${r.status} ${r.text}`);
		return r.json;
	};
	const tokens = {};
	const as = (name) => bearer(tokens[name]);
	const get = (url, name) => ask(carrel, 'GET', url, { headers: as(name) });
	const send = (method, url, name, body) => ask(carrel, method, url, { headers: as(name), body });
	const ids = {};

	function post(name, f) {
		return ask(carrel, 'POST', '/v1/documents', { body: f.body, headers: { ...as(name), ...f.headers } });
	}

	const upload = (name, collection, file, fields = {}) => post(name, form({ collection, ...fields }, file));

	// Uploads and waits: { ...receipt, job }.
	async function bring(name, collection, file, fields) {
		const r = await upload(name, collection, file, fields);
		assert.equal(r.status, 202, r.text);
		assert.equal(unlisted('POST', '/v1/documents', r), null);
		const job = r.json.jobId ? await carrel.operator.jobEnd(r.json.jobId) : null;
		return { ...r.json, job };
	}

	async function found(words, name) {
		const r = await send('POST', '/v1/search', name, { query: words, limit: 20 });
		assert.equal(r.status, 200, r.text);
		return r.json.passages.filter((p) => words.split(' ').every((w) => p.text.toLowerCase().includes(w)));
	}

	let nText = 0;
	const text = (word) => ({ name: `note-${++nText}.md`, bytes: `# Note ${nText}\n\nThe secret ingredient number ${nText} is ${word}, said the cook.\n` });

	for (const name of ['reader', 'writer', 'owner', 'outsider']) {
		ids[name] = (await op('POST', '/v1/users', { name, password: PASSWORD })).id;
		tokens[name] = (await signIn(carrel, name, PASSWORD)).access;
	}
	const acl = ['read', 'write', 'own'].map((right, i) => ({ principal: `user:${['reader', 'writer', 'owner'][i]}`, right }));
	ids.kitchen = (await op('POST', '/v1/collections', { name: 'kitchen', acl })).id;
	ids.cellar = (await op('POST', '/v1/collections', { name: 'cellar', acl: [{ principal: 'user:owner', right: 'own' }] })).id;
	return { carrel, ids, tokens, op, as, get, send, post, upload, bring, found, text };
}
