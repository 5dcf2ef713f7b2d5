// The reference: who may read which word, said in a page as index/acl.c and all that asks it must do it. A state of the
// house never changes; a change makes the next one. While a change is under way an answer may be of the state before it
// or after it, and of nothing else: what has been acknowledged holds for every request that begins later.
import assert from 'node:assert/strict';

export const READ = 1, WRITE = 2, OWN = 3;
const RIGHTS = { read: READ, write: WRITE, own: OWN };
const CANARY = /zq[a-z]{10}/g;

/** Objects go by names of the test's own ('d17', 'c3'), which stand from before they are there until after they are gone. */
export class State {
	users = new Map(); // name -> { workspace, role, disabled, groups: Set of names }
	collections = new Map(); // -> { workspace, name, acl: Map(principal -> right) }
	documents = new Map(); // -> { collection, acl: Map or null: the collection's, name, parts: [{ key, canary }], mail: what it came inside of }
	attachments = new Map(); // -> { user, conversation }: that user's alone
	#readable = new Map();

	/** Its own maps with the entries of this one, then edited; entries are replaced, never changed. */
	with(edit) {
		const next = new State();
		for (const kind of ['users', 'collections', 'documents', 'attachments']) {
			next[kind] = new Map(this[kind]);
		}
		edit(next);
		return next;
	}

	/** An entry for oneself, a group of one's own or the workspace; the highest counts; roles count nothing. */
	#rightBy(user, workspace, acl) {
		const u = this.users.get(user);
		if (u.disabled || u.workspace !== workspace) {
			return 0;
		}
		const mine = ([principal]) => principal === 'workspace' || principal === user || u.groups.has(principal);
		return Math.max(0, ...[...acl].filter(mine).map(([, right]) => RIGHTS[right]));
	}

	right(user, object) {
		const a = this.attachments.get(object);
		if (a) {
			return a.user !== user || this.users.get(user).disabled ? 0 : OWN;
		}
		const d = this.documents.get(object);
		if (d?.mail) {
			return this.right(user, d.mail);
		}
		const home = this.collections.get(d?.collection ?? object);
		return home ? this.#rightBy(user, home.workspace, d?.acl ?? home.acl) : 0;
	}

	/** Whoever may read it; admins administer the collections of their workspace, so they know those by name. */
	knows(user, object) {
		const u = this.users.get(user);
		const administers = u.role !== 'member' && !u.disabled && this.collections.get(object)?.workspace === u.workspace;
		return administers || this.right(user, object) >= READ;
	}

	/** The documents that this user may read. */
	readable(user) {
		if (!this.#readable.has(user)) {
			this.#readable.set(user, [...this.documents.keys()].filter((d) => this.right(user, d) >= READ));
		}
		return this.#readable.get(user);
	}

	inside(mail) {
		return [...this.documents].filter(([, d]) => d.mail === mail).map(([name]) => name);
	}
}

const KEPT = 8; // an answer takes less than as many changes

export class Model {
	states = [new State()];
	settled = 0; // the newest state that every request from now on is answered by, or by a later one
	#owners = new Map(); // canary -> the objects whose word it is

	get now() {
		return this.states[this.settled];
	}

	/** From here on the change may have happened; settle(): it has. */
	begin(edit) {
		assert.equal(this.settled, this.states.length - 1, 'one change at a time');
		this.states.push(this.states.at(-1).with(edit));
		this.states[this.states.length - KEPT] = null;
	}
	settle() {
		this.settled = this.states.length - 1;
	}

	/** What holds in some, in every state that a request that began at `from` may have been answered by. */
	some(from, holds) {
		return this.states.slice(from).some(holds);
	}
	every(from, holds) {
		return this.states.slice(from).every(holds);
	}

	own(canary, object) {
		this.#owners.set(canary, [...(this.#owners.get(canary) ?? []), object]);
	}

	shown(text) {
		return [...new Set(text.toLowerCase().match(CANARY))].filter((c) => this.#owners.has(c));
	}

	mayKnow(user, canary, from) {
		return this.some(from, (s) => this.#owners.get(canary).some((object) => s.knows(user, object)));
	}
}
