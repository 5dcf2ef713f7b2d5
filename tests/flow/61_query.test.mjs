// The query language through the API and the command line: what conditions let through, and that they tell
// nothing of what the asker may not read.
import test from 'node:test';
import assert from 'node:assert/strict';
import { runCarrel, startCarrel } from './carrel.mjs';
import { unlisted } from './openapi.mjs';
import { ask, assertError, bearer, form, operate, signIn } from './people.mjs';

const PASSWORD = 'correct horse battery';
const carrel = await startCarrel({ settings: { 'ingest-retry-ms': 10 } });
test.after(() => carrel.stop());

const tokens = {};
const op = async (...args) => {
	const r = await operate(carrel, ...args);
	assert.ok(r.status >= 200 && r.status < 300, `${args[0]} ${args[1]}: ${r.status} ${r.text}`);
	return r.json;
};
const post = (name, query, more = {}) =>
	ask(carrel, 'POST', '/v1/search', { headers: bearer(tokens[name]), body: { query, limit: 20, ...more } });

async function search(name, query, more) {
	const r = await post(name, query, more);
	assert.equal(r.status, 200, `${query}: ${r.text}`);
	assert.equal(unlisted('POST', '/v1/search', r), null);
	return r.json;
}
const names = async (name, query) => [...new Set((await search(name, query)).passages.map((p) => p.name))].sort();

async function bring(name, collection, file, bytes) {
	const f = form({ collection }, { name: file, bytes });
	const r = await ask(carrel, 'POST', '/v1/documents', { body: f.body, headers: { ...bearer(tokens[name]), ...f.headers } });
	assert.equal(r.status, 202, r.text);
	assert.equal((await carrel.operator.jobEnd(r.json.jobId)).state, 'done');
}

test('people and their documents', async () => {
	for (const name of ['ada', 'ben']) {
		await op('POST', '/v1/users', { name, password: PASSWORD, displayName: name === 'ada' ? 'Ada Quill' : 'Ben' });
		tokens[name] = (await signIn(carrel, name, PASSWORD)).access;
	}
	const own = (name) => ({ principal: `user:${name}`, right: 'own' });
	await op('POST', '/v1/collections', { name: 'Field notes', acl: [own('ada'), own('ben')] });
	await op('POST', '/v1/collections', { name: 'vault', acl: [own('ada')] });
	await bring('ada', 'Field notes', 'otters.md', '# Otters\n\nOtters sleep afloat in kelp, and the annual census counts them in May.\n');
	await bring('ben', 'Field notes', 'badgers.txt', 'Badgers sleep below ground. The census of badgers is not annual.\n');
	await bring('ada', 'Field notes', 'list.csv', 'animal,sleeps\notter,afloat\nbadger,below ground\n');
	await bring('ada', 'vault', 'plan.md', '# Secret plan\n\nThe silver census counts otters at night, for the ledger of zirconium.\n');
});

test('phrases and exclusions hold for every passage', async () => {
	assert.deepEqual(await names('ben', '"annual census" otters'), ['otters.md']);
	assert.deepEqual(await names('ben', '"census annual"'), []);
	const sleeping = await names('ben', 'sleep -otters');
	assert.ok(sleeping.includes('badgers.txt') && !sleeping.includes('otters.md'), sleeping.join());
	assert.deepEqual(await names('ben', 'census -"annual census" -title:list'), ['badgers.txt']);
});

test('fields', async () => {
	assert.deepEqual(await names('ben', 'sleep type:csv'), ['list.csv']);
	assert.deepEqual(await names('ben', 'sleep type:MD'), ['otters.md']);
	assert.deepEqual(await names('ben', 'sleep by:ben'), ['badgers.txt']);
	assert.deepEqual(await names('ben', 'sleep owner:me'), ['badgers.txt']);
	assert.deepEqual(await names('ben', 'sleep owner:"ada quill" type:md'), ['otters.md']);
	assert.deepEqual(await names('ben', 'sleep title:otters'), ['otters.md']);
	assert.deepEqual(await names('ada', 'census in:vault'), ['plan.md']);
	assert.equal((await names('ben', 'sleep in:"field NOTES"')).length, 3);
	assert.equal((await names('ben', 'sleep after:2020 before:2999')).length, 3);
	assert.equal((await names('ben', 'sleep date:1999')).length, 0);
});

test('what is hidden and what is not there look the same', async () => {
	const shown = (r) => JSON.stringify({ ...r, timeUs: 0, conditions: r.conditions.map((c) => ({ ...c, text: '' })) });
	for (const [hidden, absent] of [['in:vault', 'in:attic'], ['"silver census"', '"golden census"'], ['title:plan', 'title:shaft'],
		['"ledger of zirconium"', '"ledger of ytterbium"'], ['in:vault by:ada', 'in:attic by:ada']]) {
		const a = await search('ben', `sleep ${hidden}`), b = await search('ben', `sleep ${absent}`);
		assert.equal(a.passages.length, 0, hidden);
		assert.equal(a.conditions[0].unmatched, true, hidden);
		// The words of a required phrase are searched for, too: they differ by what was typed alone.
		assert.equal(shown({ ...a, words: '' }), shown({ ...b, words: '' }), hidden);
	}
	for (const without of ['-zirconium', '-ytterbium', '-in:vault', '-in:attic']) {
		assert.equal((await names('ben', `sleep ${without}`)).length, 3, without);
	}
});

test('text that is no syntax', async () => {
	for (const query of ['sleep "unbalanced', 'e-mail of otters', 'note: otters sleep', 'otters - badgers', '"', '-', ':', '"" - :',
		'otters" OR title:"x', 'NEAR(otters sleep, 3)', '{title} : otters', 'otters*', '^otters', 'otters AND NOT badgers', "otters' --",
		'"otters" + "sleep', 'sleep\u001fen\u0001de', '%s%n%1$lld', 'https://otters.example/sleep?a=b', '🦦 otters', '“otters', `sleep ${'"a" '.repeat(300)}`,
		`sleep ${'-word '.repeat(800)}`, `"${'otters '.repeat(900)}"`]) {
		const r = await post('ben', query);
		assert.equal(r.status, 200, `${query.slice(0, 60)}: ${r.text.slice(0, 200)}`);
		assert.ok(!r.text.includes('zirconium'));
	}
	assert.deepEqual((await search('ben', 'sleep -otters', { plain: true })).conditions, []);
	assertError(await post('ben', 'type:md'), 400, 'empty_query');
	assertError(await post('ben', 'otters\u0000sleep'), 400);
	assertError(await post('ben', 'otters "' + 'x'.repeat(9000) + '"'), 400);
	assertError(await post('ben', 'otters', { plain: 'yes' }), 400);
});

test('a slip is searched for as what the asker may read, and tells of nothing else', async () => {
	const found = await search('ben', 'where do badgrs and ottres sleep');
	assert.deepEqual(found.corrections, [{ from: 'badgrs', to: 'badgers' }, { from: 'ottres', to: 'otters' }]);
	assert.ok(!found.weak && found.passages.length > 0);
	assert.ok(found.words.includes('badgers'));
	assert.deepEqual((await search('ben', 'badgers and otters')).corrections, []);
	assert.deepEqual((await search('ben', '"annul census" otters')).conditions[0].unmatched, true);
	// Only Ada has a document with zirconium and ledger in it.
	assert.deepEqual((await search('ada', 'zircnium ledgr')).corrections.map((c) => c.to), ['zirconium', 'ledger']);
	// The vectors of two unknown words differ, so scores do; nothing else may.
	const of = (r, word) => JSON.stringify({ ...r, timeUs: 0, passages: r.passages.map((p) => p.name).sort() }).replaceAll(word, 'W');
	for (const [hidden, absent] of [['zircnium', 'zorbnuum'], ['ledgr', 'lodqr'], ['zirconium', 'zirqonuum'], ['silvr', 'silqx']]) {
		const a = await search('ben', `${hidden} sleep`), b = await search('ben', `${absent} sleep`);
		assert.deepEqual(a.corrections, [], hidden);
		assert.equal(of(a, hidden), of(b, absent), hidden);
	}
});

test('a document in a collection that one may not read does not tell its name', async () => {
	const acl = JSON.stringify([{ principal: 'user:ben', right: 'read' }, { principal: 'user:ada', right: 'own' }]);
	const f = form({ collection: 'vault', acl }, { name: 'lent.md', bytes: '# Lent\n\nThe lent page is about voles.\n' });
	const r = await ask(carrel, 'POST', '/v1/documents', { body: f.body, headers: { ...bearer(tokens.ada), ...f.headers } });
	assert.equal((await carrel.operator.jobEnd(r.json.jobId)).state, 'done');
	const [lent] = (await search('ben', '"lent page"')).passages;
	assert.equal(lent.name, 'lent.md');
	const shown = async (query) => {
		const { passages, conditions } = await search('ben', query);
		return [passages.map((p) => p.name), conditions[0].unmatched];
	};
	for (const name of ['vault', lent.collectionId]) {
		assert.deepEqual(await shown(`voles in:${name}`), await shown('voles in:attic'), name);
		assert.deepEqual(await shown(`voles -in:${name}`), await shown('voles -in:attic'), name);
	}
	assert.deepEqual(await names('ada', 'in:vault "lent page"'), ['lent.md']);
});

test('the command line says what nothing meets, and its help has the syntax', async () => {
	const run = (...args) => runCarrel([...args, '--data', carrel.data]);
	const found = await run('search', '--as', 'ben', 'sleep in:vault');
	assert.equal(found.status, 0, found.stderr);
	assert.match(found.stderr, /nothing that you may read has in:vault/);
	assert.equal(found.stdout, '');
	assert.match((await run('search', '--as', 'ben', 'badgrs sleep')).stderr, /searched for badgers instead of badgrs/);
	const help = await run('search', '--help');
	for (const word of ['"annual leave"', 'title:', 'collection:', 'type:', 'owner:', 'date:', 'before:', 'after:', '-word']) {
		assert.ok(help.stdout.includes(word), word);
	}
});
