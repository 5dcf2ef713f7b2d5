// A backup that is interrupted: SIGKILL of the command or of the server in the middle, and a write, sync or name that fails at
// every k (FAULT_STEP=1), or at some. FOLDER is never there unless it is whole, the server goes on, and the next backup tidies
// up by itself. SEED repeats a run.
import test from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, constants, existsSync, linkSync, openSync, readdirSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import path from 'node:path';
import { runCarrel, startCarrel, temporaryFolder, until } from '../flow/carrel.mjs';
import { Faults, NAMES, SYNCS, WRITES } from './faulty.mjs';
import { allGone, IN_A_SESSION, seeded, SEED, startCommand, watchSession } from './house.mjs';

const { prose, word } = seeded(SEED);
console.log(`SEED=${SEED}`);
const root = temporaryFolder('carrel-backup-');
const data = path.join(root, 'data');
const folder = path.join(root, 'out', 'backup');
execFileSync('mkdir', [path.join(root, 'out')]);
const faults = new Faults(path.join(root, 'out'));
const EVERY = process.env.FAULT_STEP && Number(process.env.FAULT_STEP);
const words = [];
let server;
test.after(async () => {
	await server?.stop();
	faults.close();
	rmSync(root, { recursive: true, force: true });
});

async function start() {
	server = await startCarrel({ data, command: IN_A_SESSION, env: faults.env });
	watchSession(server.pid);
}

const blobs = () => readdirSync(path.join(data, 'blobs')).flatMap((aa) => readdirSync(path.join(data, 'blobs', aa)).map((name) => path.join(data, 'blobs', aa, name))).sort();

/**
 * Puts a pipe in the place of a stored file: whoever copies it waits for who writes. { reached(): it is, release() }.
 */
function standInTheWay() {
	const at = blobs()[1];
	const pipe = path.join(root, 'pipe');
	const bytes = readFileSync(at);
	execFileSync('mkfifo', [pipe]);
	renameSync(at, `${at}.kept`);
	linkSync(pipe, at);
	let fd = -1;
	const opens = () => {
		try {
			return (fd = openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK)) >= 0;
		} catch (error) {
			assert.equal(error.code, 'ENXIO'); // nobody reads it yet
			return false;
		}
	};
	return {
		reached: () => until(opens, 'the backup comes to that file', 20000),
		release: ({ killed = false } = {}) => {
			renameSync(`${at}.kept`, at);
			killed || writeSync(fd, bytes);
			closeSync(fd);
			rmSync(pipe);
		},
	};
}

async function whole(label) {
	const r = await runCarrel(['backup', folder, '--json', '--data', data]);
	assert.equal(r.status, 0, `${label}: ${r.stderr}`);
	assert.equal(JSON.parse(r.stdout).missing, 0, label);
	assert.deepEqual(readdirSync(path.dirname(folder)), ['backup'], label);
	const to = path.join(root, 'restored');
	const back = await runCarrel(['restore', folder, '--data', to]);
	assert.equal(back.status, 0, `${label}: ${back.stderr}`);
	const check = await runCarrel(['check', '--deep', '--data', to]);
	assert.equal(check.status, 0, `${label}: ${check.stdout}${check.stderr}`);
	rmSync(to, { recursive: true });
	rmSync(folder, { recursive: true });
}

async function goesOn(label) {
	const r = await server.operator.post('/v1/search', { query: words[0] });
	assert.ok(r.status === 200 && JSON.stringify(r.json.passages).includes(words[0]), `${label}: ${r.text}`);
	assert.equal((await server.operator.post('/v1/collections', { name: word('c') })).status, 201, label);
}

test('a house to save', async () => {
	await start();
	const { id } = (await server.operator.post('/v1/collections', { name: 'kept' })).json;
	for (let i = 0; i < 6; i++) {
		words.push(word('zq'));
		const r = await server.operator.upload(id, `n${i}.md`, `# Note\n\nThe word is ${words[i]}. ${prose(60)}\n`);
		assert.equal((await server.operator.jobEnd(r.json.jobId)).state, 'done');
	}
});

test('the command is killed, or stopped, in the middle', { timeout: 60_000 }, async () => {
	for (const signal of ['SIGKILL', 'SIGINT']) {
		const way = standInTheWay();
		const { child, ended } = startCommand(['backup', folder, '--data', data]);
		await way.reached();
		assert.ok(existsSync(`${folder}.partial`) && !existsSync(folder));
		const second = await runCarrel(['backup', `${folder}2`, '--data', data]);
		assert.deepEqual([second.status, /Another backup/.test(second.stderr)], [2, true], second.stderr);
		child.kill(signal);
		const out = await ended;
		assert.deepEqual([out.status, out.signal], signal === 'SIGINT' ? [130, null] : [null, 'SIGKILL'], out.stderr);
		way.release();
		await until(() => readdirSync(path.dirname(folder)).length === 0, 'the server removes what there is of it', 20000);
		await goesOn(signal);
		await whole(signal);
	}
});

test('the server is killed in the middle', { timeout: 60_000 }, async () => {
	const way = standInTheWay();
	const { ended } = startCommand(['backup', folder, '--data', data]);
	await way.reached();
	const { pid } = server;
	await server.kill();
	const out = await ended;
	assert.equal(out.status, 5, out.stderr);
	way.release({ killed: true });
	await allGone(pid);
	assert.deepEqual(readdirSync(path.dirname(folder)), ['backup.partial']);
	await start();
	await goesOn('after a kill');
	await whole('after a kill');
});

test('a backup in the command alone is killed in the middle', { timeout: 60_000 }, async () => {
	await server.stop();
	const way = standInTheWay();
	const { child, ended } = startCommand(['backup', folder, '--data', data]);
	await way.reached();
	child.kill('SIGKILL');
	await ended;
	way.release({ killed: true });
	await allGone(child.pid);
	assert.ok(!existsSync(folder));
	await whole('after a kill of the command');
	await start();
});

test('a server that is stopped ends its backup', { timeout: 60_000 }, async () => {
	const way = standInTheWay();
	const { ended } = startCommand(['backup', folder, '--data', data]);
	await way.reached();
	server.child.kill('SIGTERM');
	await until(() => server.log.includes('serve.stopping'), () => `it stops: ${server.log}`);
	way.release();
	const [out, exit] = await Promise.all([ended, server.ended]);
	assert.equal(exit.status, 0, server.log.slice(-2000));
	assert.ok([5, 8].includes(out.status), `${out.status} ${out.stderr}`);
	assert.deepEqual(readdirSync(path.dirname(folder)), []);
	await start();
});

test('each write, sync and name fails once, as on a full or broken disk', { timeout: 600_000 }, async () => {
	const order = () => runCarrel(['backup', folder, '--data', data]);
	for (const [kinds, errno] of [[WRITES, 'ENOSPC'], [SYNCS, 'EIO'], [NAMES, 'ENOSPC']]) {
		faults.arm({ kinds });
		assert.equal((await order()).status, 0);
		const { calls } = faults;
		rmSync(folder, { recursive: true });
		assert.ok(calls > 2, `${calls} calls are seen: the test can fail`);
		const step = EVERY ?? Math.max(1, Math.floor(calls / 5)); // the 256 folders of stored files are made alike
		let n = 0, refused = 0;
		for (let at = 1; at <= calls; at += at < 3 || at > calls - 3 ? 1 : step) {
			const label = `${errno} at ${at} of ${calls} of kind ${kinds}`;
			faults.arm({ kinds, at, errno });
			const r = await order();
			assert.equal(faults.failed, 1, `${label} was met`);
			faults.disarm();
			n++;
			if (r.status === 0 && kinds === SYNCS) { // SQLite passes over a folder that cannot be synced; all is, at the end
				rmSync(folder, { recursive: true });
				continue;
			}
			assert.equal(r.status, 8, `${label}: ${r.status} ${r.stdout}${r.stderr}`);
			assert.match(r.stderr, errno === 'ENOSPC' ? /space|full/i : /./, label);
			assert.deepEqual(readdirSync(path.dirname(folder)), [], `${label}: ${r.stderr}`);
			refused++;
		}
		console.log(`figure: ${errno} at ${n} of ${calls} calls of kind ${kinds}, ${refused} refused`);
		assert.ok(refused >= 3, 'the last ones at least');
	}
	await goesOn('after failures');
	await whole('after failures');
});
