// What changes in the house: in Carrel, then in the model. One at a time; what users ask meanwhile is judged by both states.
import assert from 'node:assert/strict';
import { fingerprint, TOPICS } from './permission_house.mjs';
import { ask, bearer } from '../flow/people.mjs';
import { OWN, READ, WRITE } from './permission_model.mjs';

/** By somebody with the right, or refused; mostly by the operator. edit: of the state, when it is done. */
async function tryAs(house, object, right, [method, path, body], edit) {
	const { chance, pick } = house.random;
	const { model } = house;
	const workspace = house.workspaceOf(object);
	const isInside = method + path !== 'DELETE' && model.now.documents.get(object).mail !== null; // its mail decides
	const url = `/v1/documents/${house.ids.get(object)}${path}`;
	const user = chance(0.4) ? pick([...model.now.users.keys()]) : null;
	house.hot.push(object, ...model.now.inside(object));
	const isGranted = !isInside && (user === null || model.now.right(user, object) >= right);
	if (isGranted) {
		model.begin(edit);
	}
	if (user === null) {
		await house.op(method, url, body, isInside ? [409] : [200, 202, 204], { workspace });
	} else {
		const r = await house.as(user, method, url, body);
		const allowed = house.expect(user, r, object, right, `${method} ${path}`);
		assert.ok(isGranted ? r.status < 300 : !allowed || r.json.error.code === 'part_of_document', `${method} ${url} as ${user}: ${r.status} ${r.text}`);
	}
	if (isGranted) {
		model.settle();
	}
}

const replace = (map, name, more) => map.set(name, { ...map.get(name), ...more });

export const changes = {
	upload: (house) => house.uploadNew(),
	userUpload: (house) => house.uploadNew({ user: house.random.pick([...house.state.users.keys()]) }),
	reupload: (house) => uploadAgain(house, null),
	userReupload: (house) => uploadAgain(house, house.random.pick([...house.state.users.keys()])),
	async remove(house) {
		const object = house.random.pick([...house.state.documents.keys()]);
		const all = [object, ...house.state.inside(object)];
		await tryAs(house, object, WRITE, ['DELETE', ''], (s) => all.forEach((d) => s.documents.delete(d)));
		house.gone.push(...all.filter((d) => !house.state.documents.has(d)));
	},
	async rename(house) {
		const object = house.random.pick([...house.state.documents.keys()]);
		const d = house.state.documents.get(object);
		const name = `${house.random.pick(TOPICS)}-${house.canary(object)}${d.name.slice(d.name.lastIndexOf('.'))}`;
		await tryAs(house, object, WRITE, ['PATCH', '', { name }], (s) => replace(s.documents, object, { name }));
	},
	async documentAcl(house) {
		const object = house.random.pick([...house.state.documents.keys()]);
		const acl = house.random.chance(0.3) ? null : house.randomAcl(house.workspaceOf(object));
		const how = acl ? ['PUT', '/acl', { entries: house.entries(acl) }] : ['DELETE', '/acl'];
		await tryAs(house, object, OWN, how, (s) => replace(s.documents, object, { acl }));
	},
	async collectionAcl(house) {
		const object = house.random.pick([...house.state.collections.keys()]);
		const { workspace } = house.state.collections.get(object);
		const acl = house.randomAcl(workspace);
		house.hot.push(object, ...documentsIn(house, object).slice(-8));
		house.model.begin((s) => replace(s.collections, object, { acl }));
		await house.op('PUT', `/v1/collections/${house.ids.get(object)}/acl`, { entries: house.entries(acl) }, 200, { workspace });
		house.model.settle();
	},
	async collectionName(house) {
		const object = house.random.pick([...house.state.collections.keys()]);
		const { workspace } = house.state.collections.get(object);
		const name = `c-${house.canary(object)}`;
		house.hot.push(object);
		house.model.begin((s) => replace(s.collections, object, { name }));
		await house.op('PATCH', `/v1/collections/${house.ids.get(object)}`, { name }, 200, { workspace });
		house.model.settle();
	},
	async collectionGone(house) {
		const object = house.random.pick([...house.state.collections.keys()]);
		const { workspace } = house.state.collections.get(object);
		const inside = documentsIn(house, object);
		house.hot.push(object, ...inside.slice(0, 8));
		house.model.begin((s) => {
			s.collections.delete(object);
			inside.forEach((d) => s.documents.delete(d));
		});
		await house.op('DELETE', `/v1/collections/${house.ids.get(object)}`, undefined, 200, { workspace });
		house.model.settle();
		house.gone.push(...inside);
		await house.createCollection(workspace);
	},
	async membership(house) {
		const { pick } = house.random;
		const [user, u] = pick([...house.state.users]);
		const group = pick(house.groups.get(u.workspace));
		const groups = new Set(u.groups);
		const isIn = groups.delete(group) || !groups.add(group);
		house.hot.push(user);
		house.model.begin((s) => replace(s.users, user, { groups }));
		await house.op(isIn ? 'DELETE' : 'PUT', `/v1/groups/${house.ids.get(group)}/members/${house.ids.get(user)}`, undefined, 200, { workspace: u.workspace });
		house.model.settle();
	},
	/** Another group to name, and one of before by another name; one that no permission names goes. */
	async newGroup(house) {
		const workspace = house.random.pick(['default', 'other']);
		const groups = house.groups.get(workspace);
		const make = async (name) => (await house.op('POST', '/v1/groups', { name }, 201, { workspace })).id;
		const [group, passing] = [house.next('g'), await make(house.next('passing-'))];
		house.ids.set(group, await make(group));
		await house.op('PUT', `/v1/groups/${passing}/members/${house.ids.get(house.usersOf(workspace)[0])}`, undefined, 200, { workspace });
		await house.op('DELETE', `/v1/groups/${passing}`, undefined, 204, { workspace });
		await house.op('PATCH', `/v1/groups/${house.ids.get(groups[0])}`, { name: house.next('renamed-') }, 200, { workspace });
		groups.push(group);
		groups.splice(0, groups.length - 4);
	},
	async newUser(house) {
		const workspace = house.random.pick(['default', 'default', 'other']);
		if (house.usersOf(workspace).length < 8) {
			await house.addUser(house.next('u'), workspace, 'member');
		}
	},
	async ability(house) {
		const [user, u] = house.random.pick(house.changeable());
		const disabled = !u.disabled && house.random.chance(0.4);
		house.hot.push(user);
		house.model.begin((s) => replace(s.users, user, { disabled }));
		await house.op('PATCH', `/v1/users/${house.ids.get(user)}`, { disabled }, 200, { workspace: u.workspace });
		if (u.disabled && !disabled) {
			await house.giveToken(user);
		}
		house.model.settle();
	},
	async role(house) {
		const [user, u] = house.random.pick(house.changeable());
		const role = house.random.pick(['member', 'member', 'admin', 'operator']);
		house.hot.push(user);
		house.model.begin((s) => replace(s.users, user, { role }));
		await house.op('PATCH', `/v1/users/${house.ids.get(user)}`, { role }, 200, { workspace: u.workspace });
		house.model.settle();
	},
	/** The next request with a revoked token is nobody's. */
	async token(house) {
		const [user, u] = house.random.pick([...house.state.users].filter(([, x]) => !x.disabled));
		const [secret, id] = [house.tokens.get(user), house.tokenIds.get(user)];
		await house.giveToken(user);
		await house.idle(); // what is asked with the former one ends
		await house.op('DELETE', `/v1/tokens/${id}`, undefined, [200, 204], { as: user, workspace: u.workspace });
		house.sameAsAbsent('disabled', await ask(house.server, 'GET', '/v1/documents', { headers: bearer(secret) }), 'a revoked token');
	},
	async attach(house) {
		const { pick } = house.random;
		const [user] = pick([...house.state.users].filter(([, x]) => !x.disabled));
		const c = pick([null, ...house.conversations(user)]);
		if (c === null) {
			return;
		}
		const object = house.next('a');
		const name = `${pick(TOPICS)}-${house.canary(object)}.md`;
		const file = house.draft(object, name);
		house.model.begin((s) => s.attachments.set(object, { user, conversation: c.id }));
		const r = await house.send(user, { conversation: c.id, name }, file.bytes);
		assert.equal(r.status, 202, r.text);
		house.ids.set(object, r.json.documentId);
		assert.match((await house.as(user, 'GET', `/v1/jobs/${r.json.jobId}/stream`)).text, /event: done/);
		house.model.settle();
		await askedFor(house, user, c, file.parts[0]);
		house.made.set(object, { job: r.json.jobId, chunks: [], parts: file.parts });
		house.hot.push(object);
		house.stats.attached++;
	},
	async forget(house) {
		const [user] = house.random.pick([...house.state.users].filter(([, x]) => !x.disabled));
		const list = house.conversations(user);
		if (list.length > 0) {
			const c = house.random.pick(list);
			const attached = [...house.state.attachments].filter(([, a]) => a.conversation === c.id).map(([name]) => name);
			house.model.begin((s) => attached.forEach((a) => s.attachments.delete(a)));
			assert.equal((await house.as(user, 'DELETE', `/v1/conversations/${c.id}`)).status, 204);
			house.model.settle();
			list.splice(list.indexOf(c), 1);
			house.gone.push(...attached);
			assert.equal(fingerprint(await house.as(user, 'GET', `/v1/conversations/${c.id}`)).startsWith('[404'), true);
		}
	},
};

function documentsIn(house, collection) {
	return [...house.state.documents].filter(([, d]) => d.collection === collection).map(([name]) => name);
}

/** What is attached is found in its conversation, and nowhere else, not even by its owner. */
async function askedFor(house, user, c, { key, canary }) {
	const input = `What is the code for ${key}?`;
	const turn = await house.as(user, 'POST', `/v1/conversations/${c.id}/turns`, { input, responseMode: 'extractive' });
	assert.equal(turn.status, 202, turn.text);
	await house.as(user, 'GET', turn.json.streamUrl);
	assert.match((await house.as(user, 'GET', `/v1/runs/${turn.json.runId}/retrieval`)).text, new RegExp(canary));
	for (const other of house.state.users.keys()) {
		const elsewhere = await house.as(other, 'POST', '/v1/search', { query: input, limit: 50, explain: true });
		assert.ok(!elsewhere.text.includes(canary), elsewhere.text);
	}
}

async function uploadAgain(house, user) {
	const { model } = house;
	const object = house.random.pick(house.whole());
	const d = model.now.documents.get(object);
	const workspace = house.workspaceOf(object);
	const file = house.draft(object, d.name);
	const into = user ? model.now.right(user, d.collection) : OWN;
	const onto = user ? model.now.right(user, object) : OWN;
	house.hot.push(object);
	if (into < WRITE) {
		return house.refusedUpload(user, d, file);
	}
	if (onto >= WRITE) {
		house.beginArrival(object, d, file);
		const place = onto === OWN ? d : { ...d, acl: null }; // entries are its owners' to set
		const r = await house.send(user, place, file.bytes);
		assert.equal(r.json?.documentId, house.ids.get(object), r.text);
		return house.endArrival(object, r, file, workspace);
	}
	if (onto >= READ) {
		return house.sameAsAbsent('upload', await house.send(user, d, file.bytes), `what only may be read, as ${user}`);
	}
	return uploadBeside(house, user, d, workspace);
}

/** By the name of a document that he may not know: his becomes one of its own, which goes again. */
async function uploadBeside(house, user, { collection, name }, workspace) {
	const own = house.next('d');
	const place = { collection, acl: null, name };
	const file = house.draft(own, name);
	house.model.own(name.match(/zq[a-z]{10}/)[0], own);
	house.beginArrival(own, place, file);
	const r = await house.send(user, place, file.bytes);
	assert.equal(r.json?.arrival, 'new', r.text);
	await house.endArrival(own, r, file, workspace);
	const all = [own, ...house.state.inside(own)];
	house.model.begin((s) => all.forEach((d) => s.documents.delete(d)));
	await house.op('DELETE', `/v1/documents/${house.ids.get(own)}`, undefined, 202, { workspace });
	house.model.settle();
	house.gone.push(...all);
}

const RARE = ['collectionGone', 'forget', 'newUser', 'newGroup'];
const OFTEN = ['documentAcl', 'collectionAcl', 'membership', 'ability'];
const CHANGES = Object.keys(changes).flatMap((name) => Array(RARE.includes(name) ? 1 : OFTEN.includes(name) ? 8 : 3).fill(name));

/** One of them, or a new document where there are few. */
export async function change(house) {
	const few = house.whole().length < 20, many = house.whole().length > 45;
	const name = few ? 'upload' : many ? 'remove' : house.random.pick(CHANGES);
	house.hot.splice(0, Math.max(0, house.hot.length - 12));
	house.stats.changes++;
	await changes[name](house);
	return name;
}
