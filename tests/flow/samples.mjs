// One well-formed request for each route of the API, and the things that the requests are about.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { ask, cookieOnly, form, operate, signIn } from './people.mjs';

export const PASSWORD = 'correct horse battery';

// (ids) => { path ids, body, query }; fresh: makes what a granted request uses up ──

const assetFile = readdirSync(path.join(process.env.BUILD ?? 'build', 'page')).find((name) => name.endsWith('.svg'));
const json = (body) => () => ({ body });
const none = () => ({});
const md = (n) => ({ name: `matrix-${n}.md`, bytes: `# Matrix ${n}\n\nA document of its own, number ${n}.\n`, type: 'text/markdown' });
let count = 0;

export const SAMPLES = {
	'GET /': { ask: none },
	'GET /assets/{file}': { ask: none },
	'GET /healthz': { ask: none },
	'GET /readyz': { ask: none },
	'POST /v1/bootstrap': { ask: json({ token: 'cb_wrong', name: 'late', password: PASSWORD }), answers: [401, 'wrong_token'] },
	'POST /v1/auth/login': { ask: json({ name: 'nobody-at-all', password: 'x' }), answers: [401, 'wrong_login'], guess: true },
	'POST /v1/auth/refresh': { ask: json({}), fresh: 'sign-in' },
	'POST /v1/auth/logout': { ask: json({}), fresh: 'sign-in', answersToken: [400, 'no_session'] },
	'GET /v1/me': { ask: none },
	'PATCH /v1/me': { ask: json({ displayName: 'Somebody' }) },
	'GET /v1/sessions': { ask: none },
	'DELETE /v1/sessions/{id}': { ask: none, id: 'session', fresh: 'session' },
	'GET /v1/tokens': { ask: none },
	'POST /v1/tokens': { ask: json({ name: 'another' }) },
	'DELETE /v1/tokens/{id}': { ask: none, id: 'token', fresh: 'token' },
	'GET /v1/users': { ask: none },
	'POST /v1/users': { ask: () => ({ body: { name: `made-${++count}` } }) },
	'GET /v1/users/{id}': { ask: none, id: 'user' },
	'PATCH /v1/users/{id}': { ask: json({ displayName: 'Changed' }), id: 'user' },
	'GET /v1/groups': { ask: none },
	'POST /v1/groups': { ask: () => ({ body: { name: `made-${++count}` } }) },
	'GET /v1/groups/{id}': { ask: none, id: 'group' },
	'PATCH /v1/groups/{id}': { ask: () => ({ body: { name: `renamed-${++count}` } }), id: 'group' },
	'DELETE /v1/groups/{id}': { ask: none, id: 'group', fresh: 'group' },
	'PUT /v1/groups/{id}/members/{user}': { ask: none, id: 'group' },
	'DELETE /v1/groups/{id}/members/{user}': { ask: none, id: 'group', fresh: 'member' },
	'GET /v1/principals': { ask: none },
	'GET /v1/workspaces': { ask: none },
	'POST /v1/workspaces': { ask: () => ({ body: { name: `made-${++count}` } }) },
	'GET /v1/usage': { ask: none },
	'GET /v1/audit': { ask: none },
	'GET /v1/settings': { ask: none },
	'PATCH /v1/settings': { ask: json({ settings: { 'model-retries': 2 } }) },
	'POST /v1/settings/test': { ask: json({ what: 'embedder' }) },
	'POST /v1/backup': { ask: json({ folder: 'not/absolute' }), answers: [400, 'bad_folder'] },
	'GET /v1/collections': { ask: none },
	'POST /v1/collections': { ask: () => ({ body: { name: `made-${++count}` } }) },
	'GET /v1/collections/{id}': { ask: none, id: 'collection' },
	'PATCH /v1/collections/{id}': { ask: () => ({ body: { name: `renamed-${++count}` } }), id: 'collection', fresh: 'collection' },
	'DELETE /v1/collections/{id}': { ask: none, id: 'collection', fresh: 'collection' },
	'GET /v1/collections/{id}/acl': { ask: none, id: 'collection' },
	'PUT /v1/collections/{id}/acl': { ask: json({ entries: [] }), id: 'collection', fresh: 'collection' },
	'POST /v1/search': { ask: json({ query: 'hotel in Milan' }) },
	'POST /v1/search/ranking': { ask: json({ query: 'hotel in Milan' }) },
	'POST /v1/prompt': { ask: json({ input: 'hotel in Milan' }) },
	'POST /v1/documents': { ask: (ids) => form({ collection: ids.collection }, md(++count)) },
	'GET /v1/documents': { ask: none },
	'GET /v1/documents/{id}': { ask: none, id: 'document' },
	'PATCH /v1/documents/{id}': { ask: () => ({ body: { name: `renamed-${++count}.pdf` } }), id: 'document', fresh: 'document' },
	'DELETE /v1/documents/{id}': { ask: none, id: 'document', fresh: 'document' },
	'GET /v1/documents/{id}/impact': { ask: none, id: 'document' },
	'GET /v1/documents/{id}/content': { ask: none, id: 'document' },
	'GET /v1/documents/{id}/versions': { ask: none, id: 'document' },
	'GET /v1/documents/{id}/text': { ask: (ids) => ({ query: `chunk=${ids.chunk}` }), id: 'document' },
	'GET /v1/documents/{id}/annotations': { ask: none, id: 'document' },
	'GET /v1/documents/{id}/view': { ask: (ids) => ({ query: `chunk=${ids.chunk}` }), id: 'document' },
	'GET /v1/documents/{id}/pages/{page}.png': { ask: (ids) => ({ query: `chunk=${ids.chunk}&width=200` }), id: 'document' },
	'GET /v1/documents/{id}/acl': { ask: none, id: 'document' },
	'PUT /v1/documents/{id}/acl': { ask: json({ entries: [] }), id: 'document', fresh: 'document' },
	'DELETE /v1/documents/{id}/acl': { ask: none, id: 'document', fresh: 'document' },
	'GET /v1/chunks/{id}': { ask: none, id: 'chunk' },
	'GET /v1/jobs': { ask: none },
	'GET /v1/jobs/{id}': { ask: none, id: 'job' },
	'GET /v1/jobs/{id}/stream': { ask: none, id: 'job' },
	'POST /v1/jobs/{id}/cancel': { ask: none, id: 'job' },
	'POST /v1/jobs/{id}/retry': { ask: none, id: 'job', answers: [409, null] }, // it is done: nothing to try again
	'GET /v1/reindex': { ask: none },
	'POST /v1/reindex': { ask: json({}) },
	'GET /v1/conversations': { ask: none },
	'POST /v1/conversations': { ask: json({ title: 'Questions' }) },
	'GET /v1/conversations/{id}': { ask: none, id: 'conversation' },
	'PATCH /v1/conversations/{id}': { ask: json({ title: 'More questions' }), id: 'conversation' },
	'DELETE /v1/conversations/{id}': { ask: none, id: 'conversation', fresh: 'conversation' },
	'POST /v1/conversations/{id}/turns': { ask: json({ input: 'How high may the hotel in Milan be?' }), id: 'conversation' },
	'GET /v1/conversations/{id}/turns': { ask: none, id: 'conversation' },
	'POST /v1/conversations/{id}/turns/{seq}/regenerate': { ask: json({}), id: 'conversation', fresh: 'turn' },
	'PUT /v1/conversations/{id}/turns/{seq}/run': { ask: (ids) => ({ body: { runId: ids.run } }), id: 'conversation' },
	'GET /v1/runs/{id}': { ask: none, id: 'run' },
	'GET /v1/runs/{id}/retrieval': { ask: none, id: 'run' },
	'GET /v1/runs/{id}/stream': { ask: none, id: 'run' },
	'POST /v1/runs/{id}/cancel': { ask: none, id: 'run' },
	'POST /v1/chat': { ask: json({ messages: [{ role: 'user', content: 'How high may the hotel in Milan be?' }] }) },
};

export function addressOf(route, sample, at) {
	const named = { id: at[sample.id], user: at.user, seq: at.seq, page: at.page, file: assetFile };
	return route.pattern.replace(/\{(\w+)\}/g, (_, name) => named[name]);
}

const ok = (r) => {
	assert.ok(r.status >= 200 && r.status < 300, `${r.status} ${r.text}`);
	return r.json;
};

/** entries(): those of a collection that is made. */
export class Things {
	constructor(carrel, entries) {
		const ids = {};
		const operator = async (...args) => ok(await operate(carrel, ...args));
		// What a granted request may use up, made anew.
		const fresh = {
			async collection() {
				const c = await operator('POST', '/v1/collections', { name: `fresh-${++count}`, acl: entries() });
				return { collection: c.id };
			},
			async document() {
				const f = form({ collection: ids.spare }, md(++count));
				const r = ok(await ask(carrel, 'POST', '/v1/documents', { ...f, socket: true }));
				return { document: r.documentId, job: r.jobId };
			},
			async group() {
				return { group: (await operator('POST', '/v1/groups', { name: `fresh-${++count}` })).id };
			},
			async member() {
				const g = await fresh.group();
				await operator('PUT', `/v1/groups/${g.group}/members/${ids.user}`);
				return g;
			},
			async conversation(p) {
				return { conversation: (await operator('POST', '/v1/conversations', {}, { as: p.name })).id };
			},
			async turn(p) {
				const c = await fresh.conversation(p);
				const turn = await operator('POST', `/v1/conversations/${c.conversation}/turns`, { input: 'What may a hotel in Milan cost?' }, { as: p.name });
				ok(await operate(carrel, 'GET', `/v1/runs/${turn.runId}/stream`, undefined, { as: p.name }));
				return { ...c, seq: turn.turnSeq, run: turn.runId };
			},
			async token(p) {
				return { token: (await operator('POST', '/v1/tokens', { name: 'fresh' }, { as: p.name })).id };
			},
			async session(p) {
				const s = await signIn(carrel, p.name, PASSWORD);
				return { session: ok(await ask(carrel, 'GET', '/v1/sessions', { headers: cookieOnly(s) })).sessions.find((x) => x.current).id };
			},
			async 'sign-in'(p) {
				return { as: { ...p, ...(await signIn(carrel, p.name, PASSWORD)) } };
			},
		};
		Object.assign(this, { carrel, ids, fresh, operator });
	}

	/** The things that are there for all; owner: { name } of whom the conversations are. */
	async makeShared(owner) {
		const { carrel, ids, fresh, operator } = this;
		ids.collection = (await fresh.collection()).collection;
		ids.spare = (await fresh.collection()).collection;
		ids.user = (await operator('POST', '/v1/users', { name: 'extra' })).id;
		ids.group = (await fresh.group()).group;
		const pdf = { name: 'travel-policy.pdf', bytes: readFileSync('fixtures/documents/company/travel-policy.pdf'), type: 'application/pdf' };
		const receipt = ok(await ask(carrel, 'POST', '/v1/documents', { ...form({ collection: ids.collection }, pdf), socket: true }));
		ids.document = receipt.documentId;
		ids.job = receipt.jobId;
		assert.equal((await carrel.operator.jobEnd(ids.job)).state, 'done');
		const found = await operator('POST', '/v1/search', { query: 'most a hotel room in Milan may cost', limit: 1, collections: [ids.collection] });
		ids.chunk = found.passages[0].chunkId;
		ids.page = found.passages[0].page;
		Object.assign(ids, await fresh.turn(owner), await fresh.token(owner), await fresh.session(owner));
	}
}
