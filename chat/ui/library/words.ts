// States, stages and failures in words.
import { t } from '../base/i18n';
import { me } from '../base/session';
import type { Document, JobState } from '../base/types';

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
