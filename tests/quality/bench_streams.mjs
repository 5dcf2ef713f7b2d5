// Answers as they flow, and what a request costs: time added before the first token, tokens relayed, a thousand streams at once,
// a small GET. In a made workspace of 10,000 chunks (tests/scale), with a model and readers in C (tests/scale/upstream.c, reader.c).
// CPU is the kernel's count of a process's running time; ratios are of one run, interleaved. PARTS="first relay many get".
import { execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import path from 'node:path';
import { CARREL, ROOT, Client, startCarrel, temporaryFolder, until } from '../flow/carrel.mjs';

const BUILD = path.resolve(ROOT, process.env.BUILD || 'build');
const tool = (name) => path.join(BUILD, 'tests/scale', name);
const N_CHUNKS = 10000;
const SEED = 5;
const N_TURNS = Number(process.env.TURNS || 500);
const N_STREAMS = Number(process.env.STREAMS || 1000);
const ROUNDS = Number(process.env.ROUNDS || 5);
const WHO = 'all'; // reads every document of the made workspace

const quantile = (list, q) => [...list].sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor(q * list.length))];
const median = (list) => quantile(list, 0.5);
const verdict = (value, target) => (value <= target ? 'met' : 'MISSED');

// ── processes ──

/** Microseconds that the threads of a process have run. */
function cpuUs(pid) {
	let ns = 0;
	for (const task of readdirSync(`/proc/${pid}/task`)) {
		ns += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]);
	}
	return ns / 1000;
}

function memoryKb(pid) {
	const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
	const of = (name) => Number(text.match(new RegExp(`^${name}:\\s+(\\d+)`, 'm'))[1]);
	return { rss: of('Rss'), pss: of('Pss') };
}

/** Of this section alone; none of them outlives it. */
const children = new Set();
process.on('exit', () => children.forEach((child) => child.kill()));

function start(program, args, stdio) {
	const child = spawn(program, args.map(String), { stdio });
	children.add(child);
	child.on('close', () => children.delete(child));
	return child;
}

/** Runs a reader to its end: what it said. */
function reader(args, { input = '', onError = () => {} } = {}) {
	return new Promise((done, fail) => {
		const child = start(tool('reader'), args, ['pipe', 'pipe', 'pipe']);
		let out = '', err = '';
		child.stdout.on('data', (bytes) => (out += bytes));
		child.stderr.on('data', (bytes) => {
			err += bytes;
			onError(String(bytes));
		});
		child.on('error', fail);
		child.on('close', (status) => (status === 0 ? done(out.trim()) : fail(new Error(`reader ${args[0]}: ${status} ${err}`))));
		child.stdin.end(input);
	});
}

/** A model of fixed behaviour: { port, url, stop() }. */
function upstream(kind, { tokens, gapUs, firstUs, gate = 0 }) {
	return new Promise((done, fail) => {
		const child = start(tool('upstream'), [kind, tokens, gapUs, firstUs, gate], ['ignore', 'pipe', 'inherit']);
		child.on('error', fail);
		child.on('exit', (status, signal) => signal === 'SIGTERM' || console.error(`the model ended: ${status ?? signal}`));
		child.stdout.once('data', (bytes) => {
			const port = Number(bytes);
			done({
				port,
				url: `http://127.0.0.1:${port}/v1`,
				stop: () => new Promise((ended) => {
					child.on('close', ended);
					child.kill();
				}),
			});
		});
	});
}

// ── the workspace ──

/** A copy of the made workspace, which stays in build/scale for the next run. */
function workspace() {
	const made = path.join(BUILD, 'scale', `${N_CHUNKS}-${SEED}`);
	mkdirSync(path.dirname(made), { recursive: true });
	execFileSync(tool('bench_scale'), [CARREL, path.dirname(made), String(N_CHUNKS), String(SEED)], { env: { ...process.env, BENCH: 'none' } });
	const data = temporaryFolder('carrel-bench-');
	cpSync(made, data, { recursive: true });
	return data;
}

/** A server with this model on the workspace, and somebody who asks there. */
async function serve(data, model, settings = {}) {
	const server = await startCarrel({
		data,
		settings: { 'log-level': 'warn', 'model-url': model?.url ?? '', 'model-context': 1000000, 'answer-tokens': 100000, ...settings },
	});
	const as = new Client(server.operator.target, { 'x-carrel-as': WHO });
	const made = await as.post('/v1/tokens', { name: `bench ${Date.now()}` });
	if (made.status !== 201) {
		throw new Error(`a token: ${made.status} ${made.text}`);
	}
	children.add(server.child);
	server.child.on('close', () => children.delete(server.child));
	server.header = `Authorization: Bearer ${made.json.token}`;
	server.who = server.asBearer(made.json.token);
	return server;
}

/** Questions of words that passages have, so that the model is asked. */
async function questions(server, n) {
	const list = [];
	let state = SEED;
	const below = (most) => (state = (state * 1103515245 + 12345) % 2147483648) % most;
	let seed = 'report';
	while (list.length < n) {
		const found = await server.who.post('/v1/search', { query: seed, limit: 8 });
		if (found.status !== 200 || found.json.passages.length === 0) {
			throw new Error(`nothing is found for ${seed}: ${found.status}`);
		}
		const words = found.json.passages[below(found.json.passages.length)].text.split(/[^\p{L}]+/u).filter((w) => w.length > 5);
		seed = words[below(words.length)];
		list.push(`What is said of ${seed} and ${words[below(words.length)]} and ${words[below(words.length)]}`);
	}
	return list;
}

async function conversation(server) {
	const made = await server.who.post('/v1/conversations', {});
	if (made.status !== 201) {
		throw new Error(`a conversation: ${made.status} ${made.text}`);
	}
	return made.json.id;
}

/** The address of a new turn's stream. */
async function ask(server, question, more = {}) {
	const turn = await server.who.post(`/v1/conversations/${await conversation(server)}/turns`, { input: question, ...more });
	if (turn.status !== 202) {
		throw new Error(`a turn: ${turn.status} ${turn.text}`);
	}
	return turn.json.streamUrl;
}

// ── time added before the first token ──

async function first(row, data) {
	const model = await upstream('first', { tokens: 5, gapUs: 1000, firstUs: 20000 });
	const server = await serve(data, model);
	const asked = await questions(server, N_TURNS + 20);
	const lines = [];
	for (const question of asked) {
		lines.push(`${await conversation(server)} ${question}?`);
	}
	await reader(['first', server.port, server.header], { input: `${lines.slice(0, 20).join('\n')}\n` });
	const told = (await reader(['first', server.port, server.header], { input: `${lines.slice(20).join('\n')}\n` })).split('\n').map(Number);
	const us = told.filter((x) => x > 0);
	if (us.length < N_TURNS * 0.9) {
		throw new Error(`the model was asked only ${us.length} of ${N_TURNS} times`);
	}
	row('first token: time added, p50, ms', (median(us) / 1000).toFixed(1), `${us.length} turns, ${N_CHUNKS} chunks; the model's own 20 ms taken off`);
	row('first token: time added, p99, ms', (quantile(us, 0.99) / 1000).toFixed(1), `target ≤ 15: ${verdict(quantile(us, 0.99), 15000)}; most ${(Math.max(...us) / 1000).toFixed(1)}`);
	await server.stop();
	await model.stop();
}

// ── tokens relayed ──

/** CPU, us, that the server took for one relayed answer, from before its turn is posted until it is stored, less that of an answer of one token. */
async function relayed(server, question) {
	const before = cpuUs(server.pid);
	const url = await ask(server, question);
	await reader(['cost', 'curl', '-N', '-s', '-o', '/dev/null', '-H', server.header, `${server.url}${url}`]);
	return cpuUs(server.pid) - before;
}

async function relayCost(row, data, name, { tokens, gapUs, headline = false }) {
	const model = await upstream('words', { tokens, gapUs, firstUs: 100000 });
	const single = await upstream('words', { tokens: 1, gapUs, firstUs: 100000 });
	const server = await serve(data, model);
	const [question] = await questions(server, 1);
	const ratios = [], own = [], plain = [], base = [];
	for (let i = 0; i < ROUNDS; i++) {
		own.push(await relayed(server, `${question}?`));
		plain.push(Number(await reader(['cost', 'curl', '-N', '-s', '-o', '/dev/null', '-d', '{}', `${model.url}/chat/completions`])));
		base.push(Number(await reader(['cost', 'curl', '-N', '-s', '-o', '/dev/null', '-d', '{}', `${single.url}/chat/completions`])));
	}
	await server.stop();
	const alone = await serve(data, single);
	const turn = [];
	for (let i = 0; i < ROUNDS + 2; i++) {
		turn.push(await relayed(alone, `${question}?`));
	}
	await alone.stop();
	for (let i = 0; i < ROUNDS; i++) {
		ratios.push((own[i] - median(turn)) / (plain[i] - median(base)));
	}
	const each = (list, less) => ((median(list) - less) / tokens).toFixed(1);
	row(`tokens relayed, ${name}: CPU against curl, ×`, median(ratios).toFixed(2),
		`${headline ? `target ≤ 2.5: ${verdict(median(ratios), 2.5)}; ` : ''}a token ${each(own, median(turn))} us, curl ${each(plain, median(base))} us; ` +
		`${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}; the turn without its tokens ${(median(turn) / 1000).toFixed(1)} ms`);
	await model.stop();
	await single.stop();
}

async function relayLatency(row, data) {
	const model = await upstream('time', { tokens: 3000, gapUs: 1000, firstUs: 300000 });
	const server = await serve(data, model);
	const [question] = await questions(server, 1);
	const direct = [], through = [], added = [];
	for (let i = 0; i < ROUNDS; i++) {
		const read = async (...args) => (await reader(['latency', ...args])).split(' ').map(Number);
		direct.push(await read(model.port, 'POST', '/v1/chat/completions', ''));
		through.push(await read(server.port, 'GET', await ask(server, `${question}?`), server.header));
		added.push((through[i][1] - direct[i][1]) / 1000);
		if (through[i][0] !== 3000 || direct[i][0] !== 3000) {
			throw new Error(`tokens are missing: ${through[i][0]} and ${direct[i][0]} of 3000`);
		}
	}
	row('tokens relayed: latency added, p50, us', median(added).toFixed(0),
		`target ≤ 100: ${verdict(median(added), 100)}; ${(median(through.map((x) => x[1])) / 1000).toFixed(0)} us against ` +
		`${(median(direct.map((x) => x[1])) / 1000).toFixed(0)} us direct; p99 ${(median(through.map((x) => x[2])) / 1000).toFixed(0)} against ${(median(direct.map((x) => x[2])) / 1000).toFixed(0)}`);
	await server.stop();
	await model.stop();
}

async function relay(row, data) {
	// A token a packet, as models send them; 1,000 a second is faster than today's models for one reader, and a slower pace
	// adds the same to both sides for waking up.
	await relayCost(row, data, '1,000/s', { tokens: 5000, gapUs: 1000, headline: true });
	await relayCost(row, data, '100/s', { tokens: 600, gapUs: 10000 });
	await relayCost(row, data, 'unpaced', { tokens: 50000, gapUs: 0 });
	await relayLatency(row, data);
}

// ── a thousand at once ──

async function many(row, data) {
	const tokens = 20 * 20;
	const model = await upstream('tag', { tokens, gapUs: 50000, firstUs: 3000000, gate: N_STREAMS + 8 });
	const server = await serve(data, model, {
		'runs-at-once': N_STREAMS + 16, 'http-connections': N_STREAMS + 200, 'model-first-ms': 600000, 'log-level': 'error',
	});
	const asked = await questions(server, 8), warm = await questions(server, 100);
	const tag = (i) => `tag${String(i).padStart(5, '0')}`;
	const said = (i) => i.toString(2).padStart(14, '0').replaceAll('0', 'the ').replaceAll('1', 'of ').trimEnd(); // as upstream.c reads it
	const turn = async (i) => `${await ask(server, `${asked[i % asked.length]}? (${said(i)})`)} ${tag(i)}`;
	// Idle: it has answered as many questions before, four at a time, so that the database's caches, which are bounded and
	// everybody's, are filled; nothing of a stream is left of that.
	for (let i = 0; i < N_STREAMS; i += 4) {
		await Promise.all([i, i + 1, i + 2, i + 3].map(async (k) => {
			const text = `${warm[k % warm.length]}?`;
			await server.who.events(await ask(server, text, { responseMode: 'extractive' }));
		}));
	}
	const idle = memoryKb(server.pid);
	const lines = [];
	for (let i = 0; i < N_STREAMS; i += 4) {
		lines.push(...(await Promise.all([i, i + 1, i + 2, i + 3].filter((k) => k < N_STREAMS).map(turn))));
	}
	let opened = false;
	const reading = reader(['many', server.port, server.header, tokens], { input: `${lines.join('\n')}\n`, onError: (text) => (opened ||= text.includes('open')) });
	await until(async () => (await server.counts()).http.streams >= N_STREAMS, async () => `${N_STREAMS} streams are open: ${(await server.counts()).http.streams}`, 60000);
	const waiting = memoryKb(server.pid);
	for (let i = 0; i < 8; i++) { // the gate opens
		await turn(N_STREAMS + i);
	}
	await until(() => opened, 'every stream has begun', 60000);
	const cpu = cpuUs(server.pid), from = performance.now();
	let most = { rss: 0, pss: 0 }, over = false;
	reading.catch(() => {}).finally(() => (over = true));
	let busy = 0;
	while (!over) {
		const now = memoryKb(server.pid);
		most = now.pss > most.pss ? now : most;
		busy = (cpuUs(server.pid) - cpu) / (performance.now() - from) / 1000;
		await Promise.race([reading.catch(() => {}), new Promise((done) => setTimeout(done, 500))]);
	}
	const [n, complete, read, wrong] = (await reading).split(' ').map(Number);
	const kb = (most.pss - idle.pss) / n;
	row(`${n} streams at 20 tokens/s: memory each, KB`, kb.toFixed(0),
		`target ≤ 64: ${verdict(kb, 64)}; PSS ${(idle.pss / 1024).toFixed(0)} MB idle after as many answers four at a time, ${(waiting.pss / 1024).toFixed(0)} all waiting, ${(most.pss / 1024).toFixed(0)} most; RSS ${((most.rss - idle.rss) / n).toFixed(0)} KB each`);
	row(`${n} streams: tokens mixed up or missing`, wrong + (n * tokens - read),
		`target 0: ${verdict(wrong + (n * tokens - read), 0)}; ${read} tokens looked at, ${complete} whole answers; server ${(busy * 100).toFixed(0)} % of a core`);
	await server.stop();
	await model.stop();
}

// ── a small GET ──

/** One worker, no log, the same headers as far as it has them: { pid, port, stop() }. */
async function startNginx(json, port) {
	const folder = temporaryFolder('carrel-nginx-');
	mkdirSync(path.join(folder, 'www'));
	writeFileSync(path.join(folder, 'www/healthz'), json);
	writeFileSync(path.join(folder, 'nginx.conf'), `daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/error.log;
events { worker_connections 512; }
http {
	access_log off; server_tokens off; etag off; keepalive_requests 100000000; default_type application/json; sendfile on; tcp_nodelay on;
	client_body_temp_path ${folder}/t1; proxy_temp_path ${folder}/t2; fastcgi_temp_path ${folder}/t3; uwsgi_temp_path ${folder}/t4; scgi_temp_path ${folder}/t5;
	max_ranges 0; add_header Last-Modified ""; add_header X-Request-Id $request_id; add_header X-Content-Type-Options nosniff; add_header Cache-Control no-store;
	server { listen 127.0.0.1:${port}; root ${folder}/www; location = /said { return 200 '${json}'; } }
}
`);
	const child = start('nginx', ['-p', folder, '-c', path.join(folder, 'nginx.conf')], ['ignore', 'ignore', 'pipe']);
	let said = '';
	child.stderr.on('data', (bytes) => (said += bytes));
	const ended = new Promise((done) => child.on('close', done));
	child.on('error', (error) => (said += error));
	const client = new Client({ host: '127.0.0.1', port });
	await until(async () => child.exitCode === null && (await client.get('/healthz').catch(() => null))?.status === 200, () => `nginx answers: ${said}`);
	return {
		pid: child.pid,
		port,
		stop: async () => {
			child.kill();
			await ended;
			rmSync(folder, { recursive: true, force: true });
		},
	};
}

/** us of the server's CPU a request. */
async function loaded(pid, port, url, header, n) {
	const before = cpuUs(pid);
	const [done, status, bytes] = (await reader(['load', port, url, header, n, 16])).split(' ').map(Number);
	if (done !== n || status !== 200) {
		throw new Error(`GET ${url}: ${done} answers, the last ${status}`);
	}
	return { us: (cpuUs(pid) - before) / n, bytes };
}

async function get(row, data) {
	execFileSync(path.join(ROOT, 'tests/install.sh'), ['nginx-light'], { stdio: 'inherit' });
	const server = await serve(data, null);
	const { body } = await server.anonymous.get('/healthz');
	const nginx = await startNginx(String(body), 20000 + (process.pid % 10000));
	const sides = { carrel: [], file: [], said: [], me: [] };
	const bytes = {};
	const n = 40000;
	for (let i = 0; i < ROUNDS; i++) {
		for (const [name, ...order] of [['carrel', server.pid, server.port, '/healthz', '', n], ['file', nginx.pid, nginx.port, '/healthz', '', n],
			['said', nginx.pid, nginx.port, '/said', '', n], ['me', server.pid, server.port, '/v1/me', server.header, n / 8]]) {
			const one = await loaded(...order);
			sides[name].push(one.us);
			bytes[name] = one.bytes;
		}
	}
	const ratio = (other) => median(sides.carrel.map((us, i) => us / sides[other][i]));
	const us = (name) => `${median(sides[name]).toFixed(1)} us`;
	row('GET of a small JSON: CPU against nginx, ×', ratio('file').toFixed(2),
		`target ≤ 1.3: ${verdict(ratio('file'), 1.3)}; ${us('carrel')} against ${us('file')} for a file; ${bytes.carrel} and ${bytes.file} bytes`);
	row('  the same against nginx saying it from memory, ×', ratio('said').toFixed(2), `${us('said')}`);
	row('  GET /v1/me with an API token, us', median(sides.me).toFixed(1), `${median(sides.me.map((x, i) => x / sides.file[i])).toFixed(1)} × nginx's file`);
	await nginx.stop();
	await server.stop();
}

export async function benchStreams(row) {
	const parts = { first, relay, many, get };
	const data = workspace();
	for (const name of (process.env.PARTS || Object.keys(parts).join(' ')).split(/[ ,]+/)) {
		await parts[name](row, data);
	}
	console.log(`  load ${loadavg().map((x) => x.toFixed(1)).join(' ')}`);
	rmSync(data, { recursive: true, force: true });
}
