// The reference: who may read which word. It says in a page what index/acl.c and all that asks it must do.
import assert from 'node:assert/strict';

export const READ = 1, WRITE = 2, OWN = 3;
export const RIGHTS = { read: READ, write: WRITE, own: OWN };
const CANARY = /zq[a-z]{10}/g;

export class Model {
	users = new Map(); // name -> { workspace, groups: Set, isAdmin, disabled }
	collections = new Map(); // id -> { name, acl: Map(principal -> right), deleted }
	documents = new Map(); // id -> { collection, acl: Map or null: the collection's, name, parts: [{ key, canary }], deleted, mail: what it came inside of }
	attachments = new Map(); // document id -> { user, conversation, parts, deleted }: that user's alone
	#owner = new Map(); // canary -> a document's or collection's id

	own(canary, id) {
		this.#owner.set(canary, id);
	}

	/** An entry for oneself, a group of one's own or the workspace; the highest counts; roles count nothing. */
	#rightBy(user, acl) {
		const u = this.users.get(user);
		if (u.disabled || u.workspace !== 'default') {
			return 0;
		}
		const principals = ['workspace', `user:${user}`, ...[...u.groups].map((g) => `group:${g}`)];
		return Math.max(0, ...principals.map((p) => RIGHTS[acl.get(p)] ?? 0));
	}

	rightOn(user, id) {
		const a = this.attachments.get(id);
		if (a) {
			return a.deleted || a.user !== user || this.users.get(user).disabled ? 0 : OWN;
		}
		const c = this.collections.get(id);
		if (c) {
			return c.deleted ? 0 : this.#rightBy(user, c.acl);
		}
		const d = this.documents.get(id);
		const home = d && this.collections.get(d.collection);
		if (!d || d.deleted || home.deleted) {
			return 0;
		}
		return d.mail ? this.rightOn(user, d.mail) : this.#rightBy(user, d.acl ?? home.acl);
	}

	/** Whoever may read it; admins administer collections, so they know those by name. */
	#mayKnow(user, id) {
		const u = this.users.get(user);
		const administers = u.isAdmin && !u.disabled && this.collections.has(id);
		return administers || this.rightOn(user, id) >= READ;
	}

	/** How many documents of a collection this user knows of. */
	countIn(user, id) {
		return this.live().filter(([d, { collection }]) => collection === id && this.rightOn(user, d) >= READ).length;
	}

	/** What came inside of a document. */
	inside(id) {
		return this.live().filter(([, d]) => d.mail === id);
	}

	live() {
		return [...this.documents].filter(([, d]) => !d.deleted && !this.collections.get(d.collection).deleted);
	}

	mayReadCanary(user, canary) {
		return this.#mayKnow(user, this.#owner.get(canary));
	}

	shown(text) {
		return [...new Set(text.toLowerCase().match(CANARY) ?? [])].filter((c) => this.#owner.has(c));
	}

	/** The words in a text that this user may not be shown. */
	leaks(user, text) {
		return this.shown(text).filter((c) => !this.mayReadCanary(user, c));
	}

	/** What an answer of the server to this user may be, with nothing of it hidden in pieces. */
	judge(user, what, answer) {
		assert.deepEqual(this.leaks(user, `${answer.text}\n${joined(answer.text)}`), [], `${what} showed ${user} what is not for him (${answer.status}): ${answer.text.slice(0, 2000)}`);
		assert.ok(answer.status < 500, `${what}: ${answer.status} ${answer.text}`);
		if (this.users.get(user).disabled) {
			assert.equal(answer.status, 401, `${what}: ${user} is disabled`);
		}
	}
}

/** The deltas of an event stream as one text: a word may be cut between two of them. */
function joined(text) {
	const deltas = text.matchAll(/^data: (\{"text":.*\})$/gm);
	return [...deltas].map((m) => JSON.parse(m[1]).text).join('');
}
