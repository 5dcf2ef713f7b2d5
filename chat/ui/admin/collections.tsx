// Collections and who may read them; an administrator sets that without being able to read what is inside.
import { useState } from 'preact/hooks';
import { del, patch, post } from '../base/api';
import { accessPhrase } from '../base/access';
import { t } from '../base/i18n';
import { Icon } from '../base/icons';
import { link } from '../base/router';
import type { Collection } from '../base/types';
import { Button, Confirm, Dialog, Empty, ErrorNote, Field, IconButton, useAttempt, useLoad } from '../base/ui';
import { AccessDialog } from '../library/acl';
import { everyPage } from './people';

type Open = { what: 'new' } | { what: 'rename' | 'delete' | 'acl'; collection: Collection };

function Named({ title, first, action, save, onClose }: { title: string; first: string; action: string; save: (name: string) => Promise<unknown>; onClose: () => void }) {
	const [name, setName] = useState(first);
	const { busy, error, attempt } = useAttempt();
	return (
		<Dialog title={title} onClose={onClose}>
			<form class="stack" onSubmit={(e) => (e.preventDefault(), attempt(async () => (await save(name.trim()), onClose())))}>
				<Field label={t('collection.name')}>
					<input autofocus required maxLength={200} autocomplete="off" value={name} onInput={(e) => setName(e.currentTarget.value)} />
				</Field>
				<ErrorNote text={error} />
				<div class="row end">
					<Button onClick={onClose}>{t('cancel')}</Button>
					<Button type="submit" kind="primary" disabled={busy}>{action}</Button>
				</div>
			</form>
		</Dialog>
	);
}

function Row({ collection, open }: { collection: Collection; open: (o: Open) => void }) {
	const { name, right } = collection;
	return (
		<li>
			<div class="grow">
				{right === 'none' ? <span class="clip">{name}</span> : <a class="clip" href={link('library', collection.id)}>{name}</a>}
				<small class="row"><Icon name="lock" size={14} />{accessPhrase(collection.access)}{right !== 'none' && ` · ${t('collection.documents', { n: collection.documents })}`}</small>
			</div>
			<IconButton icon="share" label={t('collection.acl', { name })} onClick={() => open({ what: 'acl', collection })} />
			{right === 'own' && <IconButton icon="edit" label={t('collection.renameThat', { name })} onClick={() => open({ what: 'rename', collection })} />}
			{right === 'own' && <IconButton icon="trash" label={t('collection.deleteThat', { name })} onClick={() => open({ what: 'delete', collection })} />}
		</li>
	);
}

export function Collections() {
	const { value, error, reload } = useLoad((signal) => everyPage<Collection>('/v1/collections', 'collections', signal), []);
	const [open, setOpen] = useState<Open | null>(null);
	const close = () => setOpen(null);
	return (
		<section class="stack">
			<div class="row apart">
				<p class="muted grow">{t('collection.text')}</p>
				<Button kind="primary" icon="plus" onClick={() => setOpen({ what: 'new' })}>{t('collection.new')}</Button>
			</div>
			<ErrorNote text={error} />
			{value?.length === 0 && <Empty icon="folder" title={t('collection.none')} />}
			<ul class="rows framed" aria-busy={!value && !error}>
				{value?.map((collection) => <Row key={collection.id} collection={collection} open={setOpen} />)}
			</ul>
			{open?.what === 'new' && <Named title={t('collection.new')} first="" action={t('collection.make')} onClose={close} save={async (name) => (await post('/v1/collections', { name }), reload())} />}
			{open?.what === 'rename' && <Named title={t('collection.renameThat', { name: open.collection.name })} first={open.collection.name} action={t('rename')} onClose={close} save={async (name) => (await patch(`/v1/collections/${open.collection.id}`, { name }), reload())} />}
			{open?.what === 'acl' && <AccessDialog what={{ kind: 'collection', id: open.collection.id, name: open.collection.name }} onClose={close} onSaved={reload} />}
			{open?.what === 'delete' && (
				<Confirm title={t('collection.deleteThat', { name: open.collection.name })} action={t('delete')} onClose={close} run={async () => (await del(`/v1/collections/${open.collection.id}`), reload())}>
					<p>{t('collection.deleteText', { n: open.collection.documents })}</p>
				</Confirm>
			)}
		</section>
	);
}
