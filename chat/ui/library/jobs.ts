// How jobs stand: one question a second for all that anybody on the page looks at (a stream for each would take the
// browser's six connections), and none while there is nothing to look at.
import { get, query } from '../base/api';
import type { Job } from '../base/types';

type Told = (job: Job | null) => void;

const AT_ONCE = 100; // what GET /v1/jobs?ids= takes
const SOON_MS = 250, WAIT_MS = 1000, AWAY_MS = 4000;

const watched = new Map<string, Set<Told>>();
let timer: ReturnType<typeof setTimeout> | undefined;
let asking = false;

export const isOver = (job: { state: string }): boolean => job.state !== 'queued' && job.state !== 'running';

/** Tells how a job stands until it is over; null: it is gone. Gives back how to look away. */
export function watchJob(id: string, told: Told): () => void {
	const all = watched.get(id) ?? new Set();
	watched.set(id, all.add(told));
	plan(SOON_MS);
	return () => {
		all.delete(told);
		if (!all.size && watched.get(id) === all) {
			watched.delete(id);
		}
	};
}

function plan(ms: number): void {
	if (timer === undefined && !asking && watched.size) {
		timer = setTimeout(() => void ask(), ms);
	}
}

function tell(id: string, job: Job | null): void {
	const all = watched.get(id);
	if (!job || isOver(job)) {
		watched.delete(id);
	}
	all?.forEach((told) => told(job));
}

async function ask(): Promise<void> {
	timer = undefined;
	asking = true;
	let wait = WAIT_MS;
	const ids = [...watched.keys()].slice(0, AT_ONCE);
	try {
		const { jobs } = await get<{ jobs: Job[] }>(`/v1/jobs${query({ ids: ids.join(',') })}`);
		const found = new Map(jobs.map((job) => [job.id, job]));
		ids.forEach((id) => tell(id, found.get(id) ?? null));
		// The oldest come first; when many of them are through, others stand behind them.
		if (watched.size >= AT_ONCE && jobs.filter(isOver).length > AT_ONCE / 4) {
			wait = SOON_MS;
		}
	} catch {
		wait = AWAY_MS;
	}
	asking = false;
	plan(wait);
}
