// The first operator, signing in and out, tokens, users, groups, workspaces, and what is written down of it.
import test from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync, rmSync } from 'node:fs';
import { startCarrel, temporaryFolder } from './carrel.mjs';
import { unlisted } from './openapi.mjs';
import { ask, assertError, bearer, cookieOnly, credentials, ghost, operate, output, signIn, withCsrf } from './people.mjs';

const PASSWORD = 'correct horse battery';
const data = temporaryFolder();
let carrel = await startCarrel({ data });
test.after(async () => {
	await carrel.stop();
	rmSync(data, { recursive: true, force: true });
});

const get = (path, headers) => ask(carrel, 'GET', path, { headers });
const post = (path, body, headers) => ask(carrel, 'POST', path, { body, headers });
const patch = (path, body, headers) => ask(carrel, 'PATCH', path, { body, headers });
const put = (path, headers) => ask(carrel, 'PUT', path, { headers });
const del = (path, headers) => ask(carrel, 'DELETE', path, { headers });

/** Processor time of the server so far, in hundredths of a second. */
function computed() {
	const fields = readFileSync(`/proc/${carrel.pid}/stat`, 'latin1').split(') ').pop().split(' ');
	return Number(fields[11]) + Number(fields[12]);
}

let root; // the operator's sign-in
let admin; // an admin's of the same workspace
const asRoot = () => bearer(root.access);
const asAdmin = () => bearer(admin.access);

async function addUser(name, more = {}) {
	const r = await post('/v1/users', { name, password: PASSWORD, ...more }, asRoot());
	assert.equal(r.status, 201, r.text);
	return r.json;
}

const tokenPrinted = () => output(carrel).match(/cb_[A-Za-z0-9_-]{43}/)?.[0];
let bootstrapToken;

test('the first operator comes from the one-time token alone', async () => {
	const token = tokenPrinted();
	assert.ok(token, `no bootstrap token in what serve printed:\n${output(carrel)}`);
	assert.ok(!carrel.log.includes(token), 'the token is for the one at the terminal, not for the log');
	bootstrapToken = token;
	const claim = (fields) => post('/v1/bootstrap', { token, name: 'root', password: PASSWORD, ...fields });

	assertError(await claim({ token: 'cb_' + 'x'.repeat(43) }), 401, 'wrong_token');
	assertError(await claim({ token: '' }), 401, 'wrong_token');
	assertError(await claim({ token: 'x'.repeat(5000) }), 400, 'bad_field');
	assertError(await claim({ token: 7 }), 400, 'bad_field');
	assertError(await claim({ password: 'short' }), 400, 'bad_password');
	assertError(await claim({ password: undefined }), 400, 'missing_field');
	assertError(await claim({ name: 'not a name' }), 400, 'bad_name');
	assertError(await claim({ name: '' }), 400, 'bad_name');
	assertError(await claim({ role: 'operator' }), 400, 'unknown_field');
	assertError(await post('/v1/bootstrap', '{'), 400, 'bad_json');

	// Of two that come at once one gets it.
	const both = await Promise.all([claim({ displayName: 'The Root' }), claim({ name: 'root2' })]);
	const won = both.filter((r) => r.status === 201);
	assert.equal(won.length, 1, both.map((r) => r.text).join('\n'));
	assertError(both.find((r) => r.status !== 201), 401, 'wrong_token');
	root = credentials(won[0].json.user.name, won[0]);
	assert.equal(root.user.role, 'operator');
	assertError(await claim({ name: 'root3' }), 401, 'wrong_token');
	assert.equal((await get('/v1/workspaces', asRoot())).status, 200);
	assert.ok(!JSON.stringify(won[0].json).includes(PASSWORD));
});

test('a started server with an operator prints no token', async () => {
	await carrel.stop();
	carrel = await startCarrel({ data });
	assert.equal(tokenPrinted(), undefined);
	assertError(await post('/v1/bootstrap', { token: bootstrapToken, name: 'late', password: PASSWORD }), 401, 'wrong_token');
	assert.equal((await get('/v1/me', asRoot())).status, 200, 'a sign-in outlives a restart');
	admin = (await addUser('adam', { role: 'admin' })) && (await signIn(carrel, 'adam', PASSWORD));
	assert.equal(admin.user.role, 'admin');
});

test('signing in: right, wrong, unknown', async () => {
	await addUser('ann', { displayName: 'Ann Ångström' });
	const right = await post('/v1/auth/login', { name: 'ann', password: PASSWORD });
	assert.equal(right.status, 200);
	assert.equal(right.json.user.displayName, 'Ann Ångström');
	assert.ok(right.json.accessExpiresMs > Date.now() && right.json.expiresMs > right.json.accessExpiresMs);
	assert.equal((await post('/v1/auth/login', { name: 'ANN', password: PASSWORD })).json?.user?.name, 'ann');

	const guesses = async (name) => {
		const from = computed(), replies = [];
		for (let i = 0; i < 4; i++) {
			replies.push(await post('/v1/auth/login', { name, password: 'wrong horse battery' }));
		}
		return [replies, computed() - from];
	};
	await guesses('nobody-here'); // the first one makes what unknown names are compared with
	const [wrongs, a] = await guesses('ann'), [unknowns, b] = await guesses('nobody-there');
	assert.ok(a > 4 && Math.max(a, b) < 2 * Math.min(a, b), `four wrong passwords take ${a} ticks of computing, unknown names ${b}`);
	const nopass = await post('/v1/users', { name: 'robot' }, asRoot());
	assert.equal(nopass.status, 201, nopass.text);
	unknowns.push(await post('/v1/auth/login', { name: 'robot', password: '' }));
	for (const r of [...wrongs, ...unknowns]) {
		assertError(r, 401, 'wrong_login');
		assert.equal(r.text, wrongs[0].text);
		assert.deepEqual(Object.keys(r.headers), Object.keys(wrongs[0].headers));
		assert.equal(r.headers['set-cookie'], undefined);
	}
});

test('signing in: what is not a sign-in', async () => {
	const login = (body, headers) => post('/v1/auth/login', body, headers);
	const cases = [
		[{ name: 'ann' }, 400, 'missing_field'],
		[{ password: PASSWORD }, 400, 'missing_field'],
		[{}, 400, 'missing_field'],
		[{ name: null, password: null }, 400, 'missing_field'],
		[{ name: 7, password: PASSWORD }, 400, 'bad_field'],
		[{ name: 'ann', password: [PASSWORD] }, 400, 'bad_field'],
		[{ name: 'ann', password: PASSWORD, admin: true }, 400, 'unknown_field'],
		[{ name: 'n'.repeat(257), password: PASSWORD }, 400, 'bad_field'],
		[{ name: 'ann', password: 'x'.repeat(1026) }, 400, 'bad_field'],
		[{ name: 'ann', password: 'x'.repeat(1025) }, 401, 'wrong_login'],
		['{"name":"ann","name":"adam","password":"x"}', 400, 'bad_json'],
		['{"name":"ann\\u0000","password":"x"}', 400, 'bad_json'],
		[Buffer.from([0x7b, 0x22, 0x6e, 0xff, 0x22, 0x3a, 0x31, 0x7d]), 400, 'bad_json'],
		['{"name":"ann","password":', 400, 'bad_json'],
		['[]', 400, 'bad_json'],
		['"ann"', 400, 'bad_json'],
		['', 400, 'bad_json'],
		['['.repeat(100_000), 400, 'bad_json'],
	];
	for (const [body, status, code] of cases) {
		const r = await login(body);
		assertError(r, status, code);
		assert.equal(r.headers['set-cookie'], undefined);
	}
	assertError(await login('name=ann&password=x', { 'content-type': 'application/x-www-form-urlencoded' }), 415, 'not_json');
	assertError(await login('{}', { 'content-type': 'text/plain' }), 415, 'not_json');
	const huge = await login(Buffer.alloc(1024 * 1024 + 1, 0x20)).catch((e) => e);
	if (huge.status !== undefined) {
		assertError(huge, 413);
	}
	assertError(await get('/v1/auth/login'), 405);
});

test('ten wrong guesses stop a name for a while, and no live session', async () => {
	await addUser('otto');
	const live = await signIn(carrel, 'otto', PASSWORD);
	const guesses = await Promise.all(Array.from({ length: 10 }, () => post('/v1/auth/login', { name: 'otto', password: 'wrong horse battery' })));
	for (const r of guesses) {
		assertError(r, 401, 'wrong_login');
	}
	for (const name of ['otto', 'OTTO']) {
		const r = await post('/v1/auth/login', { name, password: PASSWORD });
		assertError(r, 429, 'too_many_tries');
		assert.ok(Number(r.headers['retry-after']) > 800 && Number(r.headers['retry-after']) <= 900);
	}
	assert.equal((await get('/v1/me', cookieOnly(live))).status, 200);
	assert.equal((await get('/v1/me', bearer(live.access))).status, 200);
	assert.equal((await post('/v1/auth/refresh', {}, cookieOnly(live))).status, 200);
	await signIn(carrel, 'ann', PASSWORD); // others sign in as ever
	// A name that does not exist is stopped alike.
	for (let i = 0; i < 6; i++) {
		await post('/v1/auth/login', { name: 'nobody-here', password: 'wrong horse battery' });
	}
	const ghostly = await post('/v1/auth/login', { name: 'nobody-here', password: PASSWORD });
	assertError(ghostly, 429, 'too_many_tries');
});

test('the cookie is HttpOnly and SameSite=Strict, and Secure behind https', async () => {
	const r = await post('/v1/auth/login', { name: 'ann', password: PASSWORD });
	const parts = r.headers['set-cookie'][0].split('; ');
	assert.match(parts[0], /^carrel_session=cs_[A-Za-z0-9_-]{43}$/);
	assert.deepEqual(parts.slice(1).sort(), ['HttpOnly', 'Max-Age=1209600', 'Path=/', 'SameSite=Strict']);
	assert.equal(r.headers['cache-control'], 'no-store');
	const https = await startCarrel({ settings: { 'public-url': 'https://carrel.example' } });
	try {
		const made = await operate(https, 'POST', '/v1/users', { name: 'sue', password: PASSWORD });
		assert.equal(made.status, 201, made.text);
		const s = await ask(https, 'POST', '/v1/auth/login', { body: { name: 'sue', password: PASSWORD } });
		assert.match(s.headers['set-cookie'][0], /; Secure(;|$)/);
		const out = await ask(https, 'POST', '/v1/auth/logout', { body: {}, headers: withCsrf(credentials('sue', s)) });
		assert.match(out.headers['set-cookie'][0], /; Secure(;|$)/);
	} finally {
		await https.stop();
	}
});

test('a change by cookie needs the CSRF token of that sign-in', async () => {
	const ann = await signIn(carrel, 'ann', PASSWORD);
	const other = await signIn(carrel, 'ann', PASSWORD);
	const change = (headers) => patch('/v1/me', { displayName: 'Ann' }, headers);

	assert.equal((await get('/v1/me', cookieOnly(ann))).status, 200);
	for (const csrf of [undefined, '', 'cf_wrong', other.csrf, ann.csrf.slice(0, -1), ann.csrf + 'x', admin.csrf]) {
		const headers = csrf === undefined ? cookieOnly(ann) : { ...cookieOnly(ann), 'x-csrf-token': csrf };
		assertError(await change(headers), 403, 'csrf');
	}
	assert.equal((await change(withCsrf(ann))).status, 200);
	assert.equal((await change(bearer(ann.access))).status, 200, 'a bearer needs none');
	// What was said on purpose counts before the cookie that a page sends with everything.
	const both = await get('/v1/me', { ...cookieOnly(ann), ...bearer(admin.access) });
	assert.equal(both.json.user.name, 'adam');
	assertError(await get('/v1/me', { ...cookieOnly(ann), ...bearer('ca_wrong') }), 401, 'unauthenticated');
	for (const headers of [{ authorization: 'Basic YW5uOng=' }, { authorization: 'Bearer' }, { authorization: '' },
		bearer(''), bearer(ann.cookie.split('=')[1]), bearer(ann.csrf), { cookie: `carrel_session=${ann.access}` },
		{ cookie: 'carrel_session=' }, { cookie: `other=${ann.cookie.split('=')[1]}` }]) {
		assertError(await get('/v1/me', headers), 401, 'unauthenticated');
	}
	assertError(await get(`/v1/me?token=${ann.access}&access_token=${ann.access}`), 401, 'unauthenticated');
});

test('refreshing gives one more access token: each tab refreshes for itself', async () => {
	const ann = await signIn(carrel, 'ann', PASSWORD);
	const r = await post('/v1/auth/refresh', {}, cookieOnly(ann));
	assert.equal(r.status, 200, r.text);
	assert.notEqual(r.json.accessToken, ann.access);
	assert.equal(r.json.csrfToken, ann.csrf);
	assert.equal(r.json.user.name, 'ann');
	const tabs = [ann.access, r.json.accessToken];
	for (let i = 0; i < 3; i++) {
		tabs.push((await post('/v1/auth/refresh', {}, cookieOnly(ann))).json.accessToken);
	}
	assert.equal(new Set(tabs).size, 5);
	for (const access of tabs) {
		assert.equal((await get('/v1/me', bearer(access))).status, 200);
	}
	for (const headers of [{}, bearer(r.json.accessToken), { cookie: 'carrel_session=cs_wrong' }]) {
		assertError(await post('/v1/auth/refresh', {}, headers), 401, 'unauthenticated');
	}
	assert.equal((await get('/v1/me', cookieOnly(ann))).status, 200);
	assert.equal((await post('/v1/auth/logout', {}, withCsrf(ann))).status, 204);
	for (const access of tabs) {
		assertError(await get('/v1/me', bearer(access)), 401, 'unauthenticated');
	}
});

test('signing out, here and everywhere; ending one of the sign-ins', async () => {
	await addUser('lea');
	const [a, b, c, d] = [await signIn(carrel, 'lea', PASSWORD), await signIn(carrel, 'lea', PASSWORD),
		await signIn(carrel, 'lea', PASSWORD), await signIn(carrel, 'lea', PASSWORD)];
	const list = await get('/v1/sessions', cookieOnly(a));
	assert.equal(list.json.sessions.length, 4);
	assert.equal(list.json.sessions.filter((s) => s.current).length, 1);
	assert.ok(!list.text.includes('cs_') && !list.text.includes(a.csrf));

	assertError(await post('/v1/auth/logout', { everywhere: 'yes' }, withCsrf(a)), 400, 'bad_field');
	assertError(await post('/v1/auth/logout', {}, cookieOnly(a)), 403, 'csrf');
	const out = await post('/v1/auth/logout', {}, withCsrf(a));
	assert.equal(out.status, 204, out.text);
	assert.match(out.headers['set-cookie'][0], /^carrel_session=; .*Max-Age=0/);
	for (const headers of [cookieOnly(a), bearer(a.access)]) {
		assertError(await get('/v1/me', headers), 401, 'unauthenticated');
	}
	assertError(await post('/v1/auth/refresh', {}, cookieOnly(a)), 401, 'unauthenticated');

	// b ends d by its id; nobody else's can be ended, nor what is not there.
	const mine = (await get('/v1/sessions', cookieOnly(d))).json.sessions.find((s) => s.current).id;
	const absent = await del(`/v1/sessions/${ghost('ses')}`, withCsrf(b));
	assertError(absent, 404, 'not_found');
	for (const [id, who] of [[mine, admin], [mine, root], ['nonsense', b], ['%00', b], [mine.toLowerCase(), b]]) {
		const r = await del(`/v1/sessions/${id}`, bearer(who.access));
		assert.ok(r.status === 404 || (id === '%00' && r.status === 400), r.text);
		if (r.status === 404) {
			assert.equal(r.text, absent.text);
		}
	}
	assert.equal((await del(`/v1/sessions/${mine}`, withCsrf(b))).status, 204);
	assertError(await get('/v1/me', cookieOnly(d)), 401);
	assert.equal((await del(`/v1/sessions/${mine}`, withCsrf(b))).text, absent.text);

	assert.equal((await get('/v1/me', cookieOnly(b))).status, 200);
	assert.equal((await post('/v1/auth/logout', { everywhere: true }, bearer(b.access))).status, 204);
	for (const s of [b, c]) {
		assertError(await get('/v1/me', cookieOnly(s)), 401, 'unauthenticated');
		assertError(await get('/v1/me', bearer(s.access)), 401, 'unauthenticated');
	}
});

test('API tokens: shown once, revoked, of a disabled user', async () => {
	const user = await addUser('tom');
	const tom = await signIn(carrel, 'tom', PASSWORD);
	for (const body of [{}, { name: '' }, { name: 7 }, { name: 'x'.repeat(101) }, { name: 'a', days: 0 }, { name: 'a', days: -1 },
		{ name: 'a', days: 1.5 }, { name: 'a', days: '7' }, { name: 'a', days: 36501 }, { name: 'a', scope: 'all' }, { name: 'a\nb' }]) {
		assertError(await post('/v1/tokens', body, withCsrf(tom)), 400);
	}
	const forever = await post('/v1/tokens', { name: 'laptop' }, withCsrf(tom));
	const week = await post('/v1/tokens', { name: 'script', days: 7 }, withCsrf(tom));
	assert.equal(forever.status, 201, forever.text);
	assert.match(forever.json.token, /^ct_[A-Za-z0-9_-]{43}$/);
	assert.equal(forever.json.expiresMs, 0);
	assert.ok(Math.abs(week.json.expiresMs - Date.now() - 7 * 86400_000) < 60_000);

	const list = await get('/v1/tokens', bearer(forever.json.token));
	assert.deepEqual(list.json.tokens.map((t) => t.name).sort(), ['laptop', 'script']);
	assert.ok(!list.text.includes('ct_'), 'a secret is shown once');

	const absent = await del(`/v1/tokens/${ghost('tok')}`, bearer(tom.access));
	assertError(absent, 404, 'not_found');
	for (const who of [admin, root]) {
		assert.equal((await del(`/v1/tokens/${week.json.id}`, bearer(who.access))).text, absent.text);
	}
	assert.equal((await get('/v1/me', bearer(week.json.token))).status, 200);
	assert.equal((await del(`/v1/tokens/${week.json.id}`, bearer(week.json.token))).status, 204, 'a token may end itself');
	assertError(await get('/v1/me', bearer(week.json.token)), 401, 'unauthenticated');
	assert.equal((await del(`/v1/tokens/${week.json.id}`, bearer(tom.access))).text, absent.text);
	assertError(await post('/v1/auth/logout', {}, bearer(forever.json.token)), 400, 'no_session');

	assert.equal((await patch(`/v1/users/${user.id}`, { disabled: true }, asAdmin())).status, 200);
	for (const headers of [bearer(forever.json.token), bearer(tom.access), cookieOnly(tom)]) {
		assertError(await get('/v1/me', headers), 401, 'unauthenticated');
	}
	assertError(await post('/v1/auth/login', { name: 'tom', password: PASSWORD }), 401, 'wrong_login');
	assert.equal((await patch(`/v1/users/${user.id}`, { disabled: false }, asAdmin())).status, 200);
	assertError(await get('/v1/me', cookieOnly(tom)), 401, 'unauthenticated'); // its sign-ins stay ended
	await signIn(carrel, 'tom', PASSWORD);
});

test('changing a password ends the other sign-ins', async () => {
	const user = await addUser('pia');
	const here = await signIn(carrel, 'pia', PASSWORD);
	const there = await signIn(carrel, 'pia', PASSWORD);
	const fresh = 'a different horse';
	const change = (body) => patch('/v1/me', body, withCsrf(here));

	assertError(await change({ password: fresh }), 400, 'missing_field');
	assertError(await change({ password: fresh, currentPassword: 'wrong horse battery' }), 403, 'wrong_password');
	assertError(await change({ password: 'short', currentPassword: PASSWORD }), 400, 'bad_password');
	assertError(await change({ password: 'x'.repeat(1025), currentPassword: PASSWORD }), 400, 'bad_password');
	assertError(await change({ role: 'operator' }), 400, 'unknown_field');
	assertError(await change({ displayName: '' }), 400, 'bad_name');
	assertError(await change({ displayName: 'x'.repeat(201) }), 400);
	assertError(await change({ displayName: 'a\u202eb' }), 400, 'bad_name');
	assert.equal((await get('/v1/me', cookieOnly(there))).status, 200);
	assert.equal((await change({ password: fresh, currentPassword: PASSWORD })).status, 200);
	assert.equal((await get('/v1/me', cookieOnly(here))).status, 200);
	assertError(await get('/v1/me', cookieOnly(there)), 401, 'unauthenticated');
	assertError(await get('/v1/me', bearer(there.access)), 401, 'unauthenticated');
	assertError(await post('/v1/auth/login', { name: 'pia', password: PASSWORD }), 401, 'wrong_login');
	await signIn(carrel, 'pia', fresh);
	// An admin's reset ends them all.
	assert.equal((await patch(`/v1/users/${user.id}`, { password: PASSWORD }, asAdmin())).status, 200);
	assertError(await get('/v1/me', cookieOnly(here)), 401, 'unauthenticated');
	await signIn(carrel, 'pia', PASSWORD);
});

test('users: made, listed, changed, and every wrong way', async () => {
	const absent = await get(`/v1/users/${ghost('usr')}`, asAdmin());
	assertError(absent, 404, 'not_found');
	for (const body of [{}, { name: '' }, { name: 'a b' }, { name: 'a/b' }, { name: 'é' }, { name: 'x'.repeat(65) }, { name: 7 },
		{ name: 'u1', password: 'short' }, { name: 'u1', role: 'king' }, { name: 'u1', role: 2 }, { name: 'u1', workspace: 'other' },
		{ name: 'u1', displayName: ' a ' }, { name: 'u1', id: 'usr_1' }]) {
		assertError(await post('/v1/users', body, asAdmin()), 400);
	}
	assertError(await post('/v1/users', { name: 'Ann' }, asAdmin()), 409, 'name_taken');
	assertError(await post('/v1/users', { name: 'boss', role: 'operator' }, asAdmin()), 403, 'role_above');

	const zed = (await post('/v1/users', { name: 'zed.k-1_2@x+y' }, asAdmin())).json;
	assert.equal(zed.displayName, 'zed.k-1_2@x+y');
	assert.equal(zed.role, 'member');
	for (const body of [{ role: 'king' }, { disabled: 'yes' }, { disabled: 1 }, { password: 'short' }, { name: 'other' }, { displayName: 'a/b' }]) {
		assertError(await patch(`/v1/users/${zed.id}`, body, asAdmin()), 400);
	}
	const changed = await patch(`/v1/users/${zed.id}`, { displayName: 'Zed', role: 'admin' }, asAdmin());
	assert.equal(changed.json.displayName, 'Zed');
	assert.equal(changed.json.role, 'admin');
	assert.equal((await get(`/v1/users/${zed.id}`, asAdmin())).json.role, 'admin');

	// Pages of two give everybody once, in the order of the whole list.
	const all = (await get('/v1/users', asAdmin())).json.users.map((u) => u.id);
	const paged = [];
	for (let after = ''; ;) {
		const page = (await get(`/v1/users?limit=2${after && `&after=${after}`}`, asAdmin())).json;
		paged.push(...page.users.map((u) => u.id));
		after = page.next;
		if (!after) {
			break;
		}
	}
	assert.deepEqual(paged, all);
	assert.ok(!JSON.stringify(await get('/v1/users', asAdmin())).includes('argon'));
	for (const limit of ['0', '201', '-1', 'x', '1.5', '', '99999999999999999999']) {
		assertError(await get(`/v1/users?limit=${limit}`, asAdmin()), 400, 'bad_parameter');
	}
	assertError(await get('/v1/users?after=nonsense', asAdmin()), 400, 'bad_parameter');
	for (const id of [zed.id.toLowerCase(), 'usr_', 'x', `grp${zed.id.slice(3)}`, `${zed.id}0`]) {
		assert.equal((await get(`/v1/users/${id}`, asAdmin())).text, absent.text);
		assert.equal((await patch(`/v1/users/${id}`, { disabled: true }, asAdmin())).text, absent.text);
	}
});

test('groups: made, renamed, joined, left, deleted, and every wrong way', async () => {
	const ann = (await get('/v1/users?limit=200', asAdmin())).json.users.find((u) => u.name === 'ann');
	const absent = await get(`/v1/groups/${ghost('grp')}`, asAdmin());
	assertError(absent, 404, 'not_found');
	for (const body of [{}, { name: '' }, { name: ' x' }, { name: 'a\u0007' }, { name: 'x'.repeat(201) }, { name: [] }, { name: 'g', users: [] }]) {
		assertError(await post('/v1/groups', body, asAdmin()), 400);
	}
	const hr = (await post('/v1/groups', { name: 'People team' }, asAdmin())).json;
	const it = (await post('/v1/groups', { name: 'IT 部门' }, asAdmin())).json;
	assertError(await post('/v1/groups', { name: 'PEOPLE TEAM' }, asAdmin()), 409, 'name_taken');
	assertError(await patch(`/v1/groups/${it.id}`, { name: 'people team' }, asAdmin()), 409, 'name_taken');
	assertError(await patch(`/v1/groups/${it.id}`, {}, asAdmin()), 400, 'missing_field');
	assert.equal((await patch(`/v1/groups/${it.id}`, { name: 'IT' }, asAdmin())).json.name, 'IT');

	const joined = await put(`/v1/groups/${hr.id}/members/${ann.id}`, asAdmin());
	assert.equal(joined.status, 200, joined.text);
	assert.equal((await put(`/v1/groups/${hr.id}/members/${ann.id}`, asAdmin())).json.members, 1, 'again is fine');
	assert.deepEqual((await get(`/v1/groups/${hr.id}`, asAdmin())).json.users.map((u) => u.name), ['ann']);
	assert.deepEqual((await get(`/v1/users/${ann.id}`, asAdmin())).json.groups.map((g) => g.name), ['People team']);
	for (const [g, u] of [[hr.id, ghost('usr')], [ghost('grp'), ann.id], ['x', ann.id], [hr.id, 'x'], [ann.id, hr.id]]) {
		assert.equal((await put(`/v1/groups/${g}/members/${u}`, asAdmin())).text, absent.text);
		assert.equal((await del(`/v1/groups/${g}/members/${u}`, asAdmin())).text, absent.text);
	}

	const made = await post('/v1/collections', { name: 'people', acl: [{ principal: 'group:People team', right: 'read' }] }, asAdmin());
	assert.equal(made.status, 201, made.text);
	assertError(await del(`/v1/groups/${hr.id}`, asAdmin()), 409, 'group_in_use');
	assert.equal((await ask(carrel, 'PUT', `/v1/collections/${made.json.id}/acl`, { body: { entries: [] }, headers: asAdmin() })).status, 200);
	assert.equal((await del(`/v1/groups/${hr.id}/members/${ann.id}`, asAdmin())).status, 200);
	assert.equal((await del(`/v1/groups/${hr.id}/members/${ann.id}`, asAdmin())).text, absent.text);
	assert.equal((await del(`/v1/groups/${hr.id}`, asAdmin())).status, 204);
	assert.equal((await del(`/v1/groups/${hr.id}`, asAdmin())).text, absent.text);
	assert.equal((await get(`/v1/groups/${hr.id}`, asAdmin())).text, absent.text);
	assert.deepEqual((await get('/v1/groups', asAdmin())).json.groups.map((g) => g.name), ['IT']);
});

test('whom one may share with: names of the workspace, for everybody in it', async () => {
	const p = await signIn(carrel, (await addUser('paula', { displayName: 'Paula Löwe' })).name, PASSWORD);
	await post('/v1/groups', { name: 'Lounge' }, asAdmin());
	const list = async (query = '') => {
		const r = await get(`/v1/principals${query}`, bearer(p.access));
		assert.equal(r.status, 200, r.text);
		assert.equal(unlisted('GET', '/v1/principals', r), null);
		return r.json;
	};
	const all = (await list('?limit=200')).principals;
	assert.equal(all[0].principal, 'workspace');
	assert.ok(all.some((x) => x.principal === 'group:Lounge' && x.members === 0));
	assert.deepEqual(all.find((x) => x.principal === 'user:paula'), { principal: 'user:paula', kind: 'user', name: 'paula', displayName: 'Paula Löwe' });
	assert.deepEqual((await list('?q=LOW')).principals.map((x) => x.principal), ['user:paula']);
	const paged = [];
	for (let next = ''; next !== null;) {
		const page = await list(`?limit=3${next && `&after=${encodeURIComponent(next)}`}`);
		paged.push(...page.principals);
		next = page.next;
	}
	assert.deepEqual(paged, all);
	for (const q of ['limit=0', 'limit=201', 'after=x', 'after=user', `q=${'x'.repeat(201)}`]) {
		assertError(await get(`/v1/principals?${q}`, bearer(p.access)), 400, 'bad_parameter');
	}
	// Each can be named in permissions as it was told.
	const acl = (await list()).principals.map((x) => ({ principal: x.principal, right: 'read' }));
	assert.equal((await post('/v1/collections', { name: 'for all of them', acl }, bearer(p.access))).status, 201);
	const me = await get('/v1/me', bearer(p.access));
	assert.equal(unlisted('GET', '/v1/me', me), null);
	assert.deepEqual(me.json.server, { version: me.json.server.version, uploadMaxMb: 512, model: null, embedder: 'builtin', ocr: true });
});

test('permission entries: what names nobody is refused', async () => {
	const c = (await post('/v1/collections', { name: 'entries' }, asAdmin())).json;
	const set = (entries, headers = asAdmin()) => ask(carrel, 'PUT', `/v1/collections/${c.id}/acl`, { body: { entries }, headers });
	for (const entries of [undefined, null, {}, 'workspace', [7], ['workspace'], [{}], [{ principal: 'workspace' }], [{ right: 'read' }],
		[{ principal: 'workspace', right: 'none' }], [{ principal: 'workspace', right: 'admin' }], [{ principal: '', right: 'read' }],
		[{ principal: 'user:nobody', right: 'read' }], [{ principal: ghost('usr'), right: 'read' }], [{ principal: ghost('grp'), right: 'read' }],
		[{ principal: 'group:', right: 'read' }], [{ principal: 7, right: 'read' }],
		Array.from({ length: 1001 }, () => ({ principal: 'workspace', right: 'read' }))]) {
		assertError(await set(entries), 400);
	}
	const twice = await set([{ principal: 'user:ann', right: 'read' }, { principal: 'user:ann', right: 'write' }]);
	assertError(twice, 400);
	const good = await set([{ principal: 'user:ann', right: 'read' }, { principal: 'workspace', right: 'read' }]);
	assert.equal(good.status, 200, good.text);
	assert.equal(good.json.entries.length, 2);
});

test('workspaces apart: an admin sees and touches only the own one', async () => {
	for (const body of [{}, { name: '' }, { name: 'x'.repeat(101) }, { name: 5 }, { name: 'a\nb' }]) {
		assertError(await post('/v1/workspaces', body, asRoot()), 400);
	}
	const made = await post('/v1/workspaces', { name: 'elsewhere' }, asRoot());
	assert.equal(made.status, 201, made.text);
	assertError(await post('/v1/workspaces', { name: 'elsewhere' }, asRoot()), 409);
	assert.deepEqual((await get('/v1/workspaces', asRoot())).json.workspaces.map((w) => w.name).sort(), ['default', 'elsewhere']);
	const absent = await get(`/v1/users/${ghost('usr')}`, asAdmin());
	assert.equal((await get('/v1/workspaces', asAdmin())).text, absent.text);
	assert.equal((await post('/v1/workspaces', { name: 'mine' }, asAdmin())).text, absent.text);

	const there = (method, path, body) => operate(carrel, method, path, body, { workspace: 'elsewhere' });
	const eve = (await there('POST', '/v1/users', { name: 'eve', role: 'admin', password: PASSWORD })).json;
	const group = (await there('POST', '/v1/groups', { name: 'far' })).json;
	const eveIn = await signIn(carrel, 'eve', PASSWORD);
	assert.equal((await get('/v1/me', bearer(eveIn.access))).json.workspace.name, 'elsewhere');
	assert.deepEqual((await get('/v1/users', bearer(eveIn.access))).json.users.map((u) => u.name), ['eve']);
	const asEve = bearer(eveIn.access);
	const ann = (await get('/v1/users?limit=200', asAdmin())).json.users.find((u) => u.name === 'ann');
	const it = (await get('/v1/groups', asAdmin())).json.groups[0];
	for (const r of [
		await get(`/v1/users/${eve.id}`, asAdmin()), await patch(`/v1/users/${eve.id}`, { disabled: true }, asAdmin()),
		await get(`/v1/groups/${group.id}`, asAdmin()), await patch(`/v1/groups/${group.id}`, { name: 'x' }, asAdmin()),
		await del(`/v1/groups/${group.id}`, asAdmin()), await put(`/v1/groups/${it.id}/members/${eve.id}`, asAdmin()),
		await put(`/v1/groups/${group.id}/members/${ann.id}`, asEve), await get(`/v1/users/${ann.id}`, asEve),
		await patch(`/v1/users/${ann.id}`, { password: PASSWORD }, asEve)]) {
		assert.equal(r.status, 404);
		assert.equal(r.text, absent.text);
	}
	assert.equal((await get('/v1/me', asEve)).status, 200);
	const names = (await get('/v1/audit?limit=200', asEve)).json.audit.map((x) => x.object);
	assert.ok(!names.includes(ann.id));
});

test('operators: not for admins to touch, and the last one stays', async () => {
	const op = root.user.id;
	for (const body of [{ disabled: true }, { role: 'member' }, { password: PASSWORD }, { displayName: 'Mine' }]) {
		assertError(await patch(`/v1/users/${op}`, body, asAdmin()), 403, 'role_above');
	}
	assertError(await patch(`/v1/users/${admin.user.id}`, { role: 'operator' }, asAdmin()), 403, 'role_above');
	for (const body of [{ disabled: true }, { role: 'admin' }]) {
		assertError(await patch(`/v1/users/${op}`, body, asRoot()), 409, 'last_operator');
	}
	assert.equal((await patch(`/v1/users/${op}`, { role: 'operator', displayName: 'Root' }, asRoot())).status, 200);
	const second = await addUser('second', { role: 'operator' });
	// Each disables the other at once: one of them stays.
	const secondIn = await signIn(carrel, 'second', PASSWORD);
	const both = await Promise.all([patch(`/v1/users/${op}`, { disabled: true }, bearer(secondIn.access)),
		patch(`/v1/users/${second.id}`, { disabled: true }, asRoot())]);
	const live = [await get('/v1/me', asRoot()), await get('/v1/me', bearer(secondIn.access))].filter((r) => r.status === 200);
	assert.equal(live.length, 1, both.map((r) => r.text).join('\n'));
	if (live[0].json.user.name === 'second') {
		assert.equal((await patch(`/v1/users/${op}`, { disabled: false }, bearer(secondIn.access))).status, 200);
		root = await signIn(carrel, root.name, PASSWORD);
		assert.equal((await patch(`/v1/users/${second.id}`, { disabled: true }, asRoot())).status, 200);
	}
});

test('a role counts at the next request', async () => {
	const una = await addUser('una', { role: 'admin' });
	const s = await signIn(carrel, 'una', PASSWORD);
	assert.equal((await get('/v1/users', bearer(s.access))).status, 200);
	assert.equal((await patch(`/v1/users/${una.id}`, { role: 'member' }, asAdmin())).status, 200);
	assertError(await get('/v1/users', bearer(s.access)), 404, 'not_found');
});

test('the audit log lists what was done, newest first', async () => {
	const all = (await get('/v1/audit?limit=200', asAdmin())).json.audit;
	const seen = new Set(all.map((x) => x.action));
	for (const action of ['session.create', 'token.create', 'token.revoke', 'user.create', 'user.change', 'user.disable', 'group.create',
		'group.rename', 'group.join', 'group.leave', 'group.delete', 'collection.create', 'acl.set', 'session.revoke', 'user.password']) {
		assert.ok(seen.has(action), `${action} is not in the audit log: ${[...seen]}`);
	}
	assert.deepEqual(all.map((x) => x.n), all.map((x) => x.n).sort((a, b) => b - a));
	assert.ok(all.every((x) => x.atMs > Date.now() - 600_000 && x.actor && typeof JSON.parse(x.detail) === 'object'));
	const disable = all.find((x) => x.action === 'user.disable');
	assert.match(disable.actor, /^usr_/);
	const page = (await get(`/v1/audit?limit=3&after=${all[4].n}`, asAdmin())).json.audit;
	assert.deepEqual(page.map((x) => x.n), all.slice(5, 8).map((x) => x.n));
	for (const q of ['limit=0', 'limit=201', 'after=0', 'after=x']) {
		assertError(await get(`/v1/audit?${q}`, asAdmin()), 400, 'bad_parameter');
	}
	const text = JSON.stringify(all);
	assert.ok(!text.includes(PASSWORD) && !/c[abcfst]_[A-Za-z0-9_-]{43}/.test(text), 'no secret in the audit log');
});

test('X-Carrel-As is for the machine\'s own socket', async () => {
	const absent = await get('/v1/me');
	assertError(absent, 401, 'unauthenticated');
	for (const headers of [{ 'x-carrel-as': root.name }, { 'x-carrel-as': 'ann', 'x-carrel-workspace': 'default' },
		{ 'x-carrel-workspace': 'default' }, { ...asRoot(), 'x-carrel-as': 'ann' }, { ...cookieOnly(root), 'x-carrel-as': 'ann' }]) {
		assert.equal((await get('/v1/me', headers)).text, absent.text);
	}
	const local = (headers) => ask(carrel, 'GET', '/v1/me', { headers, socket: true });
	assert.equal((await local({ 'x-carrel-as': 'ann' })).json.user.name, 'ann');
	assert.equal((await local({})).json.user, null);
	assert.equal((await local({ 'x-carrel-workspace': 'elsewhere' })).json.workspace.name, 'elsewhere');
	assertError(await local({ 'x-carrel-workspace': 'nowhere' }), 404);
	assertError(await local({ 'x-carrel-as': 'nobody-at-all' }), 401);
	assertError(await local({ 'x-carrel-as': 'second' }), 401); // disabled
	assertError(await local({ 'x-carrel-as': 'ann', ...asRoot() }), 401);
	// The operator of the socket is nobody in particular.
	const body = { headers: {}, socket: true, body: { name: 'x' } };
	assertError(await ask(carrel, 'POST', '/v1/tokens', body), 400, 'no_person');
});

test('no secret reaches the log', () => {
	const log = output(carrel);
	assert.ok(!/c[abfst]_[A-Za-z0-9_-]{43}/.test(log));
	assert.ok(!log.includes(PASSWORD));
});

test('an operator is told the counts behind the health, others are not', async () => {
	const name = 'opal';
	await addUser(name, { role: 'operator' });
	const told = await get('/healthz', bearer((await signIn(carrel, name, PASSWORD)).access));
	assert.ok(told.json.http.requests > 0);
	assert.equal(typeof told.json.jobs.queued, 'number');
	for (const headers of [{}, asAdmin()]) {
		const { json } = await get('/healthz', headers);
		assert.deepEqual([json.status, json.http, json.jobs], ['ok', undefined, undefined]);
	}
});
