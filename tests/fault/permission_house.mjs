// A Carrel in which everything is secret, and its reference model beside it: people of two workspaces, collections and
// documents with a canary in every chunk, name, heading and title. What changes does so in Carrel and then in the model;
// what anybody is answered is judged by the model.
import assert from 'node:assert/strict';
import { until } from '../flow/carrel.mjs';
import { mail } from '../flow/mails.mjs';
import { ask, bearer, form, operate } from '../flow/people.mjs';
import { makePdf, seeded } from './house.mjs';
import { Model, WRITE } from './permission_model.mjs';

export const TOPICS = 'travel budget server leave salary contract audit invoice safety training release pump'.split(' ');
const WORKSPACES = ['default', 'other'];

/** What must be the same bytes for what is forbidden and what is absent. */
export function fingerprint(r) {
	const headers = Object.entries(r.headers).filter(([name]) => !['date', 'x-request-id'].includes(name));
	return JSON.stringify([r.status, headers.sort(), r.text]);
}

/** The deltas of an event stream as one text: a word may be cut between two of them. */
function joined(text) {
	return [...text.matchAll(/^data: (\{"text":.*\})$/gm)].map((m) => JSON.parse(m[1]).text).join('');
}

export class House {
	model = new Model();
	ids = new Map([['nowhere', 'col_01M7Y5MBR4FGFH7MHCDQQ12TC7']]); // object -> its id in Carrel
	hot = []; // what the last changes were about
	made = new Map(); // document -> { job, chunks: ids, kinds: Set of 'pdf', … }: of all its versions
	citations = []; // { owner, id: 'run:ordinal', document: its id }
	gone = []; // documents that were deleted
	canaries = [];
	keys = new Map(); // key -> { document, canary }: a word to ask for, beside each canary
	tokens = new Map();
	tokenIds = new Map();
	stats = { queries: 0, changes: 0, denied: 0, raced: 0, shown: 0, inside: 0, attached: 0 };
	#absent = new Map();
	#count = 0;

	constructor(server, seed) {
		this.server = server;
		this.random = seeded(seed); // of the changes
	}

	next(prefix) {
		return `${prefix}${++this.#count}`;
	}

	// ── asking ──

	/** A request of that user; what comes back is judged, but for a word that he said himself. from: the state that had settled when it began. */
	async as(user, method, url, body, { headers = {}, what = `${method} ${url}`, said = '\n' } = {}) {
		const from = this.model.settled;
		const r = await this.during(ask(this.server, method, url, { headers: { ...headers, ...this.bearer(user) }, body }));
		r.from = from;
		this.stats.queries++;
		const text = r.headers['content-type'] === 'text/event-stream' ? `${r.text}\n${joined(r.text)}` : r.text;
		this.judge(user, what, text.replaceAll(said, ' '), from);
		assert.ok(r.status < 500, `${what}: ${r.status} ${r.text}`);
		this.#judgeAbility(user, what, r);
		return r;
	}

	#asked = new Set();

	/** What idle() waits for: whatever users had asked when it was called. */
	async during(request) {
		this.#asked.add(request);
		return request.finally(() => this.#asked.delete(request));
	}
	idle() {
		return Promise.allSettled([...this.#asked]);
	}

	judge(user, what, text, from) {
		const { model } = this;
		const shown = model.shown(text);
		const leaks = shown.filter((c) => !model.mayKnow(user, c, from));
		assert.deepEqual(leaks, [], `${what} showed ${user} what is not for him: ${text.slice(0, 3000)}`);
		this.stats.shown += shown.length;
	}

	#judgeAbility(user, what, r) {
		const isDisabled = (s) => s.users.get(user).disabled;
		if (this.model.every(r.from, isDisabled)) {
			assert.equal(r.status, 401, `${what}: ${user} is disabled`);
			this.sameAsAbsent('disabled', r, what);
		} else if (!this.model.some(r.from, isDisabled)) {
			assert.notEqual(r.status, 401, `${what}: ${user} is not disabled`);
		}
	}

	/** The answer to a kind of request for what is not there: what is forbidden has to be the same. */
	learnAbsent(kind, r) {
		assert.equal(r.status, kind === 'disabled' ? 401 : 404, `${kind}: ${r.text}`);
		this.#absent.set(kind, fingerprint(r));
	}
	sameAsAbsent(kind, r, what) {
		assert.ok(this.#absent.has(kind), `nobody asked for what is absent by ${kind}`);
		assert.equal(fingerprint(r), this.#absent.get(kind), `${what}: forbidden differs from absent`);
	}

	/** By the right on an object: refused as if it were absent, or granted. True: it was granted for certain. */
	expect(user, r, object, need, kind, what = kind) {
		const has = (s) => s.right(user, object) >= need;
		if (this.model.every(r.from, (s) => !has(s) && !s.users.get(user).disabled)) {
			this.sameAsAbsent(kind, r, `${what} of ${object} as ${user}`);
			this.stats.denied++;
			return false;
		}
		const certain = this.model.every(r.from, has);
		this.stats.raced += this.model.some(r.from, has) && !certain ? 1 : 0;
		return certain;
	}

	bearer(user) {
		return bearer(this.tokens.get(user));
	}

	/** Without any token. */
	nobody() {
		return ask(this.server, 'GET', '/v1/documents');
	}

	/** The machine's operator, or a user by the machine's socket. */
	async op(method, url, body, status, options) {
		const r = await operate(this.server, method, url, body, options);
		assert.ok([status].flat().includes(r.status), `${method} ${url}: ${r.status} ${r.text}`);
		return r.json;
	}

	async giveToken(user) {
		const { workspace } = this.model.states.at(-1).users.get(user);
		const made = await this.op('POST', '/v1/tokens', { name: 'test' }, 201, { as: user, workspace });
		this.tokens.set(user, made.token);
		this.tokenIds.set(user, made.id);
	}

	// ── what there is ──

	get state() {
		return this.model.now;
	}
	usersOf(workspace, state = this.state) {
		return [...state.users].filter(([, u]) => u.workspace === workspace).map(([name]) => name);
	}
	/** Users whose role and state may change: each workspace keeps one operator, whom that does not let read anything. */
	changeable() {
		return [...this.state.users].filter(([name]) => !['uma', 'ola'].includes(name));
	}
	workspaceOf(document) {
		const d = this.state.documents.get(document);
		return this.state.collections.get(d.collection).workspace;
	}
	/** Documents that did not come inside of another. */
	whole() {
		return [...this.state.documents].filter(([, d]) => !d.mail).map(([name]) => name);
	}

	/** A word to ask for that this user may read. */
	keyOf(user) {
		return this.state.readable(user).flatMap((d) => this.state.documents.get(d).parts)[0]?.key ?? 'nothing';
	}

	canary(object) {
		const c = this.random.word('zq');
		this.canaries.push(c);
		this.model.own(c, object);
		return c;
	}

	groups = new Map(WORKSPACES.map((w) => [w, []]));
	#conversations = new Map();

	/** [{ id, turns: [{ seq, runs: [] }] }] */
	conversations(user) {
		if (!this.#conversations.has(user)) {
			this.#conversations.set(user, []);
		}
		return this.#conversations.get(user);
	}

	randomAcl(workspace) {
		const { chance, below, pick } = this.random;
		const principal = () => (chance(0.15) ? 'workspace' : pick(chance(0.5) ? this.groups.get(workspace) : this.usersOf(workspace)));
		return new Map(Array.from({ length: below(5) }, () => [principal(), pick(['read', 'read', 'read', 'write', 'own'])]));
	}
	entries(acl) {
		return [...acl].map(([principal, right]) => ({ principal: this.ids.get(principal) ?? principal, right }));
	}

	// ── documents as they come in ──

	#words(object, n) {
		return Array.from({ length: n }, () => {
			const part = { key: this.random.word('kx'), canary: this.canary(object) };
			this.keys.set(part.key, { document: object, canary: part.canary });
			return part;
		});
	}

	/** A word in each section and so in each chunk, in its heading too; a PDF has a page for each. */
	#text(parts, topic, isPdf) {
		const { prose } = this.random;
		const pages = parts.map(({ key, canary }, i) => [`${topic} part ${i + 1} ${canary}`,
			`The ${topic} code for ${key} is ${canary}.`, ...Array.from({ length: 12 }, () => `${prose(10)}.`)]);
		return isPdf ? makePdf(pages) : pages.map(([head, ...lines]) => `# ${head}\n\n${lines.join(' ')}\n`).join('\n');
	}

	#mail(parts, files, topic) {
		const attached = files.map(({ name, parts: own }) => ({ name, content: this.#text(own, topic, false), type: 'text/markdown' }));
		return mail({ subject: `${topic} mail`, text: this.#text(parts, topic, false).replaceAll('# ', ''), files: attached });
	}

	/** A file to be document `object`: { bytes, parts, inside: [{ object, name, parts }] }; a broken one has its word, and no text. */
	draft(object, name) {
		const { below, pick } = this.random;
		const kind = name.slice(name.lastIndexOf('.') + 1);
		if (name.includes('broken')) {
			return { bytes: `%PDF-1.4 ${this.canary(object)} and then no more`, parts: [], inside: [], fails: true };
		}
		const parts = this.#words(object, 1 + below(3));
		const inside = Array.from({ length: kind === 'eml' ? 1 + below(2) : 0 }, () => {
			const part = this.next('d');
			return { object: part, name: `f-${this.canary(object)}.md`, parts: this.#words(part, 1) }; // the mail itself names it
		});
		const bytes = inside.length ? this.#mail(parts, inside, pick(TOPICS)) : this.#text(parts, pick(TOPICS), kind === 'pdf');
		return { bytes, parts, inside, fails: false };
	}

	/** The upload, by a user or the operator: the answer; what is attached names its conversation instead. */
	send(user, { collection, conversation, acl, name }, bytes) {
		const place = conversation ? { conversation } : { collection: this.ids.get(collection) };
		const { body, headers } = form({ ...place, ...(acl && { acl: JSON.stringify(this.entries(acl)) }) }, { name, bytes });
		if (user) {
			return this.as(user, 'POST', '/v1/documents', body, { headers, what: 'upload' });
		}
		const { workspace } = this.state.collections.get(collection);
		return ask(this.server, 'POST', '/v1/documents', { headers: { ...headers, 'x-carrel-workspace': workspace }, body, socket: true });
	}

	/** begin: in the model it is there from now on. */
	beginArrival(object, { collection, acl, name }, { parts, inside }) {
		const before = this.state.inside(object); // those of the version before
		this.model.begin((s) => {
			s.documents.set(object, { collection, acl, name, parts, mail: null });
			before.forEach((part) => s.documents.delete(part));
			inside.forEach((f) => s.documents.set(f.object, { collection, acl: null, name: `${name}/${f.name}`, parts: f.parts, mail: object }));
		});
		this.gone.push(...before);
	}

	/** Its job is done, the files in it are there: what it is called and where its words stand. */
	async endArrival(object, r, { parts, inside, fails }, workspace) {
		assert.equal(r.status, 202, r.text);
		this.ids.set(object, r.json.documentId);
		const job = await operate(this.server, 'GET', `/v1/jobs/${r.json.jobId}/stream`, undefined, { workspace });
		const end = job.text.match(/^event: done\ndata: (.*)$/m);
		assert.ok(end, `job ${r.json.jobId}: ${job.text}`);
		assert.equal(JSON.parse(end[1]).state, fails ? 'failed' : 'done', end[1]);
		await this.#endInside(object, r.json.jobId, inside, workspace);
		await this.#learnChunks(object, r.json.jobId, parts, workspace);
		this.model.settle();
	}

	async #endInside(object, job, inside, workspace) {
		const isRead = async () => (await this.op('GET', `/v1/jobs/${job}`, undefined, 200, { workspace })).parts.open === 0;
		await until(isRead, `the files in ${object} are read`, 60000);
		const list = inside.length ? (await this.op('GET', `/v1/documents?parent=${this.ids.get(object)}`, undefined, 200, { workspace })).documents : [];
		assert.equal(list.length, inside.length, JSON.stringify(list));
		for (const file of inside) {
			this.ids.set(file.object, list.find((d) => d.name.endsWith(file.name)).id);
			await this.#learnChunks(file.object, job, file.parts, workspace);
			this.stats.inside++;
		}
	}

	async #learnChunks(object, job, parts, workspace) {
		const of = this.made.get(object) ?? { chunks: [], kinds: new Set() };
		of.kinds.add(this.model.states.at(-1).documents.get(object).name.split('.').at(-1));
		this.made.set(object, { ...of, job });
		if (parts.length) {
			const query = parts.map((p) => p.key).join(' ');
			const { passages } = await this.op('POST', '/v1/search', { query, limit: parts.length + 2 }, 200, { workspace });
			const mine = passages.filter((p) => p.documentId === this.ids.get(object)).flatMap((p) => p.chunkIds);
			assert.ok(mine.length > 0, `${object} was read and is not found`);
			of.chunks.push(...mine);
		}
	}

	async createCollection(workspace) {
		const object = this.next('c');
		const acl = this.randomAcl(workspace);
		const name = `c-${this.canary(object)}`;
		this.model.begin((s) => s.collections.set(object, { workspace, name, acl }));
		const { id } = await this.op('POST', '/v1/collections', { name, acl: this.entries(acl) }, 201, { workspace });
		this.ids.set(object, id);
		this.model.settle();
	}

	/** A new document in some collection: by a user who may, or else may not, write there; null: the operator. */
	async uploadNew({ user = null } = {}) {
		const { pick, chance } = this.random;
		const collection = pick([...this.state.collections.keys()]);
		const { workspace } = this.state.collections.get(collection);
		const object = this.next('d');
		const kind = pick(['pdf', 'pdf', 'eml', 'eml', 'md', 'md', 'md', 'md', 'md', 'broken']);
		const name = `${pick(TOPICS)}-${this.canary(object)}.${kind === 'broken' ? 'broken.pdf' : kind}`;
		const place = { collection, acl: chance(0.3) ? this.randomAcl(workspace) : null, name };
		const file = this.draft(object, name);
		if (user && this.state.right(user, collection) < WRITE) {
			return this.refusedUpload(user, place, file);
		}
		this.beginArrival(object, place, file);
		return this.endArrival(object, await this.send(user, place, file.bytes), file, workspace);
	}

	async refusedUpload(user, place, file) {
		this.expect(user, await this.send(user, place, file.bytes), place.collection, WRITE, 'upload');
	}

	// ── the beginning ──

	async addUser(name, workspace, role) {
		this.model.begin((s) => s.users.set(name, { workspace, role, disabled: false, groups: new Set() }));
		this.ids.set(name, (await this.op('POST', '/v1/users', { name, role }, 201, { workspace })).id);
		await this.giveToken(name);
		this.model.settle();
	}

	async populate() {
		await this.op('POST', '/v1/workspaces', { name: 'other' }, 201);
		const people = { default: ['uma', 'vic', 'wes', 'xan', 'yas', 'zed'], other: ['ola', 'pia'] };
		for (const workspace of WORKSPACES) {
			for (const name of people[workspace]) {
				await this.addUser(name, workspace, { uma: 'operator', ola: 'operator', zed: 'admin', pia: 'admin' }[name] ?? 'member');
			}
			for (const name of ['red', 'green', 'blue'].map((g) => `${g}-${workspace}`)) {
				this.groups.get(workspace).push(name);
				this.ids.set(name, (await this.op('POST', '/v1/groups', { name }, 201, { workspace })).id);
			}
		}
		for (const workspace of ['default', 'default', 'default', 'default', 'other']) {
			await this.createCollection(workspace);
		}
		for (let i = 0; i < 24; i++) {
			await this.uploadNew();
		}
	}
}
