// What a server costs: ingest, search, answers, memory. Uses ../shared/corpus/reports where it is there, else the PDFs of
// fixtures/.
import { existsSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { ROOT, runCarrel, startCarrel, temporaryFolder } from '../flow/carrel.mjs';

const REPORTS = path.join(ROOT, '../shared/corpus/reports');
const FOLDER = existsSync(REPORTS) ? REPORTS : path.join(ROOT, 'fixtures/documents/company');
const QUERIES = ['annual leave carried over', 'net sales increase third quarter', 'grant management findings',
	'research and development expenses', 'probable cause of the accident', 'inclusion criteria of the study',
	'information security governance', 'sample size calculation', 'operating income by segment', 'hotel limit per night'];

const ms = () => performance.now();
const quantile = (list, q) => [...list].sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor(q * list.length))];

function rssMb(pid) {
	const status = readFileSync(`/proc/${pid}/status`, 'utf8');
	return Number(status.match(/VmRSS:\s+(\d+)/)[1]) / 1024;
}
function peakMb(pid) {
	return Number(readFileSync(`/proc/${pid}/status`, 'utf8').match(/VmHWM:\s+(\d+)/)[1]) / 1024;
}

async function timed(n, work) {
	const times = [];
	for (let i = 0; i < n; i++) {
		const start = ms();
		await work(i);
		times.push(ms() - start);
	}
	return times;
}

export async function benchServer(row) {
	let start = ms();
	const data = temporaryFolder();
	const server = await startCarrel({ data });
	row('empty folder to ready, ms', (ms() - start).toFixed(0));
	const ada = await server.bootstrap('ada');
	row('memory of the empty server, MB', rssMb(server.pid).toFixed(0));

	start = ms();
	const args = ['ingest', FOLDER, '--collection', 'bench', '--acl', 'workspace:read', '--data', server.data, '--json'];
	const done = await runCarrel(args);
	const seconds = (ms() - start) / 1000;
	if (done.status !== 0) {
		throw new Error(done.stdout + done.stderr);
	}
	let pages = 0;
	for (let next = ''; next !== null; ) {
		const list = (await ada.get(`/v1/documents?limit=100${next && `&after=${next}`}`)).json;
		for (const d of list.documents) {
			pages += d.pages ?? 0;
		}
		next = list.next;
	}
	row('ingest, pages a second (1 worker)', (pages / seconds).toFixed(0), `${pages} pages in ${seconds.toFixed(1)} s`);
	row('memory after ingesting, MB', rssMb(server.pid).toFixed(0), `peak ${peakMb(server.pid).toFixed(0)}`);

	const idle = await timed(200, () => ada.get('/healthz'));
	const search = await timed(200, (i) => ada.post('/v1/search', { query: QUERIES[i % QUERIES.length] }));
	row('GET /healthz p50, ms', quantile(idle, 0.5).toFixed(2));
	row('search p50 / p95, ms', `${quantile(search, 0.5).toFixed(1)} / ${quantile(search, 0.95).toFixed(1)}`,
		`${(quantile(search, 0.5) / quantile(idle, 0.5)).toFixed(1)} × an empty request`);

	const first = [];
	const whole = await timed(40, async (i) => {
		const c = await ada.post('/v1/conversations', {});
		const asked = ms();
		const turn = await ada.post(`/v1/conversations/${c.json.id}/turns`, { input: `What about ${QUERIES[i % QUERIES.length]}?` });
		await ada.events(turn.json.streamUrl, {
			onEvent: (e) => {
				if (e.event === 'assistant.delta' && first.length <= i) {
					first.push(ms() - asked);
				}
				return false;
			},
		});
	});
	row('question to first words p50, ms', quantile(first, 0.5).toFixed(0), 'built-in answerer');
	row('question to stored answer p50, ms', quantile(whole, 0.5).toFixed(0));

	await server.stop();
	rmSync(data, { recursive: true, force: true });
}
