// What the fault tests share: randomness that a seed repeats, and a Carrel whose every process can be counted.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { CARREL, ROOT, until } from '../flow/carrel.mjs';

// A vocabulary so large that two texts of its words are no near-duplicates of each other.
const SYLLABLES = 'ba ke lo mi nu ra se to vi wo'.split(' ');
const VOCABULARY = SYLLABLES.flatMap((a) => SYLLABLES.flatMap((b) => SYLLABLES.map((c) => a + b + c)));

/** mulberry32: { random(): 0 to 1, pick(list), chance(p), below(n), word(prefix), prose(n) }. */
export function seeded(seed) {
	let state = seed >>> 0;
	const random = () => {
		state = (state + 0x6d2b79f5) >>> 0;
		let t = state;
		t = Math.imul(t ^ (t >>> 15), t | 1);
		t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
		return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
	};
	const below = (n) => Math.floor(random() * n);
	const pick = (list) => list[below(list.length)];
	const letter = () => String.fromCharCode(97 + below(26));
	return {
		random,
		below,
		pick,
		chance: (p) => random() < p,
		word: (prefix) => prefix + Array.from({ length: 10 }, letter).join(''),
		prose: (n) => Array.from({ length: n }, () => pick(VOCABULARY)).join(' '),
	};
}

export const SEED = Number(process.env.SEED ?? Date.now() % 1e9);

// A program of a session of its own: the processes that it leaves are found by that.
export const IN_A_SESSION = ['setsid', CARREL];
const sessions = new Set();
for (const name of ['SIGTERM', 'SIGINT']) {
	process.on(name, () => {
		for (const session of sessions) {
			processesOf(session).forEach(({ pid }) => process.kill(pid, 'SIGKILL'));
		}
		process.exit(1);
	});
}

/** The living processes of a session: [{ pid, name }]. */
export function processesOf(session) {
	const out = [];
	for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
		let stat;
		try {
			stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
		} catch {
			continue; // it ended meanwhile
		}
		const name = stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'));
		const [state, , , of] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
		if (Number(of) === session && state !== 'Z' && state !== 'X') {
			out.push({ pid: Number(pid), name });
		}
	}
	return out;
}

/** After its leader was killed: every other process of the session ends by itself. */
export async function allGone(session) {
	const left = () => processesOf(session).map((p) => `${p.pid} ${p.name}`);
	await until(() => left().length === 0, () => `processes end by themselves: ${left()}`, 5000);
	sessions.delete(session);
}

/** The command line as a process to be killed: { child, ended: { status, signal, stdout, stderr } }. */
export function startCommand(args, { env = {} } = {}) {
	const [program, ...first] = IN_A_SESSION;
	const child = spawn(program, [...first, ...args], { env: { ...process.env, ...env }, cwd: ROOT });
	const out = { status: null, signal: null, stdout: '', stderr: '' };
	sessions.add(child.pid);
	child.stdin.end();
	child.stdout.on('data', (bytes) => (out.stdout += bytes));
	child.stderr.on('data', (bytes) => (out.stderr += bytes));
	const ended = new Promise((done, fail) => {
		child.on('error', fail);
		child.on('close', (status, signal) => done(Object.assign(out, { status, signal })));
	});
	return { child, ended };
}

/** Runs a command to its end and wants status 0. */
export async function complete(args, options) {
	const { child, ended } = startCommand(args, options);
	const out = await ended;
	assert.equal(out.status, 0, `carrel ${args.join(' ')}: ${out.signal} ${out.stdout}${out.stderr}`);
	await allGone(child.pid);
	return out;
}

/** Notes a server that was started with IN_A_SESSION, so that an aborted test leaves nothing. */
export function watchSession(pid) {
	sessions.add(pid);
}

function filesIn(folder) {
	return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
		const name = path.join(folder, entry.name);
		return entry.isDirectory() ? filesIn(name) : entry.isFile() ? [name] : [];
	});
}

/**
 * The file of a stopped Carrel's folder in which a made-up word stands: (word) => name or undefined. All bytes of all
 * files count, those between the rows of the database as well.
 */
export function wordsInFiles(folder) {
	const files = filesIn(folder).map((name) => [name, readFileSync(name)]);
	const core = (w) => w.slice(4, 11); // without its ends: full text stores stems, and prefixes once
	return (w) => files.find(([, bytes]) => bytes.includes(core(w)))?.[0].slice(folder.length + 1);
}

/** A PDF with a page for each list of lines (ASCII). */
export function makePdf(pages) {
	const objects = ['<</Type/Catalog/Pages 2 0 R>>', '', '<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>'];
	const kids = pages.map((lines) => {
		const shown = lines.map((line) => `(${line.replace(/[()\\]/g, '')}) Tj T*`).join('\n');
		const content = `BT /F1 9 Tf 50 780 Td 14 TL\n${shown}\nET`;
		objects.push(`<</Length ${content.length}>>\nstream\n${content}\nendstream`);
		objects.push(`<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents ${objects.length} 0 R/Resources<</Font<</F1 3 0 R>>>>>>`);
		return `${objects.length} 0 R`;
	});
	objects[1] = `<</Type/Pages/Count ${kids.length}/Kids[${kids.join(' ')}]>>`;
	let out = '%PDF-1.4\n';
	const offsets = objects.map((body, i) => {
		const at = out.length;
		out += `${i + 1} 0 obj\n${body}\nendobj\n`;
		return at;
	});
	const xref = offsets.map((at) => `${String(at).padStart(10, '0')} 00000 n \n`).join('');
	return `${out}xref\n0 ${objects.length + 1}\n0000000000 65535 f \n${xref}trailer\n<</Size ${objects.length + 1}/Root 1 0 R>>\nstartxref\n${out.length}\n%%EOF\n`;
}
