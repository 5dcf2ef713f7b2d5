// Deleting documents: first what goes with them, then one after the other.
import { useState } from 'preact/hooks';
import { del, get, sentence } from '../base/api';
import { formatBytes, t } from '../base/i18n';
import type { Document } from '../base/types';
import { Button, Dialog, ErrorNote, Progress, toast, useLoad } from '../base/ui';

interface Impact { versions: number; chunks: number; bytes: number; citations: number; answers: number }

const ASKED = 60; // documents whose impact is asked for; it is a number to think twice, not an account

export const mayDelete = (d: Document): boolean => d.right === 'write' || d.right === 'own';

async function impactOf(documents: Document[], signal: AbortSignal): Promise<Impact> {
	const sum: Impact = { versions: 0, chunks: 0, bytes: 0, citations: 0, answers: 0 };
	for (const d of documents.slice(0, ASKED)) {
		const one = await get<Impact>(`/v1/documents/${d.id}/impact`, { signal });
		for (const key of Object.keys(sum) as (keyof Impact)[]) {
			sum[key] += one[key];
		}
	}
	return sum;
}

function ImpactList({ impact }: { impact: Impact }) {
	const cited = impact.citations
		? `${t('impact.citations', { n: impact.citations })} (${t('impact.answers', { n: impact.answers })})`
		: '';
	return (
		<div class="impact">
			<p>{t('impact.what')}</p>
			<ul>
				<li>{t('impact.versions', { n: impact.versions })}, {t('impact.bytes', { size: formatBytes(impact.bytes) })}</li>
				<li>{t('impact.chunks', { n: impact.chunks })}</li>
				<li>{cited || t('impact.none')}</li>
			</ul>
		</div>
	);
}

export function RemoveDialog({ documents, onClose, onDone }: { documents: Document[]; onClose: () => void; onDone: () => void }) {
	const mine = documents.filter(mayDelete);
	const impact = useLoad((signal) => impactOf(mine, signal), []);
	const [done, setDone] = useState<number | null>(null);
	const n = mine.length;
	const run = async () => {
		let gone = 0, last: unknown = null;
		for (let i = 0; i < n; i++) {
			setDone(i);
			try {
				await del(`/v1/documents/${mine[i]!.id}`);
				gone++;
			} catch (error) {
				last = error;
			}
		}
		if (gone) {
			toast(t('document.deleted', { n: gone }));
		}
		if (last) {
			toast(t('document.deletedSome', { n: n - gone, why: sentence(last) }), { bad: true });
		}
		onClose();
		onDone();
	};
	return (
		<Dialog title={t('document.deleteTitle', { n })} onClose={onClose}>
			<div class="stack">
				<ul class="doomed">
					{mine.slice(0, 4).map((d) => <li class="clip" title={d.name}><bdi>{d.name}</bdi></li>)}
					{n > 4 && <li class="muted">{t('upload.andMore', { n: n - 4 })}</li>}
				</ul>
				<p>{t(n === 1 ? 'document.deleteText' : 'document.deleteTextMany')}</p>
				{n < documents.length && <p>{t('document.notYours', { n: documents.length - n })}</p>}
				<div class="impact-space" aria-busy={!impact.value && !impact.error}>{impact.value && n <= ASKED && <ImpactList impact={impact.value} />}</div>
				<ErrorNote text={impact.error} />
				{done !== null && <Progress label={t('document.deleting', { done, n })} value={done} max={n} />}
				<div class="row end">
					<Button onClick={onClose}>{t('cancel')}</Button>
					<Button kind="danger" disabled={done !== null || !n} onClick={() => void run()}>{t('delete')}</Button>
				</div>
			</div>
		</Dialog>
	);
}
