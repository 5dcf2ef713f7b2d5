// Random users, groups, documents, grants, revocations, deletions and re-uploads against a reference model; a canary
// word stands in every chunk, in every document's and every collection's name, and a fake model echoes its whole
// prompt. In QUERIES seeded queries over search, answers, citations, page images, history and error texts no canary
// reaches anybody who may not read it at that moment, and every search finds what its asker may read.
// Between two changes the queries run side by side, as many users do. QUERIES and SEED repeat a run.
import test from 'node:test';
import assert from 'node:assert/strict';
import { startCarrel, until } from '../flow/carrel.mjs';
import { startFakeModel } from '../flow/fake_model.mjs';
import { mail } from '../flow/mails.mjs';
import { ask, bearer, form, operate } from '../flow/people.mjs';
import { makePdf, seeded, SEED, wordsInFiles } from './house.mjs';
import { Model, OWN, READ, WRITE } from './permission_model.mjs';

const QUERIES = Number(process.env.QUERIES ?? 20000);
const PER_CHANGE = 25;
const SIDE_BY_SIDE = 8;
const USERS = ['uma', 'vic', 'wes', 'xan', 'yas', 'zed', 'oth']; // zed is an admin, oth of another workspace
const GROUPS = ['red', 'green', 'blue'];
const TOPICS = 'travel budget server leave salary contract audit invoice safety training release pump'.split(' ');

const { pick, chance, below, word, prose } = seeded(SEED);
const model = new Model();
const ids = { user: new Map(), group: new Map() };
const tokens = new Map();
const canaries = []; // all there ever were
const keys = new Map(); // key -> { document, canary }: a word to ask for, beside each canary
const stats = { changes: 0, denied: 0, shown: 0, found: 0, images: 0, withheld: 0, model: 0, extractive: 0, refused: 0, attached: 0, inside: 0 };
let server;

console.log(`SEED=${SEED} QUERIES=${QUERIES}`);

// ── asking ──

/** As that user; what comes back is judged. */
async function as(user, method, url, body, { headers = {}, what = `${method} ${url}` } = {}) {
	const r = await ask(server, method, url, { headers: { ...headers, ...bearer(tokens.get(user)) }, body });
	model.judge(user, what, r);
	stats.shown += model.shown(r.text).length;
	return r;
}

async function op(method, url, body, status, options) {
	const r = await operate(server, method, url, body, options);
	assert.ok([status].flat().includes(r.status), `${method} ${url}: ${r.status} ${r.text}`);
	return r;
}

async function giveToken(user) {
	const workspace = model.users.get(user).workspace;
	tokens.set(user, (await op('POST', '/v1/tokens', { name: 'test' }, 201, { as: user, workspace })).json.token);
}

// ── changes: made in Carrel, then in the model ──

function newCanary(owner) {
	const c = word('zq');
	canaries.push(c);
	if (owner) {
		model.own(c, owner);
	}
	return c;
}

function randomAcl() {
	const principal = () => (chance(0.15) ? 'workspace' : chance(0.5) ? `group:${pick(GROUPS)}` : `user:${pick(USERS.slice(0, 6))}`);
	return new Map(Array.from({ length: below(5) }, () => [principal(), pick(['read', 'read', 'read', 'write', 'own'])]));
}
const entries = (acl) => [...acl].map(([principal, right]) => ({ principal, right }));
const liveCollections = () => [...model.collections].filter(([, c]) => !c.deleted);

async function createCollection() {
	const acl = randomAcl();
	const name = `c-${newCanary(null)}`;
	const { json } = await op('POST', '/v1/collections', { name, acl: entries(acl) }, 201);
	model.collections.set(json.id, { name, acl, deleted: false });
	model.own(canaries.at(-1), json.id);
}

/** Mails: their words are in the text, and others in one or two files inside. */
function mailOf(parts, inside, topic) {
	const files = inside.map(({ name, own }) => ({ name, content: documentText(own, topic, false), type: 'text/markdown' }));
	return mail({ subject: `${topic} mail`, text: documentText(parts, topic, false).replaceAll('# ', ''), files });
}

/** A word in each section and so in each chunk, in its heading too; a PDF has a page for each. */
function documentText(parts, topic, isPdf) {
	const pages = parts.map(({ key, canary }, i) => [`${topic} part ${i + 1} ${canary}`,
		`The ${topic} code for ${key} is ${canary}.`, ...Array.from({ length: 12 }, () => `${prose(10)}.`)]);
	return isPdf ? makePdf(pages) : pages.map(([head, ...lines]) => `# ${head}\n\n${lines.join(' ')}\n`).join('\n');
}

/** By a user who may, or else may not, write there; null: by the operator. */
async function upload({ collection, name, user = null, acl = null }) {
	const words = (n) => Array.from({ length: n }, () => ({ key: word('kx'), canary: newCanary(null) }));
	const parts = words(1 + below(3));
	const inside = name.endsWith('.eml') ? Array.from({ length: 1 + below(2) }, () => ({ name: `f-${newCanary(null)}.md`, own: words(1) })) : [];
	const bytes = inside.length ? mailOf(parts, inside, pick(TOPICS)) : documentText(parts, pick(TOPICS), name.endsWith('.pdf'));
	const file = { name, bytes };
	const { body, headers } = form({ collection, ...(acl && { acl: JSON.stringify(entries(acl)) }) }, file);
	const r = user ? await as(user, 'POST', '/v1/documents', body, { headers, what: 'upload' })
		: await ask(server, 'POST', '/v1/documents', { headers, body, socket: true });
	return { r, parts, inside };
}

async function uploadNew({ user = null } = {}) {
	const [collection] = pick(liveCollections());
	const acl = chance(0.3) ? randomAcl() : null;
	const name = `${pick(TOPICS)}-${newCanary(null)}.${pick(['pdf', 'eml', 'md', 'md', 'md'])}`;
	const { r, parts, inside } = await upload({ collection, name, user, acl });
	if (user && model.rightOn(user, collection) < WRITE) {
		return denied(user, r);
	}
	await arrived(r, parts, { collection, acl, name }, inside);
	model.own(name.match(/zq[a-z]{10}/)[0], r.json.documentId);
}

async function uploadAgain({ user = null } = {}) {
	const [id, d] = pick(model.live());
	const { r, parts, inside } = await upload({ collection: d.collection, name: d.name, user });
	if (user && model.rightOn(user, d.collection) >= WRITE && model.rightOn(user, id) < READ) {
		// Whose name it is tells nothing: his becomes a document of its own.
		assert.equal(r.json?.arrival, 'new', r.text);
		return op('DELETE', `/v1/documents/${r.json.documentId}`, undefined, 202);
	}
	if (user && Math.min(model.rightOn(user, d.collection), model.rightOn(user, id)) < WRITE) {
		return denied(user, r);
	}
	if (d.mail) { // it changes with its mail only
		assert.deepEqual([r.status, r.json.error.code], [409, 'part_of_document'], r.text);
		return;
	}
	assert.equal(r.json?.documentId, id, r.text);
	await arrived(r, parts, d, inside);
}

async function arrived(r, parts, { collection, acl, name }, inside) {
	assert.equal(r.status, 202, r.text);
	const id = r.json.documentId;
	const job = await ask(server, 'GET', `/v1/jobs/${r.json.jobId}/stream`, { socket: true });
	const end = job.text.match(/^event: done\ndata: (.*)$/m);
	assert.ok(end, `job ${r.json.jobId}: ${job.text}`);
	assert.equal(JSON.parse(end[1]).state, 'done', end[1]);
	model.documents.set(id, { collection, acl, name, parts, deleted: false });
	ownWords(id, parts);
	await arrivedInside(id, r.json.jobId, { collection, name }, inside);
}

function ownWords(id, parts) {
	for (const { key, canary } of parts) {
		model.own(canary, id);
		keys.set(key, { document: id, canary });
	}
}

/** The files in a mail become documents of their own, instead of those that its former version had. */
async function arrivedInside(id, job, { collection, name }, inside) {
	model.inside(id).forEach(([, d]) => { d.deleted = true; });
	const isRead = async () => (await operate(server, 'GET', `/v1/jobs/${job}`)).json.parts.open === 0;
	await until(isRead, `the files in ${name} are read`, 60000);
	const list = (await op('GET', `/v1/documents?parent=${id}`, undefined, 200)).json.documents;
	assert.deepEqual(list.map((d) => d.name).sort(), inside.map((f) => `${name}/${f.name}`).sort());
	for (const file of inside) {
		const part = list.find((d) => d.name.endsWith(file.name)).id;
		model.documents.set(part, { collection, acl: null, name: `${name}/${file.name}`, parts: file.own, deleted: false, mail: id });
		model.own(file.name.match(/zq[a-z]{10}/)[0], id); // which the mail itself names
		ownWords(part, file.own);
		stats.inside++;
	}
}

function denied(user, r) {
	assert.equal(r.status, model.users.get(user).disabled ? 401 : 404, r.text);
	stats.denied++;
}

/** By somebody with the right, or refused; sometimes by the operator. */
async function tryAs(id, right, method, url, body, isInside = false) {
	const user = chance(0.4) ? pick(USERS) : null;
	if (!user) {
		await op(method, url, body, isInside ? [409] : [200, 202, 204]);
		return !isInside;
	}
	const r = await as(user, method, url, body);
	if (model.rightOn(user, id) < right) {
		denied(user, r);
		return false;
	}
	if (isInside) { // its mail decides
		assert.deepEqual([r.status, r.json.error.code], [409, 'part_of_document'], r.text);
		return false;
	}
	assert.ok(r.status < 300, `${method} ${url} as ${user}: ${r.status} ${r.text}`);
	return true;
}

const changes = {
	upload: () => uploadNew(),
	reupload: () => uploadAgain(),
	userUpload: () => uploadNew({ user: pick(USERS) }),
	userReupload: () => uploadAgain({ user: pick(USERS) }),
	async remove() {
		const [id, d] = pick(model.live());
		d.deleted ||= await tryAs(id, WRITE, 'DELETE', `/v1/documents/${id}`);
		model.live().filter(([, x]) => x.mail === id && d.deleted).forEach(([, x]) => { x.deleted = true; });
	},
	async rename() {
		const [id, d] = pick(model.live());
		const name = `${pick(TOPICS)}-${newCanary(id)}${d.name.slice(d.name.lastIndexOf('.'))}`;
		const before = d.name;
		d.name = await tryAs(id, WRITE, 'PATCH', `/v1/documents/${id}`, { name }, d.mail) ? name : d.name;
		model.inside(id).forEach(([, x]) => { x.name = d.name + x.name.slice(before.length); });
	},
	async collectionAcl() {
		const [id, c] = pick(liveCollections());
		const acl = randomAcl();
		await op('PUT', `/v1/collections/${id}/acl`, { entries: entries(acl) }, 200);
		c.acl = acl;
	},
	async documentAcl() {
		const [id, d] = pick(model.live());
		const acl = chance(0.3) ? null : randomAcl();
		const url = `/v1/documents/${id}/acl`;
		const done = acl ? await tryAs(id, OWN, 'PUT', url, { entries: entries(acl) }, d.mail) : await tryAs(id, OWN, 'DELETE', url, undefined, d.mail);
		d.acl = done ? acl : d.acl;
	},
	async membership() {
		const [user, group] = [pick(USERS.slice(0, 6)), pick(GROUPS)];
		const { groups } = model.users.get(user);
		const isIn = groups.has(group);
		await op(isIn ? 'DELETE' : 'PUT', `/v1/groups/${ids.group.get(group)}/members/${ids.user.get(user)}`, undefined, 200);
		groups[isIn ? 'delete' : 'add'](group);
	},
	async ability() {
		const user = pick(USERS.slice(0, 6));
		const u = model.users.get(user);
		const disabled = !u.disabled && chance(0.3);
		await op('PATCH', `/v1/users/${ids.user.get(user)}`, { disabled }, 200);
		if (u.disabled && !disabled) {
			u.disabled = false;
			await giveToken(user);
		}
		u.disabled = disabled;
	},
	/** What is attached has the words that everybody asks with, beside its canary. */
	async attach() {
		const user = pick(USERS);
		const c = pick([null, ...conversations.get(user)]);
		if (!c || model.users.get(user).disabled) {
			return;
		}
		const parts = [{ key: word('kx'), canary: newCanary(null) }];
		const name = `${pick(TOPICS)}-${newCanary(null)}.md`;
		const { body, headers } = form({ conversation: c.id }, { name, bytes: documentText(parts, pick(TOPICS), false) });
		const r = await as(user, 'POST', '/v1/documents', body, { headers, what: 'attach' });
		assert.equal(r.status, 202, r.text);
		model.attachments.set(r.json.documentId, { user, conversation: c.id, parts, deleted: false });
		[parts[0].canary, name.match(/zq[a-z]{10}/)[0]].forEach((canary) => model.own(canary, r.json.documentId));
		assert.match((await as(user, 'GET', `/v1/jobs/${r.json.jobId}/stream`)).text, /event: done/);
		const question = `What is the code for ${parts[0].key}?`;
		const found = (await as(user, 'POST', `/v1/conversations/${c.id}/turns`, { input: question, responseMode: 'extractive' })).json;
		c.turns++;
		c.runs.push(found.runId);
		await as(user, 'GET', found.streamUrl);
		assert.match((await as(user, 'GET', `/v1/runs/${found.runId}/retrieval`)).text, new RegExp(parts[0].canary));
		for (const other of USERS) { // not even its owner, elsewhere
			const elsewhere = await as(other, 'POST', '/v1/search', { query: question, limit: 50, explain: true });
			assert.ok(!elsewhere.text.includes(r.json.documentId), elsewhere.text);
		}
		stats.attached++;
	},
	async forget() {
		const user = pick(USERS);
		const list = conversations.get(user);
		if (list.length && !model.users.get(user).disabled) {
			const [c] = list.splice(below(list.length), 1);
			assert.equal((await as(user, 'DELETE', `/v1/conversations/${c.id}`)).status, 204);
			model.attachments.forEach((a) => { a.deleted ||= a.conversation === c.id; });
		}
	},
	async removeCollection() {
		const [id, c] = pick(liveCollections());
		await op('DELETE', `/v1/collections/${id}`, undefined, 200);
		c.deleted = true;
		await createCollection();
	},
};
const CHANGES = Object.keys(changes).flatMap((name) => (['removeCollection', 'forget'].includes(name) ? [name] : Array(6).fill(name)));

async function change() {
	stats.changes++;
	while (model.live().length < 12) {
		await uploadNew();
	}
	await changes[pick(CHANGES)]();
}

// ── queries ──

const conversations = new Map(USERS.map((user) => [user, []])); // [{ id, runs: [], turns, turnOf: run -> its turn }]
const seen = []; // { chunk, document } that somebody was shown: others try them too
const jobsSeen = [];

function remember(chunk, document) {
	seen[seen.length < 400 ? seen.length : below(400)] = { chunk, document };
}

/** Mostly of a document that the asker may read; else of any there ever was. */
function keyFor(user) {
	const readable = model.live().filter(([id]) => model.rightOn(user, id) >= READ).flatMap(([, d]) => d.parts);
	return chance(0.75) && readable.length ? pick(readable).key : pick([...keys.keys()]);
}

function questionOf(user) {
	const subject = chance(0.8) ? `for ${keyFor(user)}` : `for ${pick(TOPICS)} part ${1 + below(3)}`;
	return `What is the ${pick(TOPICS)} code ${subject}?`;
}

/** What the asker may read and asked for by its own word is there. */
function mustFind(user, key, r) {
	const { document, canary } = keys.get(key);
	const isCurrent = model.documents.get(document).parts.some((p) => p.key === key);
	if (isCurrent && model.rightOn(user, document) >= READ) {
		assert.ok(r.json.passages.some((p) => p.text.includes(canary)), `${user} may read ${document} and does not find ${key}: ${r.text.slice(0, 1000)}`);
		stats.found++;
	}
}

function countRun(run) {
	assert.equal(run.state, 'completed', JSON.stringify(run));
	stats.withheld += run.withheld ? 1 : 0;
	stats[run.mode] += 1;
	for (const c of run.citations.filter((x) => x.chunkId)) {
		remember(c.chunkId, c.documentId);
	}
}

async function followRun(user, r, c) {
	if (r.status !== 202) {
		return;
	}
	c.runs.push(r.json.runId);
	c.turnOf.set(r.json.runId, r.json.turnSeq);
	await as(user, 'GET', r.json.streamUrl);
	const run = await as(user, 'GET', `/v1/runs/${r.json.runId}`);
	if (run.status === 200) {
		countRun(run.json);
	}
}

const responseMode = () => pick(['auto', 'extractive']);

const queries = {
	async search(user) {
		const key = keyFor(user);
		const explain = chance(0.3);
		const r = await as(user, 'POST', '/v1/search', { query: chance(0.5) ? key : `${pick(TOPICS)} code ${key}`, limit: 20, explain });
		if (r.status === 200) {
			mustFind(user, key, r);
			r.json.passages.slice(0, 5).forEach((p) => remember(p.chunkId, p.documentId));
		}
	},
	async searchIn(user) {
		const [id, c] = pick([...model.collections]);
		const r = await as(user, 'POST', '/v1/search', { query: questionOf(user), collections: [chance(0.5) ? id : c.name] });
		assert.equal(r.status, model.users.get(user).disabled ? 401 : model.rightOn(user, id) >= READ ? 200 : 404, r.text);
	},
	async turn(user) {
		const list = conversations.get(user);
		if (list.length === 0 || chance(0.15)) {
			const made = await as(user, 'POST', '/v1/conversations', {});
			if (made.status !== 201) {
				return;
			}
			list.push({ id: made.json.id, runs: [], turns: 0, turnOf: new Map() });
			list.splice(0, list.length - 6);
		}
		const c = pick(list);
		const r = await as(user, 'POST', `/v1/conversations/${c.id}/turns`, { input: questionOf(user), responseMode: responseMode(), ...(chance(0.3) && { parentTurnSeq: below(c.turns + 1) }) });
		c.turns += r.status === 202 ? 1 : 0;
		await followRun(user, r, c);
	},
	async regenerate(user) {
		const c = pick([null, ...conversations.get(user)]);
		if (c?.turns) {
			const url = `/v1/conversations/${c.id}/turns/${1 + below(c.turns)}/regenerate`;
			await followRun(user, await as(user, 'POST', url, { responseMode: responseMode() }), c);
		}
	},
	/** Another answer of the turn is shown, and said for what follows: of one's own turns, and as far as it may be read. */
	async choose(user) {
		const owner = chance(0.9) ? user : pick(USERS);
		const c = pick([null, ...conversations.get(owner)]);
		const [run, turn] = pick([[], ...(c?.turnOf ?? [])]);
		if (run) {
			const seq = chance(0.9) ? turn : turn + 1;
			const r = await as(user, 'PUT', `/v1/conversations/${c.id}/turns/${seq}/run`, { runId: run });
			assert.equal(r.status, model.users.get(user).disabled ? 401 : owner === user && seq === turn ? 200 : 404, r.text);
			stats.withheld += r.json?.run?.withheld ? 1 : 0;
		}
	},
	async ephemeral(user) {
		await as(user, 'POST', '/v1/chat', { messages: [{ role: 'user', content: questionOf(user) }] });
	},
	/** One's own conversations; those of others are not there. */
	async history(user) {
		const owner = chance(0.8) ? user : pick(USERS);
		const c = pick([null, ...conversations.get(owner)]);
		if (!c) {
			return;
		}
		const urls = [`/v1/conversations/${c.id}`, `/v1/conversations/${c.id}/turns`];
		const run = pick([null, ...c.runs]);
		if (run) {
			urls.push(`/v1/runs/${run}`, `/v1/runs/${run}/retrieval`, `/v1/runs/${run}/stream`, `/v1/runs/${run}/stream?lastEventId=2`);
		}
		for (const url of urls) {
			const r = await as(user, 'GET', url);
			assert.ok(owner === user || r.status === (model.users.get(user).disabled ? 401 : 404), `${url} of ${owner} as ${user}: ${r.status}`);
			stats.withheld += r.json?.withheld ? 1 : 0;
		}
	},
	/** Nobody asks with canaries: only an answer can hold one. */
	async historySearch(user) {
		const c = pick(canaries);
		const r = await as(user, 'GET', `/v1/conversations?q=${c}`);
		if (r.status === 200 && r.json.conversations.length) {
			assert.ok(model.mayReadCanary(user, c), `${user} is told that an answer holds ${c}`);
		}
	},
	async open(user) {
		const at = pick([null, ...seen]);
		if (!at) {
			return;
		}
		const d = `/v1/documents/${at.document}`;
		const urls = [`/v1/chunks/${at.chunk}`, d, `${d}/text?chunk=${at.chunk}`, `${d}/content`, `${d}/content?inline=1`, `${d}/versions`, `${d}/acl`, `${d}/impact`];
		for (const url of [pick(urls), pick(urls)]) {
			const r = await as(user, 'GET', url);
			if (model.rightOn(user, at.document) < (url.endsWith('/acl') ? OWN : url.endsWith('/impact') ? WRITE : READ)) {
				denied(user, r);
			}
		}
	},
	async image(user) {
		const at = pick([null, ...seen.filter((s) => model.documents.get(s.document)?.name.endsWith('.pdf'))]);
		if (!at) {
			return;
		}
		const r = await as(user, 'GET', `/v1/documents/${at.document}/pages/1.png?chunk=${at.chunk}&width=64`, undefined, { what: 'page image' });
		if (model.rightOn(user, at.document) < READ) {
			return denied(user, r);
		}
		stats.images += r.status === 200 ? 1 : 0;
	},
	async lists(user) {
		for (const url of ['/v1/documents?limit=200', '/v1/collections', '/v1/jobs?limit=50', '/v1/conversations', '/v1/audit']) {
			if (chance(0.4)) {
				const r = await as(user, 'GET', url);
				r.json?.jobs?.forEach((j) => (jobsSeen[below(100)] = j.id));
				r.json?.collections?.forEach((c) => assert.equal(c.documents, model.countIn(user, c.id), `${user} is told of ${c.documents} documents`));
			}
		}
	},
	/** Page by page in any order: what may be read, each once; words and states tell of nothing else. */
	async pages(user) {
		const word = chance(0.5) ? null : pick([pick(TOPICS), pick(canaries)]);
		const url = `/v1/documents?limit=${pick([1, 7, 200])}&sort=${pick(['', '-'])}${pick(['name', 'created', 'pages', 'bytes', 'state'])}${word ? `&q=${word}` : ''}`;
		const listed = [];
		for (let after = ''; after !== null;) {
			const r = await as(user, 'GET', url + after);
			if (r.status !== 200) {
				return;
			}
			listed.push(...r.json.documents.map((d) => d.id));
			after = r.json.next && `&after=${r.json.next}`;
		}
		const readable = model.live().map(([id]) => id).filter((id) => model.rightOn(user, id) >= READ);
		assert.equal(new Set(listed).size, listed.length, url);
		assert.deepEqual(word ? listed.filter((id) => !readable.includes(id)) : listed.sort(), word ? [] : readable.sort(), `${url} as ${user}`);
	},
	async collection(user) {
		const [id] = pick([...model.collections]);
		const r = await as(user, 'GET', `/v1/collections/${id}`);
		if (model.rightOn(user, id) < READ) {
			return denied(user, r);
		}
		assert.equal(r.json.documents, model.countIn(user, id), `${user} is told of ${r.json.documents} documents`);
	},
	/** Requests that fail, or should: their texts tell nothing. */
	async errors(user) {
		const [id, d] = pick([...model.documents]);
		const [collection] = pick([...model.collections]);
		const job = pick([null, ...jobsSeen.filter(Boolean)]) ?? 'job_none';
		const attempts = [
			() => as(user, 'PATCH', `/v1/documents/${id}`, { name: '' }),
			() => as(user, 'PATCH', `/v1/documents/${id}`, { nme: 'x' }),
			() => as(user, 'PUT', `/v1/documents/${id}/acl`, { entries: [{ principal: 'user:nobody-here', right: 'read' }] }),
			() => as(user, 'GET', `/v1/documents/${id}/text?version=ver_01M7Y5MBR4FGFH7MHCDQQ12TC7`),
			() => as(user, 'GET', `/v1/documents/${id}/pages/99.png`),
			() => as(user, 'GET', `/v1/documents?collection=${collection}`),
			() => as(user, 'POST', '/v1/search', { query: questionOf(user), collections: [collection, d.name] }),
			() => as(user, 'POST', '/v1/search', '{"query": "unfinished'),
			() => as(user, 'GET', `/v1/jobs/${job}`),
			() => as(user, 'GET', `/v1/jobs/${job}/stream`),
			() => as(user, 'POST', `/v1/jobs/${job}/retry`),
		];
		const r = await pick(attempts)();
		if (model.rightOn(user, collection) < WRITE && chance(0.2)) {
			denied(user, (await upload({ collection, name: d.name, user })).r);
		}
		return r;
	},
};
const SHARES = { search: 34, searchIn: 4, turn: 12, regenerate: 3, choose: 4, pages: 3, ephemeral: 4, history: 10, historySearch: 4, open: 16, image: 2, lists: 5, collection: 2, errors: 6 };
const MIX = Object.entries(SHARES).flatMap(([name, share]) => Array(share).fill(name));

async function runBatch(n) {
	const batch = Array.from({ length: n }, () => [pick(MIX), pick(USERS)]);
	const lane = async () => {
		for (let next; (next = batch.shift());) {
			await queries[next[0]](next[1]);
		}
	};
	await Promise.all(Array.from({ length: SIDE_BY_SIDE }, lane));
}

// ── the run ──

async function populate() {
	await op('POST', '/v1/workspaces', { name: 'other' }, 201);
	for (const name of USERS) {
		const workspace = name === 'oth' ? 'other' : 'default';
		const role = name === 'zed' ? 'admin' : 'member';
		ids.user.set(name, (await op('POST', '/v1/users', { name, role }, 201, { workspace })).json.id);
		model.users.set(name, { workspace, groups: new Set(), isAdmin: role === 'admin', disabled: false });
		await giveToken(name);
	}
	for (const name of GROUPS) {
		ids.group.set(name, (await op('POST', '/v1/groups', { name }, 201)).json.id);
	}
	for (let i = 0; i < 4; i++) {
		await createCollection();
	}
	for (let i = 0; i < 20; i++) {
		await uploadNew();
	}
}

/** When the work in the background is done, the words of deleted documents are in no file. */
async function checkPurged() {
	const open = () => Promise.all(['queued', 'running'].map((s) => operate(server, 'GET', `/v1/jobs?state=${s}&limit=1`)));
	await until(async () => (await open()).every((r) => r.json.jobs.length === 0), 'all jobs end', 60000);
	const [live, gone] = [false, true].map((wanted) => [...model.documents, ...model.attachments].filter(([, d]) => d.deleted === wanted)
		.flatMap(([, d]) => d.parts.map((p) => p.canary)));
	await endServer();
	const holds = wordsInFiles(server.data);
	assert.ok(live.some(holds), 'words that are there are seen in the files: the test can fail');
	assert.deepEqual(gone.map((w) => [w, holds(w)]).filter(([, file]) => file), [], 'words of deleted documents are still in a file');
}

async function endServer() {
	const exit = server.exit ?? (server.child.kill('SIGTERM'), await server.ended);
	assert.equal(exit.status, 0, server.log.slice(-2000));
}

test('no canary reaches anybody who may not read it', { timeout: 1_800_000 }, async (t) => {
	const fake = await startFakeModel({ mode: 'echo' });
	const settings = { 'model-url': fake.url, 'model-name': 'echo', 'model-context': 4096, 'source-tokens': 1000, 'http-workers': 4 };
	server = await startCarrel({ settings });
	t.after(() => server.stop().finally(() => fake.close()));
	await populate();
	for (let done = 0; done < QUERIES; done += PER_CHANGE) {
		await change();
		await runBatch(Math.min(PER_CHANGE, QUERIES - done));
		fake.requests.length = 0;
	}
	console.log(JSON.stringify(stats));
	await checkPurged();
	assert.ok(stats.shown > QUERIES / 10, 'readable canaries were shown: the test can fail');
	if (QUERIES >= 5000) {
		assert.ok(Object.values(stats).every((n) => n > 0), `every kind of answer was seen: ${JSON.stringify(stats)}`);
	}
});
