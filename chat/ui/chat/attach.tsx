// Files that are attached to one conversation: nobody else reads them, and they go when it goes. library/upload.ts sends them.
import { useEffect } from 'preact/hooks';
import { del, get } from '../base/api';
import { t } from '../base/i18n';
import { Icon } from '../base/icons';
import { openSource } from '../base/source';
import { IconButton, Progress, toastError } from '../base/ui';
import type { Conversation, Document } from '../base/types';
import { arrivals, attachFiles, cancelUpload, forget, mayRetry, retryUpload, uploadsOf, type Upload } from '../library/upload';
import { baseName, reasonText, stageText } from '../library/words';
import type { Talk } from './talk';

/** A conversation that is not there yet is made for them. */
export function attach(talk: Talk, files: File[]): void {
	if (files.length) {
		talk.ensure().then((id) => void attachFiles(id, files), toastError);
	}
}

function Coming({ u }: { u: Upload }) {
	const name = baseName(u.name);
	const failed = u.state === 'failed';
	const remove = () => {
		void cancelUpload(u).catch(toastError).then(() => forget((x) => x === u));
	};
	return (
		<li class={u.state}>
			<Icon name={failed ? 'warning' : 'file'} size={16} />
			<span class="clip" title={name}>{name}</span>
			<small>{failed ? reasonText(u.reason, u.message) : u.job ? stageText(u.job) : ''}</small>
			{!failed && <Progress label={name} value={u.state === 'working' ? u.job?.done : u.sent} max={u.state === 'working' ? u.job?.total : u.size} />}
			{mayRetry(u) && <IconButton icon="refresh" label={t('retry')} onClick={() => void retryUpload(u)} />}
			<IconButton icon="close" label={t('chat.removeOf', { name })} onClick={remove} />
		</li>
	);
}

function There({ talk, of }: { talk: Talk; of: Document }) {
	const remove = () => del(`/v1/documents/${of.id}`).then(() => (talk.attachments.value = talk.attachments.value.filter((d) => d.id !== of.id)), toastError);
	return (
		<li>
			<button type="button" class="link" title={t('chat.onlyHere')} onClick={() => openSource({ documentId: of.id, name: of.name, page: 1 })}>
				<Icon name="file" size={16} />
				<span class="clip">{of.name}</span>
			</button>
			<IconButton icon="close" label={t('chat.removeOf', { name: of.name })} onClick={() => void remove()} />
		</li>
	);
}

export function Attachments({ talk }: { talk: Talk }) {
	const id = talk.id.value;
	const arrived = arrivals.value;
	const mine = id ? uploadsOf(id).filter((u) => u.state !== 'done' && u.state !== 'duplicate' && u.state !== 'cancelled') : [];
	const coming = new Set(mine.map((u) => u.receipt?.documentId));
	const there = talk.attachments.value.filter((d) => !coming.has(d.id));
	useEffect(() => {
		if (id && arrived) {
			get<Conversation>(`/v1/conversations/${id}`).then((c) => (talk.attachments.value = c.attachments ?? []), toastError);
		}
	}, [id, arrived]);
	if (!mine.length && !there.length) {
		return null;
	}
	return (
		<ul class="attachments" aria-label={t('chat.attachments')}>
			{there.map((d) => <There key={d.id} talk={talk} of={d} />)}
			{mine.map((u) => <Coming key={u.n} u={u} />)}
		</ul>
	);
}
