// The command line: every command with and without a running server, its exit status, its JSON lines.
// Long: every command, several times.
import { test, describe, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { startFakeModel } from './fake_model.mjs';

const PROGRAM = path.resolve(process.env.BUILD ?? 'build', 'carrel');
const DOCUMENTS = 'fixtures/documents';
const PASSWORD = 'correct horse battery';
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'carrel-cli-'));
after(() => fs.rmSync(scratch, { recursive: true, force: true }));

const environment = Object.fromEntries(Object.entries(process.env).filter(([k]) => !k.startsWith('CARREL_') && k !== 'COLUMNS'));

function start(args, { env = {}, input } = {}) {
	const child = spawn(PROGRAM, args, { env: { ...environment, ...env } });
	const out = { stdout: '', stderr: '' };
	child.stdout.setEncoding('utf8').on('data', (s) => { out.stdout += s; });
	child.stderr.setEncoding('utf8').on('data', (s) => { out.stderr += s; });
	child.stdin.on('error', () => {});
	child.stdin.end(input ?? '');
	out.child = child;
	out.ended = once(child, 'close').then(([code, signal]) => ({ code, signal, stdout: out.stdout, stderr: out.stderr }));
	return out;
}

// Runs a command to its end and expects its exit status.
async function carrel(args, { code = 0, ...options } = {}) {
	const r = await start(args, options).ended;
	assert.equal(r.code, code, `carrel ${args.join(' ')}: ${r.signal ?? ''}\n${r.stdout}${r.stderr}`);
	return r;
}

const lines = (text) => text.split('\n').filter(Boolean).map((line) => JSON.parse(line));

async function until(found, what) {
	const end = Date.now() + 60000;
	for (;;) {
		const r = await found();
		if (r) {
			return r;
		}
		assert.ok(Date.now() < end, `waited in vain for ${what}`);
		await new Promise((resolve) => { setTimeout(resolve, 22); });
	}
}

// How many originals are stored.
function stored(data) {
	const blobs = path.join(data, 'blobs');
	return fs.existsSync(blobs) ? fs.readdirSync(blobs, { recursive: true }).filter((name) => /\w{64}$/.test(name)).length : 0;
}

async function startServer(data, ...more) {
	const server = start(['serve', '--data', data, '--listen', '127.0.0.1:0', '--log-level', 'error', '--json', ...more]);
	const line = await until(() => server.stdout.split('\n')[0] || server.child.exitCode !== null, 'the server');
	assert.equal(server.child.exitCode, null, server.stderr);
	assert.equal(typeof line, 'string');
	server.url = `http://${JSON.parse(line).address}`;
	server.stop = async (signal = 'SIGTERM') => {
		server.child.kill(signal);
		return server.ended;
	};
	return server;
}

describe('help and usage', () => {
	let commands;
	before(async () => {
		const { stdout } = await carrel(['--help']);
		// wrapped lines are indented further
		commands = stdout.split('\n\n')[2].split('\n').filter((line) => /^ {2}\S/.test(line)).map((line) => line.trim().split(/ {2}|[A-Z]/)[0].trim()).filter(Boolean);
	});

	test('lists every command of the design', () => {
		for (const name of ['serve', 'ingest', 'reindex', 'search', 'explain', 'ask', 'doc list', 'acl set', 'user create',
			'group add', 'token create', 'jobs', 'check', 'extract', 'chunk', 'embed', 'collection create', 'workspace list']) {
			assert.ok(commands.includes(name), `${name} in ${commands.join(', ')}`);
		}
	});

	test('every command has its own help', async () => {
		for (const name of commands) {
			const { stdout, stderr } = await carrel([...name.split(' '), '--help']);
			assert.match(stdout, new RegExp(`usage: carrel ${name}`), name);
			assert.equal(stderr, '');
		}
		assert.match((await carrel(['doc', '--help'])).stdout, /doc delete/);
		assert.match((await carrel(['help', 'search'])).stdout, /usage: carrel search/);
	});

	test('no help goes past 80 columns', async () => {
		for (const name of ['', ...commands]) {
			for (const line of (await carrel([...name.split(' ').filter(Boolean), '--help'], { env: { COLUMNS: '80' } })).stdout.split('\n')) {
				assert.ok(line.length <= 80, line);
			}
		}
	});

	for (const [args, says] of [
		[[], /--help/],
		[['serach', 'x'], /is it "search"/],
		[['nonsense'], /--help/],
		[['doc'], /list, show/],
		[['doc', 'lsit'], /doc list/],
		[['doc', 'show'], /usage: carrel doc show/],
		[['doc', 'show', 'a', 'b'], /"b" is one word too many/],
		[['search', '--limti', '3', 'x'], /--limit/],
		[['search', '--limit', 'many', 'x'], /1 to 100/],
		[['search', '--limit'], /wants a value/],
		[['search', '-x', 'y'], /no option -x/],
		[['search', '--frobnicate', 'y'], /no option --frobnicate; --help lists/],
		[['search', 'x', '--http-workers', '0'], /http-workers/],
		[['ingest', '.'], /--collection/],
		[['acl', 'set', 'c', 'workspace'], /PRINCIPAL:RIGHT/],
		[['acl', 'set', 'c', 'workspace:all'], /PRINCIPAL:RIGHT/],
		[['user', 'role', 'ada', 'king'], /member, admin or operator/],
		[['search', 'x', '--server', 'carrel.example', '--token', 't'], /http:\/\//],
		[['search', 'x', '--server', 'http://127.0.0.1:1', '--token', 't', '--as', 'ada'], /--as/],
		[['extract', '.'], /not a file/],
	]) {
		test(`wrong usage is 2: carrel ${args.join(' ')}`, async () => {
			const r = await carrel(['--data', path.join(scratch, 'nothing'), ...args], { code: 2 });
			assert.match(r.stderr, says);
			assert.equal(r.stdout, '');
		});
	}

	test('nothing was made by all that', () => {
		assert.equal(fs.existsSync(path.join(scratch, 'nothing')), false);
	});

	test('an empty data folder is 3', async () => {
		const { stderr } = await carrel(['doc', 'list', '--data', path.join(scratch, 'nothing')], { code: 3 });
		assert.match(stderr, /carrel serve/);
		assert.equal(fs.existsSync(path.join(scratch, 'nothing')), false);
	});

	test('errors are JSON with --json', async () => {
		const { stderr } = await carrel(['doc', 'list', '--json', '--data', path.join(scratch, 'nothing')], { code: 3 });
		assert.equal(JSON.parse(stderr).error.code, 'no_data');
		assert.equal(JSON.parse((await carrel(['bogus', '--json'], { code: 2 })).stderr).error.type, 'invalid_request');
	});

	test('nobody there is 5, no token is 4', async () => {
		await carrel(['doc', 'list', '--server', 'http://127.0.0.1:1', '--token', 't'], { code: 5 });
		await carrel(['doc', 'list'], { code: 5, env: { CARREL_SERVER: 'http://127.0.0.1:1', CARREL_TOKEN: 't' } });
		await carrel(['doc', 'list', '--server', 'http://127.0.0.1:1'], { code: 4 });
	});

	test('a reader that goes away is no error', async () => {
		const r = start(['--help']);
		r.child.stdout.destroy();
		const { code, stderr } = await r.ended;
		assert.equal(code, 0, stderr);
		assert.equal(stderr, '');
	});
});

describe('one step at a time', () => {
	const pdf = `${DOCUMENTS}/company/travel-policy.pdf`;

	test('extract', async () => {
		assert.match((await carrel(['extract', pdf])).stdout, /175 EUR/);
		const rows = lines((await carrel(['extract', pdf, '--json'])).stdout);
		assert.equal(rows[0].mediaType, 'application/pdf');
		assert.equal(rows.filter((r) => r.kind).length, rows[0].blocks);
		assert.ok(rows.some((r) => r.kind === 'heading' && r.boxes[0].length === 4));
		await carrel(['extract', 'fixtures/broken/encrypted-password-otter.pdf'], { code: 2 });
		await carrel(['extract', 'fixtures/none.pdf'], { code: 9 });
	});

	test('extract several files', async () => {
		const files = [pdf, 'fixtures/broken/empty.txt', `${DOCUMENTS}/company/data-retention.html`];
		const text = await carrel(['extract', ...files], { code: 2 });
		assert.match(text.stdout, /═══ .*travel-policy\.pdf ═══[^═]*175 EUR[^═]*═══ .*data-retention\.html ═══/);
		assert.match(text.stderr, /empty\.txt: the file is empty[^]*1 of 3 files/);
		const brief = lines((await carrel(['extract', '--brief', '--json', ...files], { code: 2 })).stdout);
		assert.deepEqual(brief.map((r) => r.mediaType ?? r.error.reason), ['application/pdf', 'empty_file', 'text/html']);
		assert.ok(brief.every((r, i) => r.file === files[i] && r.cpuUs > 0 && r.memoryMb > 0));
		assert.match((await carrel(['extract', '--brief', ...files], { code: 2 })).stdout, /empty\.txt +.*the file is empty/);
	});

	test('the formats', async () => {
		const rows = lines((await carrel(['extract', '--formats', '--json'])).stdout);
		assert.ok(rows.some((r) => r.name === 'PDF' && r.extensions[0] === 'pdf' && r.paging === 'page'));
		assert.match((await carrel(['extract', '--formats'])).stdout, /^PDF +pdf +page +application\/pdf$/m);
		await carrel(['extract', '--formats', pdf], { code: 2 });
		await carrel(['extract'], { code: 2 });
	});

	test('chunk', async () => {
		const rows = lines((await carrel(['chunk', pdf, '--json'])).stdout);
		assert.ok(rows.length > 5);
		assert.ok(rows.some((r) => r.text.includes('175 EUR') && r.pageFirst === 2));
		assert.match((await carrel(['chunk', `${DOCUMENTS}/company/suzhou-travel.pdf`])).stdout, /苏州/);
	});

	test('embed', async () => {
		const rows = lines((await carrel(['embed', '--json', 'hotel costs', 'the cost of a hotel', 'otter'])).stdout);
		assert.equal(rows[0].vector.length, rows[0].dimension);
		assert.ok(Math.abs(rows[0].cosine - 1) < 1e-3);
		assert.ok(rows[1].cosine > rows[2].cosine);
		await carrel(['embed', '--files', 'README.md', 'CHANGELOG.md']);
	});

	test('settings tell where a value comes from', async () => {
		const rows = lines((await carrel(['settings', '--json', '--http-workers', '3'], { env: { CARREL_MODEL_KEY: 'secret' } })).stdout);
		const row = (name) => rows.find((r) => r.name === name);
		assert.deepEqual([row('http-workers').value, row('http-workers').source], ['3', 'flag']);
		assert.deepEqual([row('model-key').value, row('model-key').source], ['set', 'environment']);
		assert.equal(row('listen').source, 'default');
	});

	test('routes', async () => {
		const rows = lines((await carrel(['routes', '--json'])).stdout);
		assert.ok(rows.some((r) => r.method === 'POST' && r.pattern === '/v1/search' && r.access === 'user'));
		assert.ok(rows.every((r) => r.needs && r.body));
	});
});

// The same tour of every command, in a folder of its own; `via` are the options that say where the server is. `self`
// is the user whose token is used: it owns what it makes, and must not give that away; the machine's operator is nobody.
function tour(name, self, prepare) {
	const mine = self ? [`user:${self}:own`] : [];
	describe(name, () => {
		let data, via, stop;
		const run = (args, options) => carrel([...args, ...via], options);
		const json = async (args, options) => lines((await run([...args, '--json'], options)).stdout);
		const collection = (n) => ['--collection', n];

		before(async () => {
			data = fs.mkdtempSync(path.join(scratch, 'tour-'));
			({ via, stop } = await prepare(data));
		});
		after(() => stop?.());

		test('people', async () => {
			const [ada] = await json(['user', 'create', 'ada', '--display-name', 'Ada L', '--password-file', '-'], { input: `${PASSWORD}\n` });
			assert.equal(ada.name, 'ada');
			await run(['user', 'create', 'ben', '--password-file', '-'], { input: PASSWORD });
			await run(['user', 'create', 'ada', '--password-file', '-'], { input: PASSWORD, code: 2 });
			await run(['user', 'create', 'cy', '--password-file', '-'], { input: 'short', code: 2 });
			await run(['user', 'create', 'cy'], { code: 2 }); // no terminal to ask on
			await run(['user', 'password', 'ben', '--password-file', '-'], { input: `${PASSWORD}!` });
			await run(['user', 'role', 'ada', 'admin']);
			await run(['user', 'disable', 'ben']);
			assert.equal((await json(['user', 'list'])).find((u) => u.name === 'ben').disabled, true);
			await run(['user', 'enable', 'ben']);
			const users = await json(['user', 'list']);
			assert.deepEqual(users.filter((u) => ['ada', 'ben'].includes(u.name)).map((u) => [u.role, u.disabled]), [['admin', false], ['member', false]]);
			await run(['user', 'disable', 'nobody'], { code: 9 });

			await run(['group', 'create', 'hr']);
			await run(['group', 'add', 'hr', 'ada', 'ben']);
			await run(['group', 'remove', 'hr', 'ben']);
			assert.deepEqual((await json(['group', 'members', 'hr'])).map((u) => u.name), ['ada']);
			await run(['group', 'create', 'gone']);
			await run(['group', 'delete', 'gone']);
			assert.deepEqual((await json(['group', 'list'])).map((g) => [g.name, g.members]), [['hr', 1]]);
		});

		test('collections and permissions', async () => {
			await run(['collection', 'create', 'notes', '--acl', 'group:hr:read,workspace:write']);
			assert.deepEqual((await json(['acl', 'show', 'notes'])).map((a) => `${a.kind} ${a.right}`).sort(),
				['group read', ...(self ? ['user own'] : []), 'workspace write']);
			await run(['acl', 'set', 'notes', 'user:ada:own', ...mine]);
			assert.equal((await json(['acl', 'show', 'notes'])).find((a) => a.name === 'ada').right, 'own');
			await run(['acl', 'set', 'notes', 'user:nobody:own'], { code: 2 });
			await run(['collection', 'rename', 'notes', 'papers']);
			await run(['collection', 'create', 'papers'], { code: 2 });
			assert.ok((await json(['collection', 'list'])).some((c) => c.name === 'papers'));
			await run(['collection', 'delete', 'papers']);
			await run(['collection', 'delete', 'papers'], { code: 9 });
			await run(['acl', 'show', 'col_01K3ZJ8Q4V5X6Y7Z8A9B0C1D2E'], { code: 9 });
		});

		test('ingest, and again', async () => {
			const rows = await json(['ingest', `${DOCUMENTS}/hr`, ...collection('hr'), '--acl', 'group:hr:read']);
			assert.deepEqual(rows.at(-1).summary.failed, 0, JSON.stringify(rows));
			assert.equal(rows.at(-1).summary.done, 5);
			assert.ok(rows.at(-1).summary.pages >= 5);
			assert.ok(rows.slice(0, -1).every((r) => r.outcome === 'done' && r.documentId.startsWith('doc_')));
			const again = await run(['ingest', `${DOCUMENTS}/hr`, ...collection('hr')]);
			assert.match(again.stdout, /0 done, 5 skipped, 0 failed/);
			assert.deepEqual((await json(['acl', 'show', 'hr'])).map((a) => [a.name, a.right]).slice(0, 1), [['hr', 'read']]);
		});

		test('ingest: names below folders, hidden files, links, the same bytes, a changed file', async () => {
			const tree = fs.mkdtempSync(path.join(scratch, 'tree-'));
			fs.mkdirSync(path.join(tree, 'a/b'), { recursive: true });
			fs.writeFileSync(path.join(tree, 'a/b/one.md'), '# One\n\nThe heron stands in the reeds.\n');
			fs.writeFileSync(path.join(tree, 'a/copy.md'), '# One\n\nThe heron stands in the reeds.\n');
			fs.writeFileSync(path.join(tree, '.secret'), 'hidden');
			fs.symlinkSync('/etc/passwd', path.join(tree, 'link'));
			const first = await json(['ingest', tree, ...collection('tree'), '--acl', 'workspace:read']);
			const by = (rows) => Object.fromEntries(rows.filter((r) => r.file).map((r) => [r.name, r.reason ?? r.outcome]));
			assert.deepEqual(by(first), { '.secret': 'hidden', 'a/b/one.md': 'done', 'a/copy.md': 'same_bytes', link: 'link' });
			fs.writeFileSync(path.join(tree, 'a/b/one.md'), '# One\n\nThe otter stands in the reeds.\n');
			const second = await json(['ingest', tree, ...collection('tree')]);
			assert.equal(by(second)['a/b/one.md'], 'done');
			const [doc] = (await json(['doc', 'list', ...collection('tree')])).filter((d) => d.name === 'a/b/one.md');
			assert.equal((await json(['doc', 'versions', doc.id])).length, 2);
			assert.match((await run(['doc', 'text', 'tree/a/b/one.md'])).stdout, /otter/);
			await run(['ingest', path.join(tree, 'absent'), ...collection('tree')], { code: 9 });
		});

		test('ingest: every failure is named, exit 8', async () => {
			const r = await run(['ingest', 'fixtures/broken', ...collection('broken'), '--json'], { code: 8 });
			const rows = lines(r.stdout).filter((x) => x.file);
			const failed = Object.fromEntries(rows.filter((x) => x.outcome === 'failed').map((x) => [x.name, x.reason]));
			assert.equal(failed['encrypted-password-otter.pdf'], 'password_required', JSON.stringify(failed));
			for (const name of ['empty.pdf', 'header-only.pdf']) {
				assert.ok(failed[name], `${name} in ${JSON.stringify(rows)}`);
			}
			const done = rows.filter((x) => x.outcome === 'done').map((x) => x.name);
			for (const name of ['encrypted-empty-password.pdf', 'latin-1.txt', 'utf-16.txt', 'long-line.md']) {
				assert.ok(done.includes(name), name);
			}
			assert.equal(rows.find((x) => x.name === 'no-text.pdf').reason, 'no_text');
			const table = await run(['ingest', 'fixtures/broken', ...collection('broken')], { code: 8, env: { COLUMNS: '80' } });
			assert.match(table.stdout, /failed +encrypted-password/);
			assert.ok(table.stdout.split('\n').every((line) => [...line].length <= 80), table.stdout);
		});

		test('documents', async () => {
			const docs = await json(['doc', 'list', ...collection('hr')]);
			assert.equal(docs.length, 5);
			const listed = (await run(['doc', 'list', ...collection('hr')])).stdout.split('\n').slice(1, -1).map((line) => line.split(/\s/)[0]);
			assert.deepEqual(listed.sort(), docs.map((d) => `hr/${d.name}`).sort());
			const bands = docs.find((d) => d.name === 'salary-bands-2026.pdf');
			const [shown] = await json(['doc', 'show', bands.id]);
			assert.equal(shown.state, 'indexed');
			assert.match((await run(['doc', 'show', 'hr/salary-bands-2026.pdf'])).stdout, /salary-bands-2026\.pdf/);
			const to = path.join(data, 'got.pdf');
			await run(['doc', 'download', bands.id, '--output', to]);
			assert.deepEqual(fs.readFileSync(to), fs.readFileSync(`${DOCUMENTS}/hr/salary-bands-2026.pdf`));
			await run(['doc', 'rename', 'hr/recruiting-guide.html', 'recruiting.html']);
			assert.match((await run(['doc', 'text', 'hr/recruiting.html'])).stdout, /\w/);
			await run(['acl', 'set', bands.id, 'user:ben:read', ...mine]);
			assert.deepEqual((await json(['acl', 'show', bands.id])).map((a) => a.name).sort(), ['ben', ...(self ? [self] : [])]);
			await run(['acl', 'set', bands.id, 'inherit']);
			assert.deepEqual((await json(['acl', 'show', bands.id])).map((a) => a.name).slice(0, 1), ['hr']);
			await run(['doc', 'delete', 'hr/recruiting.html']);
			await run(['doc', 'show', 'hr/recruiting.html'], { code: 9 });
			await run(['doc', 'show', 'doc_01K3ZJ8Q4V5X6Y7Z8A9B0C1D2E'], { code: 9 });
			await run(['doc', 'show', 'nonsense'], { code: 9 });
		});

		test('search and explain', async () => {
			const found = await json(['search', 'salary', 'band', 'of', 'an', 'engineer', ...collection('hr')]);
			assert.equal(found[0].name, 'salary-bands-2026.pdf');
			assert.match((await run(['search', 'salary bands'])).stdout, /1\. salary-bands-2026\.pdf, page \d/);
			assert.equal((await json(['search', 'salary', '--limit', '1'])).length, 1);
			await run(['search', 'x', ...collection('nowhere')], { code: 9 });
			const table = (await run(['explain', 'salary bands'])).stdout;
			assert.match(table, /kept/);
			assert.ok(table.split('\n').every((line) => [...line].length <= 80), table);
			assert.ok((await json(['explain', 'salary bands'])).some((c) => c.kept && c.fusedRank === 1));
		});

		test('jobs and reindex', async () => {
			const jobs = await json(['jobs', '--limit', '5']);
			assert.equal(jobs.length, 5);
			assert.ok((await json(['jobs', 'list', '--state', 'failed'])).length > 0);
			assert.equal((await json(['jobs', 'show', jobs[0].id]))[0].id, jobs[0].id);
			const [done] = await json(['jobs', '--state', 'done', '--limit', '1']);
			assert.equal((await json(['jobs', 'watch', done.id])).at(-1).id, done.id);
			await run(['jobs', 'show', 'job_01K3ZJ8Q4V5X6Y7Z8A9B0C1D2E'], { code: 9 });
			await run(['jobs', '--state', 'lost'], { code: 2 });
			const [failed] = await json(['jobs', '--state', 'failed', '--limit', '1']);
			await run(['jobs', 'watch', failed.id], { code: 8 });
			await run(['jobs', 'retry', failed.id]);
			assert.match((await run(['reindex', '--all', ...collection('hr')])).stdout, /reindexed \d/);
			assert.ok((await json(['search', 'salary bands']))[0].name.startsWith('salary'));
			await run(['reindex', ...collection('nowhere')], { code: 9 });
		});

		test('workspaces', async () => {
			await run(['workspace', 'create', 'acme']);
			assert.deepEqual((await json(['workspace', 'list'])).map((w) => w.name).sort(), ['acme', 'default']);
		});

		if (!self) {
			test('as somebody', async () => {
				assert.deepEqual((await json(['doc', 'list', '--as', 'ben', ...collection('tree')])).length, 1);
				assert.equal((await json(['search', 'salary bands', '--as', 'ben'])).some((p) => p.name.startsWith('salary')), false);
				await run(['doc', 'list', '--as', 'ben', ...collection('hr')], { code: 9 });
				await run(['doc', 'list', '--as', 'nobody'], { code: 4 });
				assert.match((await run(['doc', 'list', '--workspace', 'nowhere'], { code: 9 })).stderr, /workspace "nowhere"/);
				assert.match((await run(['search', 'x', '--collection', 'nowhere'], { code: 9 })).stderr, /collection "nowhere"/);
				assert.deepEqual(await json(['doc', 'list', '--workspace', 'acme']), []);
				await run(['user', 'list', '--as', 'ben'], { code: 9 });
			});

			test('ask', async () => {
				const as = ['--as', 'ada'];
				const { stdout, stderr } = await run(['ask', 'What is the salary band of a senior engineer?', ...as]);
				assert.match(stdout, /sources:\n\[\d+\] salary-bands-2026\.pdf, page \d/);
				const [, id] = /to go on, ask with --conversation (conv_\w+)/.exec(stderr);
				const events = await json(['ask', 'And of a junior?', '--conversation', id, ...as]);
				assert.equal(events[0].event, 'run.started');
				assert.equal(events.at(-1).event, 'assistant.completed');
				assert.ok(events.every((ev) => Number.isInteger(ev.id) && ev.data));
				await run(['ask', 'What?', '--conversation', id, '--as', 'ben'], { code: 9 });
				assert.equal((await run(['ask', 'What is the salary band of a senior engineer?', '--as', 'ben'])).stdout.includes('salary-bands'), false);
				assert.match((await run(['ask', 'What is the salary band of a senior engineer?'])).stdout, /salary-bands/); // stored nowhere
			});

			test('tokens', async () => {
				const as = ['--as', 'ada'];
				const [made] = await json(['token', 'create', 'laptop', '--days', '3', ...as]);
				assert.match(made.token, /^ct_/);
				assert.deepEqual((await json(['token', 'list', ...as])).map((t) => t.name), ['laptop']);
				await run(['token', 'revoke', made.id, ...as]);
				assert.deepEqual(await json(['token', 'list', ...as]), []);
				await run(['token', 'create', 'x'], { code: 2 });
			});
		}
	});
}

tour('without a server', null, async (data) => ({ via: ['--data', data] }));

tour('with a server', null, async (data) => {
	const server = await startServer(data);
	return { via: ['--data', data], stop: server.stop };
});

tour('over TCP', 'root', async (data) => {
	const server = await startServer(data);
	await carrel(['user', 'create', 'root', '--role', 'operator', '--password-file', '-', '--data', data], { input: PASSWORD });
	const { stdout } = await carrel(['token', 'create', 'test', '--as', 'root', '--data', data]);
	return { via: ['--server', server.url, '--token', stdout.trim()], stop: server.stop };
});

describe('a server and its folder', () => {
	let data, server;
	before(async () => {
		data = fs.mkdtempSync(path.join(scratch, 'folder-'));
		server = await startServer(data);
	});
	after(() => server.stop());

	test('a wrong token is 4', async () => {
		await carrel(['doc', 'list', '--server', server.url, '--token', 'ct_wrong'], { code: 4 });
	});

	test('a second server and check say who holds the folder', async () => {
		assert.match((await carrel(['serve', '--data', data, '--listen', '127.0.0.1:0'], { code: 2 })).stderr, /stop it, or name another folder with --data/);
		assert.match((await carrel(['check', '--data', data], { code: 2 })).stderr, /stop it/);
	});

	test('a port that is taken is 3, with what to do', async () => {
		const taken = new URL(server.url).host;
		const other = path.join(scratch, 'other');
		assert.match((await carrel(['serve', '--data', other, '--listen', taken], { code: 3 })).stderr, /in use; name another .* --listen/);
	});

	test('SIGINT ends it with 0, and check is content', async () => {
		const { code, stderr } = await server.stop('SIGINT');
		assert.equal(code, 0, stderr);
		const rows = lines((await carrel(['check', '--deep', '--json', '--data', data])).stdout);
		assert.equal(rows.at(-1).wrong, 0);
		server = await startServer(data);
	});
});

describe('a question to a model', () => {
	const question = 'What is the most a hotel room in Milan may cost per night?';

	for (const kind of ['without', 'with']) {
		test(`is stopped by SIGINT, ${kind} a server, and asked again`, async () => {
			const data = fs.mkdtempSync(path.join(scratch, 'model-'));
			const fake = await startFakeModel({ mode: 'slow' });
			const model = ['--model-url', fake.url, '--log-level', 'error'];
			const server = kind === 'with' ? await startServer(data, ...model) : null;
			await carrel(['ingest', `${DOCUMENTS}/company/travel-policy.pdf`, '--collection', 'company', '--acl', 'workspace:read', '--data', data]);
			await carrel(['user', 'create', 'ada', '--password-file', '-', '--data', data], { input: PASSWORD });

			const slow = start(['ask', question, '--as', 'ada', '--data', data, ...model]);
			await until(() => slow.stdout.includes('word3'), () => 'its first words');
			slow.child.kill('SIGINT');
			const stopped = await slow.ended;
			assert.equal(stopped.code, 130, stopped.stderr);
			assert.equal(stopped.stdout.includes('word39'), false);
			await fake.last().gone; // the model was told

			fake.mode = 'cite';
			const { stdout, stderr } = await carrel(['ask', question, '--as', 'ada', '--data', data, ...model]);
			assert.match(stdout, /sources:\n\[1\] travel-policy\.pdf, page \d/);
			assert.doesNotMatch(stderr, /no model/);
			fake.mode = 'drop';
			const cut = lines((await carrel(['ask', question, '--json', '--as', 'ada', '--data', data, ...model], { code: 8 })).stdout);
			assert.equal(cut.at(-1).data.state, 'partial');
			await server?.stop();
			await fake.close();
		});
	}
});

describe('interrupted', () => {
	const files = `${DOCUMENTS}/company`;

	for (const signal of ['SIGINT', 'SIGKILL']) {
		for (const kind of ['without', 'with']) {
			test(`ingest ${kind} a server, ${signal}, then again`, async () => {
				const data = fs.mkdtempSync(path.join(scratch, 'stop-'));
				const server = kind === 'with' ? await startServer(data) : null;
				const args = ['ingest', files, '--collection', 'company', '--acl', 'workspace:read', '--data', data];
				const first = start(args);
				await until(() => stored(data) > 3, 'some files');
				first.child.kill(signal);
				const r = await first.ended;
				if (signal === 'SIGINT') {
					assert.equal(r.code, 130, r.stderr);
					assert.match(r.stdout, /run it again/);
				}
				const again = lines((await carrel([...args, '--json'])).stdout).at(-1).summary;
				assert.equal(again.failed, 0);
				assert.equal(again.done + again.skipped, 22);
				const docs = lines((await carrel(['doc', 'list', '--collection', 'company', '--json', '--data', data])).stdout);
				assert.ok(docs.every((d) => d.state === 'indexed'));
				assert.equal(docs.length, 22);
				await server?.stop();
			});
		}
	}
});
