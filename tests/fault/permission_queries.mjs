// What users ask, all of it judged: each kind of request by which a word of a document could reach somebody.
// A query knows its user, dice of its own and the state before the change that is under way: so it is the same in a replay.
import assert from 'node:assert/strict';
import { runCarrel } from '../flow/carrel.mjs';
import { fingerprint, TOPICS } from './permission_house.mjs';
import { OWN, READ, WRITE } from './permission_model.mjs';

const GHOST = '01M7Y5MBR4FGFH7MHCDQQ12TC7';
const USES = { '': READ, '/text': READ, '/content': READ, '/content?inline=1': READ, '/versions': READ, '/annotations': READ, '/view': READ, '/acl': OWN, '/impact': WRITE };
const IN_TEXT = /\/(text|view|annotations)$/; // which may not be there yet, and a chunk of a former version has none
const HISTORY = ['/v1/conversations/C', '/v1/conversations/C/turns', '/v1/runs/R', '/v1/runs/R/retrieval', '/v1/runs/R/stream', '/v1/runs/R/stream?lastEventId=2'];

// ── what is asked about ──

/** Mostly what changed last or what the asker may read; else of any there are or were. */
function documentFor({ house, user, dice }) {
	const { state } = house;
	const lists = [house.hot.filter((o) => house.made.has(o)), state.readable(user), [...state.documents.keys()], house.gone.slice(-60)];
	const some = lists[dice.pick([0, 0, 0, 1, 1, 1, 1, 2, 2, 3])];
	return dice.pick(some.length ? some : lists[2]);
}

const partsOf = (house, document) => house.state.documents.get(document)?.parts ?? house.made.get(document)?.parts ?? [];

function keyFor(q, isMine = false) {
	const mine = q.house.state.readable(q.user);
	if (isMine && mine.length) {
		return q.dice.pick(partsOf(q.house, q.dice.pick(mine)).concat({ key: 'nothing' })).key;
	}
	const [document, again] = [documentFor(q), documentFor(q)];
	const parts = [...partsOf(q.house, document), ...partsOf(q.house, again)];
	return parts.length && q.dice.chance(0.9) ? q.dice.pick(parts.slice(0, 2)).key : q.dice.pick([...q.house.keys.keys()].slice(-500));
}

/** Mostly one that can be answered, or could before the change under way. */
function questionFor(q) {
	const { pick, chance, below } = q.dice;
	const subject = chance(0.85) ? keyFor(q, chance(0.7)) : `${pick(TOPICS)} part ${1 + below(3)}`;
	return `What is the code for ${subject}?`;
}

/** A word that nothing here has, as long as those that something has. */
const absentWord = (dice) => dice.word('zy');

// ── searches ──

/** What its asker may read and asked for by its own word is there. */
function mustFind({ house, user }, key, r) {
	const { document, canary } = house.keys.get(key);
	const isThere = (s) => s.right(user, document) >= READ && s.documents.get(document)?.parts.some((p) => p.key === key);
	if (r.status === 200 && house.model.every(r.from, isThere)) {
		assert.ok(r.json.passages.some((p) => p.text.includes(canary)), `${user} may read ${document} and does not find ${key}: ${r.text.slice(0, 3000)}`);
		house.stats.found = (house.stats.found ?? 0) + 1;
	}
}

/** Whatever it is called: an answer without its time, the guess at a language and the word that was asked for. */
const without = (r, word) => fingerprint({ ...r, headers: {}, text: r.text.replace(/"timeUs":\{[^}]*\}|"language":"\w*"/g, '').replaceAll(word, 'W') });

const CONDITIONS = [
	(w) => `"${w}"`, (w) => `code title:${w}`, (w) => `code in:c-${w}`, (w) => `"${w}" type:pdf`, (w) => `"${w}" type:md`,
	(w) => `owner:operator "${w}"`, (w) => `date:2020.. "${w}" -type:eml`, (w) => `"the word ${w}"`, (w) => `travel -"${w}" "${w}"`,
];

/** A kind of file is told of where the asker may read one, and nowhere else. */
function checkUnmatched({ house, user }, r) {
	for (const { text, unmatched } of r.json.conditions ?? []) {
		const kind = text.match(/^type:(pdf|md)$/)?.[1];
		const one = (s) => s.readable(user).some((d) => house.made.get(d)?.kinds.has(kind) ?? true); // it comes in just now
		assert.ok(!kind || unmatched || house.model.some(r.from, one), `${user} may read no ${kind}, and is told that there is one`);
	}
}

const search = ({ house, user }, body, said) => house.as(user, 'POST', '/v1/search', body, { said });

const searches = {
	async search(q) {
		const key = keyFor(q);
		const { chance } = q.dice;
		const query = chance(0.6) ? key : `the code for ${key}`;
		mustFind(q, key, await search(q, { query, limit: 4, explain: chance(0.1) }));
	},
	async searchIn(q) {
		const collection = q.dice.pick(q.dice.chance(0.2) ? q.house.hot.filter((o) => o[0] === 'c').concat('c1') : [...q.house.state.collections.keys()]);
		const [id, { name }] = [q.house.ids.get(collection), q.house.state.collections.get(collection) ?? {}];
		const r = await search(q, { query: keyFor(q), limit: 3, collections: [name && q.dice.chance(0.5) ? name : id] });
		if (q.house.expect(q.user, r, collection, READ, 'search in') && !name) {
			assert.equal(r.status, 200, r.text);
		}
	},
	/** By condition: what may be read is found; what may not is as if nothing had that word. */
	async condition(q) {
		const { house, user, dice } = q;
		const word = dice.pick(house.canaries.slice(-300));
		const how = dice.pick(CONDITIONS);
		const r = await search(q, { query: how(word), limit: 3 }, word);
		checkUnmatched(q, r);
		if (r.status === 200 && !house.model.mayKnow(user, word, r.from)) {
			const absent = absentWord(dice);
			const other = await search(q, { query: how(absent), limit: 3 }, absent);
			if (house.model.states.length - 1 === r.from) { // else what else there is may have changed between the two
				assert.equal(without(r, word), without(other, absent), `${how(word)} tells ${user} that the word is there`);
				house.stats.twins = (house.stats.twins ?? 0) + 1;
			}
		} else if (r.status === 200) {
			house.stats.conditioned = (house.stats.conditioned ?? 0) + r.json.passages.length;
		}
	},
	/** A slip of the pen in a word that somebody has. */
	async slip(q) {
		const { below, pick } = q.dice;
		const word = pick(q.house.canaries.slice(-200));
		const at = 4 + below(6);
		const slipped = `${word.slice(0, at)}${word[at + 1]}${word[at]}${word.slice(at + 2)}`;
		const r = await search(q, { query: slipped, limit: 2 }, slipped);
		q.house.stats.corrected = (q.house.stats.corrected ?? 0) + (r.json?.corrections?.length ?? 0);
	},
	ranking: (q) => q.house.as(q.user, 'POST', '/v1/search/ranking', { query: keyFor(q) }),
	prompt: (q) => q.house.as(q.user, 'POST', '/v1/prompt', { input: questionFor(q) }),
};

// ── documents, lists and counts ──

async function openOne(q, document, use, kind) {
	const { house, user, dice } = q;
	const { chunks = [] } = house.made.get(document) ?? {};
	const chunk = IN_TEXT.test(use) && chunks.length && dice.chance(0.7) ? `?chunk=${dice.pick(chunks)}` : '';
	const r = await house.as(user, 'GET', `/v1/documents/${house.ids.get(document)}${use}${chunk}`);
	if (house.expect(user, r, document, USES[use], kind) && !IN_TEXT.test(use)) {
		assert.equal(r.status, 200, `${use} of ${document} as ${user}: ${r.text}`);
	}
}

const documents = {
	/** Several uses of one, or one of several. */
	async open(q) {
		for (let i = 0; i < 3; i++) {
			const document = documentFor(q);
			const use = q.dice.pick(Object.keys(USES));
			if (q.house.ids.has(document)) {
				await openOne(q, document, use, `GET ${use}`);
			}
		}
	},
	async chunk(q) {
		const document = documentFor(q);
		const chunk = q.dice.pick([undefined, ...(q.house.made.get(document)?.chunks ?? [])]);
		if (chunk) {
			q.house.expect(q.user, await q.house.as(q.user, 'GET', `/v1/chunks/${chunk}`), document, READ, 'chunk');
		}
	},
	async image(q) {
		const document = documentFor(q);
		const { chunks = [] } = q.house.made.get(document) ?? {};
		if (q.house.state.documents.get(document)?.name.endsWith('.pdf') && chunks.length) {
			const r = await q.house.as(q.user, 'GET', `/v1/documents/${q.house.ids.get(document)}/pages/1.png?chunk=${q.dice.pick(chunks)}&width=64`, undefined, { what: 'page image' });
			q.house.expect(q.user, r, document, READ, 'image');
			q.house.stats.images = (q.house.stats.images ?? 0) + (r.status === 200 ? 1 : 0);
		}
	},
	async job(q) {
		const document = documentFor(q);
		const job = q.house.made.get(document)?.job;
		const use = q.dice.pick(['', '/stream']);
		if (job && q.house.state.documents.get(document)?.mail !== undefined && !q.house.state.documents.get(document).mail) {
			const r = await q.house.as(q.user, 'GET', `/v1/jobs/${job}${use}`);
			q.house.expect(q.user, r, document, READ, `job${use}`);
		}
	},
	async collection(q) {
		const collection = q.dice.pick([...q.house.state.collections.keys()]);
		const r = await q.house.as(q.user, 'GET', `/v1/collections/${q.house.ids.get(collection)}`);
		if (q.house.expect(q.user, r, collection, READ, 'collection')) {
			counted(q, r, collection, r.json.documents);
		}
	},
	async lists(q) {
		const url = q.dice.pick(['/v1/collections', '/v1/jobs?limit=20', '/v1/conversations', '/v1/audit?limit=20', '/v1/principals', '/v1/reindex', '/v1/me']);
		const r = await q.house.as(q.user, 'GET', url);
		for (const [collection, id] of q.house.ids) {
			const c = r.json.collections?.find((x) => x.id === id);
			c && counted(q, r, collection, c.documents);
		}
	},
	/** Page by page in any order: what may be read, each once; words and states tell of nothing else. */
	async pages(q) {
		const { pick, chance } = q.dice;
		const word = chance(0.5) ? null : pick([pick(TOPICS), pick(q.house.canaries.slice(-300))]);
		const url = `/v1/documents?limit=${pick([5, 40, 200])}&sort=${pick(['', '-'])}${pick(['name', 'created', 'pages', 'bytes', 'state'])}${word ? `&q=${word}` : ''}`;
		const listed = [];
		let from;
		for (let after = ''; after !== null;) {
			const r = await q.house.as(q.user, 'GET', url + after);
			if (r.status !== 200) {
				return;
			}
			from ??= r.from;
			listed.push(...r.json.documents.map((d) => d.id));
			after = r.json.next && `&after=${r.json.next}`;
		}
		checkListed(q, url, listed, from, word);
	},
	/** Requests that fail, or should: their texts tell nothing. */
	async errors(q) {
		const { house, user, dice } = q;
		const document = documentFor(q);
		const collection = dice.pick([...house.state.collections.keys()]);
		const [d, c] = [`/v1/documents/${house.ids.get(document)}`, house.ids.get(collection)];
		const [object, need, kind, method, url, body] = dice.pick([
			[document, WRITE, 'PATCH ', 'PATCH', d, { name: '' }],
			[document, WRITE, 'PATCH ', 'PATCH', d, { nme: 'x' }],
			[document, OWN, 'PUT /acl', 'PUT', `${d}/acl`, { entries: [{ principal: 'user:nobody-here', right: 'read' }] }],
			[document, READ, 'GET /text', 'GET', `${d}/text?version=ver_${GHOST}`],
			[document, READ, 'image', 'GET', `${d}/pages/99.png`],
			[collection, READ, 'documents in', 'GET', `/v1/documents?collection=${c}&limit=5`],
			[document, READ, 'documents of', 'GET', `/v1/documents?parent=${house.ids.get(document)}`],
			[collection, READ, 'search in', 'POST', '/v1/search', { query: keyFor(q), limit: 2, collections: [c, `c-${absentWord(dice)}`] }],
			[null, 0, '', 'POST', '/v1/search', '{"query": "unfinished'],
			[null, 0, '', 'POST', `/v1/jobs/${house.made.get(document)?.job}/retry`],
		]);
		if (object === null || house.ids.has(object)) {
			const r = await house.as(user, method, url, body);
			object && house.expect(user, r, object, need, kind);
		}
	},
};

/** A count is that of what this user may read, before or after the change under way. */
function counted({ house, user }, r, collection, n) {
	const count = (s) => s.readable(user).filter((d) => s.documents.get(d).collection === collection).length;
	assert.ok(isBetween(n, house.model.states.slice(r.from).map(count)), `${user} is told of ${n} documents in ${collection}`);
}
const isBetween = (n, list) => n >= Math.min(...list) && n <= Math.max(...list);

function checkListed({ house, user }, url, listed, from, word) {
	const names = new Set(listed);
	const ids = (list) => list.map((d) => house.ids.get(d));
	const states = house.model.states.slice(from);
	const may = new Set(states.flatMap((s) => ids(s.readable(user))));
	// What is coming in has no id yet.
	const hidden = [...house.ids].filter(([o, id]) => names.has(id) && o[0] === 'd' && !may.has(id));
	assert.deepEqual(hidden, [], `${url} as ${user}`);
	if (states.length === 1) { // else what changed between two pages may stand on both
		assert.equal(names.size, listed.length, url);
	}
	if (!word && states.length === 1) {
		assert.deepEqual(listed.sort(), ids(house.state.readable(user)).sort(), `${url} as ${user}`);
	}
}

// ── answers ──

/** Runs of turns are noted for later queries when the batch is over, in its order. */
async function follow(q, r, c) {
	if (r.status !== 202) {
		return;
	}
	q.note(c, r.json);
	const { house, user } = q;
	await house.as(user, 'GET', r.json.streamUrl);
	const run = await house.as(user, 'GET', `/v1/runs/${r.json.runId}`);
	if (run.status === 200) {
		assert.ok(['completed', 'queued', 'streaming'].includes(run.json.state) || run.from !== house.model.settled || run.json.withheld, run.text);
		q.noteCitations(run.json.citations.filter((x) => x.documentId).map((x) => ({ owner: user, id: `${r.json.runId}:${x.ordinal}`, document: x.documentId })));
		house.stats.withheld = (house.stats.withheld ?? 0) + (run.json.withheld ? 1 : 0);
		house.stats[run.json.mode] = (house.stats[run.json.mode] ?? 0) + 1;
	}
}

const responseMode = (dice) => dice.pick(['auto', 'auto', 'extractive']);

const answers = {
	async turn(q) {
		const { house, user, dice } = q;
		const list = q.conversations(user);
		let c = dice.pick(list.length < 4 ? [null, ...list] : list);
		if (c === null) {
			const made = await house.as(user, 'POST', '/v1/conversations', {});
			if (made.status !== 201) {
				return;
			}
			c = { id: made.json.id, turns: [] };
			q.noteConversation(c);
		}
		const turn = { input: questionFor(q), responseMode: responseMode(dice), ...(dice.chance(0.3) && { parentTurnSeq: dice.pick([0, ...c.turns.map((t) => t.seq)]) }) };
		await follow(q, await house.as(user, 'POST', `/v1/conversations/${c.id}/turns`, turn), c);
	},
	async regenerate(q) {
		const c = q.dice.pick([null, ...q.conversations(q.user)]);
		if (c?.turns.length) {
			const url = `/v1/conversations/${c.id}/turns/${q.dice.pick(c.turns).seq}/regenerate`;
			await follow(q, await q.house.as(q.user, 'POST', url, { responseMode: responseMode(q.dice) }), c);
		}
	},
	/** Another answer of the turn is shown, and said for what follows: of one's own turns. */
	async choose(q) {
		const owner = q.dice.chance(0.9) ? q.user : q.dice.pick([...q.house.state.users.keys()]);
		const c = q.dice.pick([null, ...q.conversations(owner)]);
		const turn = q.dice.pick([null, ...(c?.turns ?? [])]);
		if (turn) {
			const r = await q.house.as(q.user, 'PUT', `/v1/conversations/${c.id}/turns/${turn.seq}/run`, { runId: q.dice.pick(turn.runs) });
			assert.ok(owner === q.user || [401, 404].includes(r.status), r.text);
			q.house.stats.withheld = (q.house.stats.withheld ?? 0) + (r.json?.run?.withheld ? 1 : 0);
		}
	},
	ephemeral: (q) => q.house.as(q.user, 'POST', '/v1/chat', { messages: [{ role: 'user', content: questionFor(q) }] }),
	/** One's own conversations, streams resumed; those of others are not there. */
	async history(q) {
		const { house, user, dice } = q;
		const owner = dice.chance(0.8) ? user : dice.pick([...house.state.users.keys()]);
		const c = dice.pick([null, ...q.conversations(owner)]);
		const run = dice.pick([null, ...(c?.turns.flatMap((t) => t.runs) ?? [])]);
		for (const pattern of c ? HISTORY : []) {
			if (dice.chance(0.5) && (run || pattern.includes('C'))) {
				const r = await house.as(user, 'GET', pattern.replace('C', c.id).replace('R', run));
				owner !== user && r.status !== 401 && house.sameAsAbsent(`history ${pattern}`, r, `what ${owner} asked, as ${user}`);
				house.stats.withheld = (house.stats.withheld ?? 0) + (r.json?.withheld ? 1 : 0);
			}
		}
	},
	/** Where a citation of one's own answer, or of another's, stands in its document. */
	async citation(q) {
		const { house, user, dice } = q;
		const mine = house.citations.filter((c) => c.owner === user);
		const { owner, id, document } = dice.pick(mine.length && dice.chance(0.7) ? mine : house.citations) ?? {};
		const object = [...house.ids].find(([, x]) => x === document)?.[0];
		if (object) {
			const r = await house.as(user, 'GET', `/v1/documents/${document}/view?citation=${id}`);
			owner !== user && r.status !== 401 && house.sameAsAbsent('GET /view', r, `a citation of ${owner} as ${user}`);
			house.expect(user, r, object, READ, 'GET /view');
			house.stats.cited = (house.stats.cited ?? 0) + (r.status === 200 ? 1 : 0);
		}
	},
	/** Nobody asks questions with canaries: only an answer can hold one. */
	async historySearch(q) {
		const c = q.dice.pick(q.house.canaries.slice(-600));
		const r = await q.house.as(q.user, 'GET', `/v1/conversations?q=${c}`);
		if (r.status === 200 && r.json.conversations.length) {
			assert.ok(q.house.model.mayKnow(q.user, c, r.from), `${q.user} is told that an answer holds ${c}`);
			q.house.stats.recalled = (q.house.stats.recalled ?? 0) + 1;
		}
	},
	/** The same by the command line: as the machine's operator in somebody's place, and by a token. */
	async commandLine(q) {
		const { house, user, dice } = q;
		const { workspace } = house.state.users.get(user);
		const here = ['--data', house.server.data, '--as', user, '--workspace', workspace];
		const there = ['--server', house.server.url, '--token', house.tokens.get(user)];
		const document = documentFor(q);
		const id = house.ids.get(document) ?? `doc_${GHOST}`;
		const args = dice.pick([['search', keyFor(q)], ['explain', keyFor(q)], ['ask', questionFor(q)], ['prompt', questionFor(q)], ['doc', 'list'],
			['doc', 'show', id], ['doc', 'text', id], ['doc', 'versions', id], ['doc', 'warnings', id], ['collection', 'list'], ['jobs'], ['acl', 'show', id]]);
		const from = house.model.settled;
		const out = await house.during(runCarrel([...args, ...dice.pick([here, there]), ...dice.pick([[], ['--json']])]));
		house.stats.queries++;
		house.stats.commands = (house.stats.commands ?? 0) + 1;
		house.judge(user, `carrel ${args.join(' ')}`, out.stdout + out.stderr, from);
		assert.ok([0, 2, 4, 9].includes(out.status), `carrel ${args.join(' ')}: ${out.status} ${out.stderr}`);
	},
};

export const QUERIES = { ...searches, ...documents, ...answers };

// Shares of a thousand. What costs little is asked much: most leaks there could be would be there too.
export const SHARES = { search: 145, searchIn: 40, condition: 50, slip: 6, ranking: 16, prompt: 14, open: 290, chunk: 110, image: 12, job: 50, collection: 40,
	lists: 40, pages: 20, errors: 45, turn: 26, regenerate: 8, choose: 10, ephemeral: 6, history: 54, citation: 12, historySearch: 17, commandLine: 1 };

/** The answers for what nothing has, once for each kind of request. */
export async function learnAbsent(house, user) {
	const d = `/v1/documents/doc_${GHOST}`;
	const asked = async (kind, method, url, body) => house.learnAbsent(kind, await house.as(user, method, url, body));
	for (const use of Object.keys(USES)) {
		await asked(`GET ${use}`, 'GET', d + use);
	}
	for (const pattern of HISTORY) {
		await asked(`history ${pattern}`, 'GET', pattern.replace('C', `conv_${GHOST}`).replace('R', `run_${GHOST}`));
	}
	const entries = { entries: [] };
	for (const [kind, method, url, body] of [
		['chunk', 'GET', `/v1/chunks/chk_${GHOST}`], ['image', 'GET', `${d}/pages/1.png?width=64`],
		['job', 'GET', `/v1/jobs/job_${GHOST}`], ['job/stream', 'GET', `/v1/jobs/job_${GHOST}/stream`],
		['collection', 'GET', `/v1/collections/col_${GHOST}`], ['documents in', 'GET', `/v1/documents?collection=col_${GHOST}`],
		['documents of', 'GET', `/v1/documents?parent=doc_${GHOST}`], ['search in', 'POST', '/v1/search', { query: 'x', collections: [`col_${GHOST}`] }],
		['PATCH ', 'PATCH', d, { name: 'x' }], ['DELETE ', 'DELETE', d], ['PUT /acl', 'PUT', `${d}/acl`, entries], ['DELETE /acl', 'DELETE', `${d}/acl`],
	]) {
		await asked(kind, method, url, body);
	}
	house.learnAbsent('upload', await house.send(user, { collection: 'nowhere', name: 'x.md' }, 'x'));
	house.learnAbsent('disabled', await house.nobody());
}
