// Files that are attached to one conversation: nobody else reads them, and they go when it goes.
import { signal } from '@preact/signals';
import { credentials, errorOf, get, renewToken, sentence } from '../base/api';
import { formatBytes, t } from '../base/i18n';
import { Icon } from '../base/icons';
import { IconButton, Progress } from '../base/ui';
import type { Document, Job, Receipt } from '../base/types';
import type { Talk } from './talk';

interface Upload { n: number; file: File; sent: number; stage: 'sending' | 'reading' | 'done' | 'failed'; done: number; total: number; message: string; stop: AbortController }

const uploads = signal<ReadonlyMap<Talk, Upload[]>>(new Map());
let count = 0;

function set(talk: Talk, n: number, change: Partial<Upload> | null): void {
	const mine = (uploads.value.get(talk) ?? []).flatMap((u) => (u.n !== n ? [u] : change ? [{ ...u, ...change }] : []));
	uploads.value = new Map(uploads.value).set(talk, mine);
}

/** A form by XMLHttpRequest, which alone tells how much has gone. */
function send(form: FormData, stop: AbortSignal, onSent: (bytes: number) => void): Promise<Response> {
	return new Promise((done, fail) => {
		const xhr = new XMLHttpRequest();
		xhr.open('POST', '/v1/documents');
		Object.entries(credentials()).forEach(([name, value]) => xhr.setRequestHeader(name, value));
		xhr.upload.onprogress = (e) => onSent(e.loaded);
		xhr.onload = () => done(new Response(xhr.responseText || null, { status: xhr.status, headers: { 'retry-after': xhr.getResponseHeader('retry-after') ?? '0' } }));
		xhr.onerror = () => fail(new Error(t('error.unreachable')));
		xhr.onabort = () => fail(stop.reason);
		stop.addEventListener('abort', () => xhr.abort());
		xhr.send(form);
	});
}

async function upload(talk: Talk, { n, file, stop }: Upload): Promise<void> {
	const form = new FormData();
	form.append('conversation', await talk.ensure());
	form.append('file', file, file.name);
	const once = () => send(form, stop.signal, (sent) => set(talk, n, { sent }));
	let answer = await once();
	if (answer.status === 401 && (await renewToken())) {
		answer = await once();
	}
	if (!answer.ok) {
		throw await errorOf(answer);
	}
	const receipt = (await answer.json()) as Receipt;
	if (receipt.jobId) {
		set(talk, n, { stage: 'reading' });
		await jobEnds(talk, n, receipt.jobId, stop.signal);
	}
	const document = await get<Document>(`/v1/documents/${receipt.documentId}`);
	talk.attachments.value = [...talk.attachments.value.filter((d) => d.id !== document.id), document];
	set(talk, n, null);
}

async function jobEnds(talk: Talk, n: number, id: string, stop: AbortSignal): Promise<void> {
	for (;;) {
		const job = await get<Job>(`/v1/jobs/${id}`, { signal: stop });
		set(talk, n, { done: job.done, total: job.total });
		if (job.state === 'failed' || job.state === 'quarantined') {
			throw new Error(job.message ?? t('chat.notRead'));
		}
		if (job.state === 'done' || job.state === 'cancelled') {
			return;
		}
		await new Promise((next) => setTimeout(next, 500));
	}
}

function start(talk: Talk, one: Upload): void {
	upload(talk, one).catch((error) => {
		if (!one.stop.signal.aborted) {
			set(talk, one.n, { stage: 'failed', message: sentence(error) });
		}
	});
}

export function attach(talk: Talk, files: File[]): void {
	const made = files.map((file): Upload => ({ n: ++count, file, sent: 0, stage: 'sending', done: 0, total: 0, message: '', stop: new AbortController() }));
	uploads.value = new Map(uploads.value).set(talk, [...(uploads.value.get(talk) ?? []), ...made]);
	made.forEach((one) => start(talk, one));
}

export function Attachments({ talk }: { talk: Talk }) {
	const mine = uploads.value.get(talk) ?? [];
	const there = talk.attachments.value;
	if (!mine.length && !there.length) {
		return null;
	}
	return (
		<ul class="attachments" aria-label={t('chat.attachments')}>
			{there.map((d) => (
				<li key={d.id} title={t('chat.onlyHere')}><Icon name="file" size={16} /><span class="clip">{d.name}</span></li>
			))}
			{mine.map((u) => (
				<li key={u.n} class={u.stage}>
					<Icon name={u.stage === 'failed' ? 'warning' : 'file'} size={16} />
					<span class="clip">{u.file.name}</span>
					<small>{u.stage === 'failed' ? u.message : u.stage === 'reading' ? t('chat.reading') : formatBytes(u.file.size)}</small>
					{u.stage !== 'failed' && <Progress label={u.file.name} value={u.stage === 'sending' ? u.sent : u.done} max={u.stage === 'sending' ? u.file.size : u.total} />}
					{u.stage === 'failed' && <IconButton icon="refresh" label={t('retry')} onClick={() => (set(talk, u.n, { stage: 'sending', sent: 0, message: '' }), start(talk, u))} />}
					<IconButton icon="close" label={t('chat.remove')} onClick={() => (u.stop.abort(), set(talk, u.n, null))} />
				</li>
			))}
		</ul>
	);
}
