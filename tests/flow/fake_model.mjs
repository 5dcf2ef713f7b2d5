// A scripted OpenAI-compatible model for tests. The mode is the model's name, or `fake.mode` when set.
// By itself: node tests/flow/fake_model.mjs PORT
import http from 'node:http';

const wait = (ms) => new Promise((done) => setTimeout(done, ms));
const chunk = (delta, finish = null) => ({ id: 'chatcmpl-fake', object: 'chat.completion.chunk', created: 1, model: 'fake', choices: [{ index: 0, delta, finish_reason: finish }] });
const event = (data, nl = '\n') => `data: ${typeof data === 'string' ? data : JSON.stringify(data)}${nl}${nl}`;
const text = (content, nl) => event(chunk({ content }), nl);
const end = (nl) => event(chunk({}, 'stop'), nl) +
	event({ id: 'chatcmpl-fake', object: 'chat.completion.chunk', choices: [], usage: { prompt_tokens: 321, completion_tokens: 12, total_tokens: 333 } }, nl) +
	event('[DONE]', nl);

// The first sentence of the first source, as a model would repeat it.
export function firstSentence(prompt) {
	const source = prompt.match(/source \[1\]\n[^]*?\n\n([^]*?)\n--- /);
	return source ? source[1].split(/(?<=[.。])\s/)[0].replace(/\s+/g, ' ') : 'There is no source.';
}

const promptOf = (body) => body.messages.map((m) => m.content).join('\n');

const modes = {
	async echo(res, body) {
		res.end(text(promptOf(body)) + end());
	},
	async cite(res, body) {
		const said = firstSentence(promptOf(body)).replace(/[.。]$/, '');
		for (const piece of [said.slice(0, 7), said.slice(7), ' [', '1', '].', ' It', ' is also said elsewhere [9', '].']) {
			res.write(text(piece));
		}
		res.end(end());
	},
	async plain(res) {
		res.end(text('Nothing is cited here.') + end());
	},
	async slow(res) {
		for (let i = 0; i < 40 && !res.destroyed; i++) {
			res.write(text(`word${i} `));
			await wait(50);
		}
		res.end(end());
	},
	async stall(res) {
		res.write(text('This was said [1].') + text(' And then'));
	},
	async drop(res) {
		res.write(text('This was said [1].') + text(' And then'));
		await wait(30);
		res.destroy();
	},
	async garbage(res) {
		res.end('<html><body>Bad gateway</body></html>\n\n');
	},
	async crlf(res) {
		res.write(': hello\r\n\r\nevent: message\r\n' + text('Line ends differ. ', '\r\n') + text('It works.', '\r\n') + end('\r\n'));
		res.end();
	},
	async packets(res) {
		const all = Buffer.from(text('水表 costs ') + text('€5 — “quoted” 😀.') + end());
		res.socket.setNoDelay(true);
		for (const byte of all) {
			res.write(Buffer.from([byte]));
			await new Promise((done) => setImmediate(done));
		}
		res.end();
	},
	async nulls(res) {
		res.end(event(chunk({ role: 'assistant', content: null })) + text('Said.') + event(chunk({ content: null, tool_calls: null })) +
			event({ choices: [{ index: 0, delta: {} }] }) + end());
	},
	async error200(res) {
		res.end(event({ error: { message: 'the engine is overloaded', type: 'overloaded', code: 529 } }));
	},
	async late_error(res) {
		res.end(text('Half of it.') + event({ error: { message: 'out of memory', code: 500 } }));
	},
	async long(res) {
		for (let i = 0; i < 20_000 && !res.destroyed; i++) {
			res.write(text(`sentence number ${i} goes on. `));
			if (i % 100 === 0) {
				await wait(1);
			}
		}
		res.end(end());
	},
	async huge(res) {
		res.end(text('x'.repeat(600_000)) + end());
	},
	async endless(res, body, seen) {
		while (!res.destroyed) {
			seen.written = (seen.written ?? 0) + 200;
			if (!res.write(text('and so on '.repeat(20)))) {
				await Promise.race(['drain', 'close'].map((name) => new Promise((done) => res.once(name, done))));
			}
			await new Promise((done) => setImmediate(done));
		}
	},
	// What the test says: fake.script = async (say, { prompt, res }) => { await say('a', 20); … }; say(text, ms) waits after it.
	async script(res, body, seen, fake) {
		const say = async (words, ms = 0) => {
			if (!res.destroyed) {
				seen.times = [...(seen.times ?? []), Date.now()];
				res.write(text(words));
				await wait(ms);
			}
		};
		await fake.script(say, { prompt: promptOf(body), res });
		if (!res.destroyed) {
			res.end(end());
		}
	},
	async whole(res) {
		res.end(JSON.stringify({ object: 'chat.completion', choices: [{ index: 0, message: { role: 'assistant', content: 'Not streamed.' }, finish_reason: 'stop' }],
			usage: { prompt_tokens: 5, completion_tokens: 3 } }));
	},
};

// Answers, or ends, before any stream; true when it did.
function refuse(mode, res, fake, body) {
	const json = (status, value, headers = {}) => {
		res.writeHead(status, { 'content-type': 'application/json', ...headers });
		res.end(JSON.stringify(value));
		return true;
	};
	if (mode === 'busy' && fake.requests.length % 2 === 1) {
		return json(429, { error: { message: 'slow down' } }, { 'retry-after': '0' });
	}
	if (mode === 'broken') {
		return json(500, { error: { message: 'it broke' } });
	}
	if (mode === 'picky' && body.stream_options) {
		return json(400, { error: { message: 'unknown field stream_options' } });
	}
	if (mode === 'early_drop') {
		res.socket.destroy();
	}
	return mode === 'early_drop' || mode === 'silent';
}

// rewrite(asked, seen): what it says when it is asked to rewrite a question that follows up.
// A vector of a text: its words, hashed into 32 places.
export function embed(text) {
	const v = new Array(32).fill(0);
	for (const word of text.toLowerCase().match(/\p{L}+/gu) ?? []) {
		let h = 7;
		for (const c of word) {
			h = (h * 31 + c.codePointAt(0)) % 1000003;
		}
		v[h % 32] += h % 2 ? 1 : -1;
		v[(h >> 5) % 32] += 1;
	}
	return v.some((x) => x) ? v : v.fill(1);
}

// What /embeddings and /rerank answer; a test may put { status, json, headers } in the place of either: fake.embeddings =
// (body, nth) => …, undefined: as always.
function vectors(fake, body) {
	const data = body.input.map((text, index) => ({ object: 'embedding', index, embedding: embed(text) }));
	return { json: { object: 'list', model: fake.called ?? body.model, data, usage: { prompt_tokens: 1, total_tokens: 1 } } };
}

// By how many of the question's words a text holds.
function scores(body) {
	const words = new Set(body.query.toLowerCase().match(/\p{L}+/gu));
	const results = body.documents.map((text, index) => ({ index, relevance_score: (text.toLowerCase().match(/\p{L}+/gu) ?? []).filter((w) => words.has(w)).length - 3 }));
	return { json: { model: body.model ?? '', results: results.sort((a, b) => b.relevance_score - a.relevance_score) } };
}

function answerJson(fake, seen, res) {
	const kind = seen.path.endsWith('/embeddings') ? 'embeddings' : 'rerank';
	const nth = fake.requests.filter((r) => r.path === seen.path).length;
	const said = fake[kind]?.(seen.body, nth) ?? (kind === 'rerank' ? scores(seen.body) : vectors(fake, seen.body));
	if (said === 'silent' || said === 'drop') {
		return said === 'drop' ? res.socket.destroy() : undefined;
	}
	res.writeHead(said.status ?? 200, { 'content-type': 'application/json', ...said.headers });
	res.end(said.text ?? JSON.stringify(said.json));
}

// { url, mode, requests: [{ body, headers, path, closed, gone }], last(), close() }
export async function startFakeModel({ mode = null, port = 0, script = null, rewrite = null } = {}) {
	const fake = { mode, script, rewrite, requests: [] };
	const server = http.createServer((req, res) => {
		const parts = [];
		req.on('data', (c) => parts.push(c));
		req.on('end', async () => {
			const body = JSON.parse(Buffer.concat(parts).toString('utf8') || '{}');
			const name = fake.mode ?? body.model;
			const seen = { body, headers: req.headers, path: req.url, closed: false };
			seen.gone = new Promise((done) => res.on('close', () => { seen.closed = true; done(performance.now()); }));
			fake.requests.push(seen);
			res.on('error', () => {});
			if (/\/(embeddings|rerank)$/.test(req.url)) {
				answerJson(fake, seen, res);
				return;
			}
			if (refuse(name, res, fake, body)) {
				return;
			}
			if (body.stream === false) {
				res.writeHead(200, { 'content-type': 'application/json' });
				res.end(JSON.stringify({ object: 'chat.completion', model: 'fake', choices: [{ index: 0, message: { role: 'assistant', content: 'ready' }, finish_reason: 'stop' }] }));
				return;
			}
			res.writeHead(200, { 'content-type': 'text/event-stream' });
			res.flushHeaders();
			if (fake.rewrite && /^You rewrite questions/.test(body.messages[0].content)) {
				const line = await fake.rewrite(body.messages[1].content, seen); // undefined: silence
				if (line !== undefined) {
					res.end(text(line) + end());
				}
				return;
			}
			await (modes[name] ?? modes.cite)(res, body, seen, fake);
		});
	});
	await new Promise((done) => server.listen(port, '127.0.0.1', done));
	fake.url = `http://127.0.0.1:${server.address().port}/v1`;
	fake.last = () => fake.requests.at(-1);
	fake.close = () => new Promise((done) => {
		server.close(done);
		server.closeAllConnections?.();
	});
	return fake;
}

if (process.argv[1]?.endsWith('fake_model.mjs')) {
	console.log((await startFakeModel({ port: Number(process.argv[2] ?? 0) })).url);
}
