// States, stages and failures in words.
import { t } from '../base/i18n';
import { me } from '../base/session';
import type { Document, JobState } from '../base/types';

/** Kinds of document by their media type; what is not here is told as it is. */
const FORMATS: Record<string, string> = {
	'application/pdf': 'pdf',
	'application/vnd.openxmlformats-officedocument.wordprocessingml.document': 'word',
	'application/msword': 'word',
	'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet': 'excel',
	'application/vnd.ms-excel': 'excel',
	'application/vnd.openxmlformats-officedocument.presentationml.presentation': 'powerpoint',
	'application/vnd.ms-powerpoint': 'powerpoint',
	'application/vnd.oasis.opendocument.text': 'odt',
	'application/vnd.oasis.opendocument.spreadsheet': 'ods',
	'application/vnd.oasis.opendocument.presentation': 'odp',
	'application/epub+zip': 'epub',
	'application/rtf': 'rtf',
	'text/rtf': 'rtf',
	'message/rfc822': 'mail',
	'application/vnd.ms-outlook': 'mail',
	'application/mbox': 'mailbox',
	'text/html': 'html',
	'application/xhtml+xml': 'html',
	'multipart/related': 'html',
	'text/markdown': 'markdown',
	'text/plain': 'text',
	'text/csv': 'table',
	'text/tab-separated-values': 'table',
	'application/json': 'json',
	'application/xml': 'xml',
	'text/xml': 'xml',
	'image/png': 'image',
	'image/jpeg': 'image',
	'image/tiff': 'image',
};

/** "Excel workbook". */
export const formatName = (mediaType: string | null): string => {
	const known = mediaType && FORMATS[mediaType];
	return known ? t(`format.${known}`) : mediaType ?? '';
};

interface Work { state: JobState; stage: string; done: number; total: number; cancelling?: boolean; tries?: number }

/** "Extracting page 37 of 212". */
export function stageText(job: Work): string {
	if (job.cancelling) {
		return t('stage.cancelling');
	}
	if (job.state === 'queued') {
		return t(job.tries ? 'stage.retrying' : 'stage.queued');
	}
	const { stage, done, total } = job;
	if (stage === 'extract' && total > 1) {
		return t('stage.extractPage', { done: Math.min(done + 1, total), total });
	}
	if (stage === 'embed' && total > 1) {
		return t('stage.embedPart', { done, total });
	}
	const known = t(`stage.${stage}`);
	return known === `stage.${stage}` ? t('state.ingesting') : known;
}

/** Why, and what to do; the server's own sentence where the page has none. */
export function reasonText(reason: string | null, message: string | null): string {
	const limit = me.value?.server?.uploadMaxMb;
	if ((reason === 'too_large' || reason === 'file_too_large') && limit) {
		return t('reason.too_large_mb', { mb: limit });
	}
	const key = reason === 'file_too_large' ? 'too_large' : reason === 'insufficient_storage' ? 'no_space' : reason?.startsWith('embed_') ? 'embed' : reason;
	const known = t(`reason.${key}`);
	if (known !== `reason.${key}`) {
		return known;
	}
	return message ? message[0]!.toUpperCase() + message.slice(1) : t('reason.other');
}

export type Mood = 'good' | 'bad' | 'warn' | '';

export const isBeingRead = (d: Document): boolean => d.state === 'queued' || d.state === 'ingesting';

export function moodOf(d: Document): Mood {
	return d.state === 'indexed' ? 'good' : d.state === 'failed' ? 'bad' : d.state === 'no_text' || d.state === 'cancelled' ? 'warn' : '';
}

/** What a failed document says of itself; '' when all is well. */
export const troubleText = (d: Document): string =>
	d.state === 'failed' ? reasonText(d.reason ?? d.job?.reason ?? null, d.message ?? d.job?.message ?? null) : d.state === 'no_text' ? t('reason.no_text') : '';

/** A path's last part; and the folders before it. */
export const baseName = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
export const folderOf = (path: string): string => path.slice(0, path.lastIndexOf('/') + 1);
