// Work in the background, live while something is open.
import { useEffect, useState } from 'preact/hooks';
import { get, post, query } from '../base/api';
import { formatTime, t } from '../base/i18n';
import { place, replacePlace } from '../base/router';
import type { Job, JobState } from '../base/types';
import { Button, Empty, ErrorNote, IconButton, Progress, toast, toastError, useLoad } from '../base/ui';
import { everyPage } from './people';
import { Reindex } from './reindex';

const STATES: (JobState | '')[] = ['', 'queued', 'running', 'failed', 'quarantined', 'cancelled', 'done'];
const POLL_MS = 1500;
const isOpen = (job: Job) => job.state === 'queued' || job.state === 'running';
const mayRetry = (job: Job) => job.state === 'failed' || job.state === 'quarantined';
const TONE: Partial<Record<JobState, string>> = { done: 'good', failed: 'bad', quarantined: 'bad', cancelled: 'warn' };

function subject(job: Job): string {
	return job.documentName || t(job.kind === 'reembed' ? 'job.everything' : 'job.aDocument');
}

function JobRow({ job, order }: { job: Job; order: (job: Job, what: 'retry' | 'cancel') => void }) {
	const about = job.stage ? t(`jobStage.${job.stage}`) : '';
	return (
		<li>
			<div class="grow stack tight">
				<div class="row">
					<span class="clip" title={subject(job)}>{subject(job)}</span>
					<span class={`tag ${TONE[job.state] ?? ''}`}>{job.cancelling ? t('job.cancelling') : t(`job.${job.state}`)}</span>
				</div>
				{job.state === 'running' && <Progress value={job.done} max={job.total || undefined} label={about} />}
				<small>
					{t(`job.kind.${job.kind}`)}
					{job.state === 'running' && about && ` · ${about}${job.total ? ` ${t('job.of', { done: job.done, total: job.total })}` : ''}`}
					{job.message && ` · ${job.message}`}
					{!isOpen(job) && job.finishedMs ? ` · ${formatTime(job.finishedMs)}` : ''}
					{job.tries > 1 && ` · ${t('job.tries', { n: job.tries })}`}
				</small>
			</div>
			{isOpen(job) && !job.cancelling && <IconButton icon="stop" label={t('job.cancelThat', { name: subject(job) })} onClick={() => order(job, 'cancel')} />}
			{mayRetry(job) && <IconButton icon="refresh" label={t('job.retryThat', { name: subject(job) })} onClick={() => order(job, 'retry')} />}
		</li>
	);
}

/** All failed ones, a few at a time. */
async function retryAll(): Promise<number> {
	const { signal } = new AbortController();
	const lists = await Promise.all(['failed', 'quarantined'].map((state) => everyPage<Job>(`/v1/jobs?state=${state}`, 'jobs', signal)));
	let n = 0;
	for (const job of lists.flat()) {
		await post(`/v1/jobs/${job.id}/retry`).then(() => n++, toastError);
	}
	return n;
}

export function Jobs() {
	const state = place.value.query.get('state') ?? '';
	const [limit, setLimit] = useState(50);
	const [reindexing, setReindexing] = useState(false);
	const [busy, setBusy] = useState(false);
	const { value, error, reload } = useLoad((signal) => get<{ jobs: Job[]; next: string | null }>(`/v1/jobs${query({ state, limit })}`, { signal }), [state, limit]);
	useEffect(() => {
		const timer = setTimeout(() => document.visibilityState === 'visible' && reload(), value?.jobs.some(isOpen) ? POLL_MS : POLL_MS * 4);
		return () => clearTimeout(timer);
	}, [value]);
	const order = (job: Job, what: 'retry' | 'cancel') => void post(`/v1/jobs/${job.id}/${what}`).then(reload, toastError);
	const all = async () => {
		setBusy(true);
		try {
			toast(t('job.retried', { n: await retryAll() }));
			reload();
		} catch (e) {
			toastError(e);
		} finally {
			setBusy(false);
		}
	};
	return (
		<section class="stack">
			<div class="row apart">
				<label class="row">
					<span>{t('job.show')}</span>
					<select class="short" value={state} onChange={(e) => replacePlace(`#/admin/jobs${query({ state: e.currentTarget.value })}`)}>
						{STATES.map((one) => <option value={one}>{t(`job.${one || 'all'}`)}</option>)}
					</select>
				</label>
				<div class="row">
					<Button icon="refresh" disabled={busy} onClick={all}>{t('job.retryAll')}</Button>
					<Button onClick={() => setReindexing(true)}>{t('reindex.title')}</Button>
				</div>
			</div>
			<ErrorNote text={error} />
			{value?.jobs.length === 0 && <Empty icon="check" title={t(state ? 'job.noneOfThat' : 'job.none')}><p>{t('job.text')}</p></Empty>}
			<ul class="rows framed" aria-busy={!value && !error}>
				{value?.jobs.map((job) => <JobRow key={job.id} job={job} order={order} />)}
			</ul>
			{value?.next && limit < 200 && <div class="row"><Button onClick={() => setLimit(200)}>{t('more')}</Button></div>}
			{reindexing && <Reindex onClose={() => setReindexing(false)} onOrdered={reload} />}
		</section>
	);
}
