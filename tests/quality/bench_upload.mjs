// What a file of 300 MB takes of the server's memory while it comes in, from a client as fast as it goes and from one
// that sends 40 MB a second; and of the child that reads it after.
import { readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { pause, startCarrel, temporaryFolder } from '../flow/carrel.mjs';

const SIZE = 300 * 2 ** 20;
const PIECE = 2 ** 20;
const SLOW = 40 * 2 ** 20; // bytes a second
const READ_S = 20; // the child is watched so long at most

const status = (pid, name) => Number(readFileSync(`/proc/${pid}/status`, 'utf8').match(new RegExp(`${name}:\\s+(\\d+)`))?.[1] ?? 0) / 1024;

/** From now on VmHWM is the peak since. */
const forgetPeak = (pid) => writeFileSync(`/proc/${pid}/clear_refs`, '5');

/** Prose that no two pieces share, or bytes that do not compress. */
function piece(i, text) {
	if (!text) {
		const bytes = Buffer.alloc(PIECE);
		let state = BigInt(i + 1) * 0x9e3779b97f4a7c15n;
		for (let at = 0; at < PIECE; at += 8) {
			state = (state * 6364136223846793005n + 1442695040888963407n) & 0xffffffffffffffffn;
			bytes.writeBigUInt64LE(state ^ (state >> 29n), at);
		}
		return bytes;
	}
	const line = `Page ${i} tells of the ${(i * 2654435761) % 1000003}th carrel and of who reads in it.\n`;
	return Buffer.from(line.repeat(Math.ceil(PIECE / line.length)).slice(0, PIECE));
}

function upload(client, name, pieces, perSecond) {
	const boundary = 'carrel-bench-boundary';
	const field = `--${boundary}\r\nContent-Disposition: form-data; name="collection"\r\n\r\nuploads\r\n`;
	const head = Buffer.from(`${field}--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="${name}"\r\n\r\n`);
	const end = Buffer.from(`\r\n--${boundary}--\r\n`);
	const headers = { ...client.headers, 'content-type': `multipart/form-data; boundary=${boundary}`,
		'content-length': head.length + SIZE + end.length };
	return new Promise((done, fail) => {
		const req = http.request({ ...client.target, method: 'POST', path: '/v1/documents', headers, agent: false }, (res) => {
			let text = '';
			res.on('data', (bytes) => (text += bytes));
			res.on('end', () => done({ status: res.statusCode, text }));
		});
		req.on('error', fail);
		(async () => {
			const from = performance.now();
			req.write(head);
			for (let i = 0; i < pieces.length; i++) {
				if (!req.write(pieces[i])) {
					await new Promise((drained) => req.once('drain', drained));
				}
				const ahead = ((i + 1) * PIECE) / perSecond - (performance.now() - from) / 1000;
				if (ahead > 0) {
					await pause(ahead * 1000);
				}
			}
			req.end(end);
		})().catch(fail);
	});
}

/** Of the server's children and theirs, the most that one of them took. */
function childrenPeak(pid) {
	let most = 0;
	for (const child of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
		try {
			const parent = Number(readFileSync(`/proc/${child}/stat`, 'utf8').split(') ').pop().split(' ')[1]);
			if (parent === pid) {
				most = Math.max(most, status(child, 'VmHWM'), childrenPeak(Number(child)));
			}
		} catch {
			// it has just ended
		}
	}
	return most;
}

export async function benchUpload(row) {
	const data = temporaryFolder();
	const server = await startCarrel({ data, settings: { 'upload-max-mb': 1024 } });
	const ada = await server.bootstrap('ada');
	await ada.post('/v1/collections', { name: 'uploads' });
	await ada.upload('uploads', 'small.md', 'A first file, so that what all uploads share is there.\n');
	const openJobs = async () => {
		const jobs = (await server.counts()).jobs;
		return jobs.queued + jobs.running;
	};
	while (await openJobs()) {
		await pause(20);
	}
	for (const [name, text, perSecond] of [['fast.bin', false, Infinity], ['slow.bin', false, SLOW], ['fast.txt', true, Infinity], ['slow.txt', true, SLOW]]) {
		const pieces = Array.from({ length: SIZE / PIECE }, (_, i) => piece(i + (perSecond === SLOW ? 1000 : 0), text));
		const idle = status(server.pid, 'VmRSS');
		forgetPeak(server.pid);
		const from = performance.now();
		const done = await upload(ada, name, pieces, perSecond);
		const seconds = (performance.now() - from) / 1000;
		const peak = status(server.pid, 'VmHWM');
		if (done.status !== 202) {
			throw new Error(`${name}: ${done.status} ${done.text}`);
		}
		row(`${name}, 300 MB: memory above idle`, `${(peak - idle).toFixed(1)} MB`,
			`target 8; idle ${idle.toFixed(1)} MB; ${(300 / seconds).toFixed(0)} MB a second`);
		let child = 0;
		forgetPeak(server.pid);
		const until = performance.now() + READ_S * 1000;
		const reading = status(server.pid, 'VmRSS');
		while ((await openJobs()) && performance.now() < until) {
			child = Math.max(child, childrenPeak(server.pid));
			await pause(20);
		}
		const left = await openJobs();
		const { documentId } = JSON.parse(done.text);
		const document = (await ada.get(`/v1/documents/${documentId}`)).json;
		row(`${name}: its child while it is read`, `${child.toFixed(0)} MB`,
			`the server ${(status(server.pid, 'VmHWM') - reading).toFixed(1)} MB more than before; ${left ? `after ${READ_S} s still being read` : [document.state, document.reason].filter(Boolean).join(', ')}`);
		await ada.delete(`/v1/documents/${documentId}`);
	}
	await server.stop();
	rmSync(data, { recursive: true, force: true });
}
