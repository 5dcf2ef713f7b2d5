// Reading everything again, or embedding it with another model: what that means, then the order.
import { useState } from 'preact/hooks';
import { get, post } from '../base/api';
import { formatBytes, t } from '../base/i18n';
import type { Collection } from '../base/types';
import { Button, Dialog, ErrorNote, Field, toast, useAttempt, useLoad } from '../base/ui';

type What = 'outdated' | 'all' | 'builtin' | 'openai';
const CHOICES: What[] = ['outdated', 'all', 'builtin', 'openai'];
const isEmbedder = (what: What) => what === 'builtin' || what === 'openai';

interface Space { state: 'serving' | 'filling' | 'waiting' | 'kept' | 'leaving'; embedder: string; bytes: number; missing: number }
interface Vectors { spaces: Space[]; replay: { questions: number; overlap: number; firstChanged: number; doubtful: string | null } | null }

/** Vectors that wait for a decision, with what the comparison said; else those that are kept as a way back. */
function Aside({ vectors, busy, onDecide }: { vectors: Vectors; busy: boolean; onDecide: (space: 'swap' | 'drop' | 'back') => void }) {
	const waiting = vectors.spaces.find((s) => s.state === 'waiting');
	const kept = vectors.spaces.find((s) => s.state === 'kept');
	const one = waiting ?? kept;
	if (!one) {
		return null;
	}
	const { replay } = vectors;
	return (
		<div class={`note stack${waiting ? ' warn' : ''}`}>
			<p>{t(waiting ? 'reindex.waiting' : 'reindex.kept', { embedder: one.embedder, size: formatBytes(one.bytes), n: one.missing })}</p>
			{waiting && replay && <p>{t('reindex.compared', { n: replay.questions, percent: Math.round(replay.overlap * 100), first: replay.firstChanged })}</p>}
			<div class="row">
				<Button disabled={busy} onClick={() => onDecide(waiting ? 'swap' : 'back')}>{t(waiting ? 'reindex.swap' : 'reindex.back')}</Button>
				<Button disabled={busy} onClick={() => onDecide('drop')}>{t('reindex.drop')}</Button>
			</div>
		</div>
	);
}

export function Reindex({ onClose, onOrdered }: { onClose: () => void; onOrdered: () => void }) {
	const collections = useLoad((signal) => get<{ collections: Collection[] }>('/v1/collections?limit=200', { signal }), []);
	const vectors = useLoad((signal) => get<Vectors>('/v1/reindex', { signal }), []);
	const [what, setWhat] = useState<What>('outdated');
	const [collection, setCollection] = useState('');
	const { busy, error, attempt } = useAttempt();
	const send = () => attempt(async () => {
		const body = isEmbedder(what) ? { embedder: what } : { all: what === 'all', ...(collection ? { collection } : {}) };
		const { jobs } = await post<{ jobs: number }>('/v1/reindex', body);
		toast(t(jobs ? 'reindex.ordered' : 'reindex.nothing', { n: jobs }));
		onOrdered();
		onClose();
	});
	const decide = (space: 'swap' | 'drop' | 'back') => attempt(async () => {
		await post('/v1/reindex', { space });
		toast(t(space === 'drop' ? 'reindex.dropped' : 'reindex.ordered', { n: 1 }));
		onOrdered();
		onClose();
	});
	return (
		<Dialog title={t('reindex.title')} onClose={onClose}>
			{vectors.value && <Aside vectors={vectors.value} busy={busy} onDecide={decide} />}
			<form class="stack" onSubmit={(e) => (e.preventDefault(), send())}>
				<p>{t('reindex.text')}</p>
				<fieldset class="options upright">
					<legend class="read-only-aloud">{t('reindex.title')}</legend>
					{CHOICES.map((one) => (
						<label key={one}>
							<input type="radio" name="what" checked={what === one} onChange={() => setWhat(one)} />
							<span>{t(`reindex.${one}`)}<small>{t(`reindex.${one}Text`)}</small></span>
						</label>
					))}
				</fieldset>
				{!isEmbedder(what) && (
					<Field label={t('reindex.where')}>
						<select value={collection} onChange={(e) => setCollection(e.currentTarget.value)}>
							<option value="">{t('reindex.everywhere')}</option>
							{collections.value?.collections.map((one) => <option value={one.id}>{one.name}</option>)}
						</select>
					</Field>
				)}
				<ErrorNote text={error} />
				<div class="row end">
					<Button onClick={onClose}>{t('cancel')}</Button>
					<Button type="submit" kind="primary" disabled={busy}>{t('reindex.do')}</Button>
				</div>
			</form>
		</Dialog>
	);
}
