// Files on their way in: one queue for the whole page, beside its views, so that it goes on while one moves about.
import { effect, signal } from '@preact/signals';
import { credentials, online, post, renewToken, sentenceFor, sentence, sessionEnded } from '../base/api';
import { t } from '../base/i18n';
import { me, session } from '../base/session';
import type { AclEntry, Job, Receipt } from '../base/types';
import type { Found } from './files';
import { pickedFiles } from './files';
import { isOver, watchJob } from './jobs';

export type UploadState = 'waiting' | 'sending' | 'working' | 'done' | 'duplicate' | 'failed' | 'cancelled';
/** Where to: a collection, with entries of its own unless the collection's shall count; or one conversation alone. */
export interface Target { collection?: { id: string; name: string }; acl?: AclEntry[] | null; conversationId?: string }

export interface Upload {
	readonly n: number;
	readonly target: Target;
	name: string;
	size: number;
	state: UploadState;
	/** Bytes that have left. */
	sent: number;
	/** Since when the server has it: what it answered, and how its work stands. */
	receipt?: Receipt;
	job?: Pick<Job, 'id' | 'state' | 'stage' | 'done' | 'total'>;
	/** Why it failed: the server's word for it and its sentence. */
	reason: string;
	message: string;
	file?: File;
	xhr?: XMLHttpRequest;
	tries: number;
}

const AT_ONCE = 2; // of the browser's six connections
const TRIES = 5; // that broke off in a row, before somebody must look

const all: Upload[] = [];
/** Counts up, once a frame at most, when anything about uploads has changed. */
export const revision = signal(0);
/** Counts up when the server has taken another file, or has done with one. */
export const arrivals = signal(0);
/** When the server asked to wait: until then. */
export const heldUntil = signal(0);
/** What is to be brought in, before its place and its readers are chosen (library/offer.tsx). */
export const offered = signal<{ found: Found[]; collectionId?: string } | null>(null);

let planned = false;
let nextN = 1;

function changed(): void {
	if (!planned) {
		planned = true;
		requestAnimationFrame(() => {
			planned = false;
			revision.value++;
		});
	}
}

/** All of them, oldest first; who calls it while rendering is rendered again when they change. */
export function uploads(): readonly Upload[] {
	void revision.value;
	return all;
}

export const uploadsOf = (conversationId: string): Upload[] => uploads().filter((u) => u.target.conversationId === conversationId);
export const isOpen = (u: Upload): boolean => u.state === 'waiting' || u.state === 'sending' || u.state === 'working';
const isHere = (u: Upload): boolean => u.state === 'waiting' || u.state === 'sending';

export function offerFiles(found: Found[], collectionId?: string): void {
	if (found.length) {
		offered.value = { found, collectionId };
	}
}

export function addUploads(found: Found[], target: Target): Upload[] {
	const added = found.map(({ file, name }): Upload => ({
		n: nextN++, target, name, size: file.size, state: 'waiting', sent: 0, reason: '', message: '', file, tries: 0,
	}));
	for (const u of added) {
		all.push(u);
		if (isTooLarge(u.size)) {
			fail(u, 'too_large', '');
		}
	}
	changed();
	pump();
	return added;
}

/** Files for one conversation alone: nobody else ever sees them, and they go with it. */
export const attachFiles = (conversationId: string, files: Iterable<File>): Upload[] =>
	addUploads(pickedFiles(files), { conversationId });

export const isTooLarge = (bytes: number): boolean => {
	const limit = me.value?.server?.uploadMaxMb;
	return !!limit && bytes > limit * 1024 * 1024;
};

// ── sending ──

function pump(): void {
	const held = heldUntil.value - Date.now();
	if (held > 0) {
		setTimeout(pump, held + 50);
		return;
	}
	heldUntil.value = 0;
	while (online.value && session.value === 'in' && all.filter((u) => u.state === 'sending').length < AT_ONCE) {
		// Somebody waits with a question for what is attached to it.
		const next = all.find((u) => u.state === 'waiting' && u.target.conversationId) ?? all.find((u) => u.state === 'waiting');
		if (!next) {
			return;
		}
		send(next);
	}
}

effect(() => {
	if (online.value && session.value === 'in') {
		setTimeout(pump);
	}
});

function formOf(u: Upload): FormData {
	const form = new FormData();
	const { collection, conversationId, acl } = u.target;
	if (conversationId) {
		form.append('conversation', conversationId);
	} else {
		form.append('collection', collection!.id);
	}
	if (acl) {
		form.append('acl', JSON.stringify(acl.map(({ principal, right }) => ({ principal, right }))));
	}
	form.append('name', u.name); // as a field of its own: a name of any length and any letters
	form.append('file', u.file!, 'file');
	return form;
}

function send(u: Upload): void {
	const xhr = new XMLHttpRequest();
	u.xhr = xhr;
	u.state = 'sending';
	u.sent = 0;
	xhr.open('POST', '/v1/documents');
	Object.entries(credentials()).forEach(([name, value]) => xhr.setRequestHeader(name, value));
	xhr.upload.onprogress = (e) => {
		u.sent = Math.min(e.loaded, u.size);
		changed();
	};
	xhr.onload = () => void answered(u, xhr).finally(pump);
	xhr.onerror = () => void brokeOff(u).finally(pump);
	xhr.send(formOf(u));
	changed();
}

function again(u: Upload): void {
	u.state = 'waiting';
	u.sent = 0;
	u.xhr = undefined;
	changed();
}

export function fail(u: Upload, reason: string, message: string): void {
	u.state = 'failed';
	u.reason = reason;
	u.message = message;
	u.xhr = undefined;
	changed();
}

async function answered(u: Upload, xhr: XMLHttpRequest): Promise<void> {
	let body: Receipt & { error?: { code: string; message: string } } | null = null;
	try {
		body = JSON.parse(xhr.responseText);
	} catch {
		body = null;
	}
	if (xhr.status === 202 && body) {
		taken(u, body);
		return;
	}
	const waitMs = 1000 * Number(xhr.getResponseHeader('retry-after')) || 2000;
	const code = body?.error?.code ?? 'unknown';
	if (xhr.status === 401 && u.tries++ < TRIES) {
		again(u);
		if (!(await renewToken().catch(() => true))) {
			sessionEnded.value++; // and after signing in it goes on
		}
	} else if (xhr.status === 429 || (xhr.status === 503 && code !== 'not_configured')) {
		heldUntil.value = Date.now() + waitMs;
		again(u);
	} else {
		fail(u, xhr.status === 413 ? 'too_large' : code, sentenceFor(xhr.status, code, body?.error?.message ?? '', 0));
	}
}

/** No answer: the server is away, or the file is. */
async function brokeOff(u: Upload): Promise<void> {
	const readable = await u.file!.slice(0, 1).arrayBuffer().then(() => true, () => false);
	if (!readable) {
		fail(u, 'unreadable', '');
	} else if (++u.tries >= TRIES) {
		fail(u, 'unreachable', t('error.unreachable'));
	} else {
		again(u);
		online.value = false; // which looks for it, and the queue goes on when it is found
	}
}

function taken(u: Upload, receipt: Receipt): void {
	u.receipt = receipt;
	u.sent = u.size;
	u.file = undefined;
	u.xhr = undefined;
	u.tries = 0;
	arrivals.value++;
	if (receipt.jobId) {
		follow(u, receipt.jobId);
	} else {
		arrive(u, receipt.state === 'no_text');
	}
	keepJobs();
	changed();
}

// ── the server's work on it ──

function follow(u: Upload, jobId: string): void {
	u.state = 'working';
	u.job = { id: jobId, state: 'queued', stage: '', done: 0, total: 0 };
	watchJob(jobId, (job) => {
		if (!job) {
			u.state = 'cancelled';
			u.reason = 'gone';
		} else {
			u.job = job;
			u.name ||= job.documentName ?? '';
			if (isOver(job)) {
				end(u, job);
			}
		}
		if (!isOpen(u)) {
			arrivals.value++;
			keepJobs();
		}
		changed();
	});
}

function arrive(u: Upload, noText: boolean): void {
	u.state = noText ? 'failed' : u.receipt?.arrival === 'duplicate' ? 'duplicate' : 'done';
	u.reason = noText ? 'no_text' : '';
}

function end(u: Upload, job: Job): void {
	if (job.state === 'done') {
		arrive(u, job.versionState === 'no_text');
	} else if (job.state === 'cancelled') {
		u.state = 'cancelled';
	} else {
		fail(u, job.reason ?? '', job.message ?? '');
	}
}

// ── what a person may do ──

export async function cancelUpload(u: Upload): Promise<void> {
	if (u.state === 'working') {
		await post(`/v1/jobs/${u.job!.id}/cancel`);
		return;
	}
	if (isHere(u)) {
		u.xhr?.abort();
		u.xhr = undefined;
		u.state = 'cancelled';
		changed();
		pump();
	}
}

/** Reasons that the file itself is the cause of. */
const FOR_GOOD = ['no_text', 'too_large', 'gone', 'empty_file', 'unsupported_type', 'broken_file', 'password_required', 'too_many_pages', 'too_much_text'];

/** Whether trying again, with nothing changed, may help. */
export const mayRetry = (u: Upload): boolean => (u.state === 'failed' || u.state === 'cancelled') && !FOR_GOOD.includes(u.reason);

export async function retryUpload(u: Upload): Promise<void> {
	if (u.job) {
		try {
			await post(`/v1/jobs/${u.job.id}/retry`);
		} catch (error) {
			u.message = sentence(error);
			changed();
			return;
		}
		follow(u, u.job.id);
		keepJobs();
	} else {
		u.tries = 0;
		again(u);
		pump();
	}
	u.reason = u.message = '';
	changed();
}

export const cancelAll = (): Promise<unknown> => Promise.allSettled(all.filter(isOpen).map(cancelUpload));

/** Takes what has ended off the list. */
export function forget(which: (u: Upload) => boolean = () => true): void {
	all.splice(0, all.length, ...all.filter((u) => isOpen(u) || !which(u)));
	changed();
}

// ── leaving the page ──

addEventListener('beforeunload', (e) => {
	if (all.some(isHere)) {
		e.preventDefault();
	}
});

const KEPT = 'carrel.uploads';

/** What the server works on is looked at again after a reload: the ids of jobs, no names. */
function keepJobs(): void {
	const jobs = all.filter((u) => u.state === 'working' && !u.target.conversationId).map((u) => u.job!.id);
	if (jobs.length) {
		sessionStorage.setItem(KEPT, JSON.stringify({ user: me.value?.id, jobs }));
	} else {
		sessionStorage.removeItem(KEPT);
	}
}

const off = me.subscribe((who) => {
	if (!who) {
		return;
	}
	queueMicrotask(() => off());
	const { user, jobs } = JSON.parse(sessionStorage.getItem(KEPT) ?? '{}') as { user?: string; jobs?: string[] };
	for (const id of user === who.id ? jobs! : []) {
		const u: Upload = { n: nextN++, target: {}, name: '', size: 0, state: 'working', sent: 0, reason: '', message: '', tries: 0 };
		all.push(u);
		follow(u, id);
	}
	changed();
});
