// Collections: as cards, and what one may do with one.
import { useState } from 'preact/hooks';
import { accessPhrase } from '../base/access';
import { del, patch, post } from '../base/api';
import { t } from '../base/i18n';
import { Icon } from '../base/icons';
import { go, link } from '../base/router';
import type { AclEntry, Collection } from '../base/types';
import { Button, Confirm, Dialog, ErrorNote, Field, Menu, toast, useAttempt } from '../base/ui';
import { AccessDialog, accessOf, Choice, Entries, myEntry, Who } from './acl';

const CARDS = 8;

export function Collections({ all }: { all: Collection[] }) {
	const [whole, setWhole] = useState(false);
	const shown = whole ? all : all.slice(0, CARDS);
	return (
		<section class="collections" aria-label={t('library.collections')}>
			<ul>
				{shown.map((c) => (
					<li key={c.id}>
						<a class="collection" href={link('library', c.id)}>
							<Icon name="folder" />
							<span class="clip collection-name"><bdi>{c.name}</bdi></span>
							<span class="muted small">{t('library.documents', { n: c.documents })}</span>
							<Who access={c.access} />
						</a>
					</li>
				))}
			</ul>
			{all.length > shown.length && <Button kind="quiet" onClick={() => setWhole(true)}>{t('library.moreCollections', { n: all.length })}</Button>}
		</section>
	);
}

/** One field and a button; `save` may fail, which is told in place. */
export function NameDialog({ title, label, name, action, onClose, save }: { title: string; label: string; name: string; action: string; onClose: () => void; save: (name: string) => Promise<unknown> }) {
	const [value, setValue] = useState(name);
	const { busy, error, attempt } = useAttempt();
	return (
		<Dialog title={title} onClose={onClose}>
			<form class="stack" onSubmit={(e) => (e.preventDefault(), attempt(async () => (await save(value.trim()), onClose())))}>
				<Field label={label}>
					<input required autofocus value={value} onInput={(e) => setValue(e.currentTarget.value)} />
				</Field>
				<ErrorNote text={error} />
				<div class="row end">
					<Button onClick={onClose}>{t('cancel')}</Button>
					<Button type="submit" kind="primary" disabled={busy || !value.trim()}>{action}</Button>
				</div>
			</form>
		</Dialog>
	);
}

export function NewCollection({ onClose, onMade }: { onClose: () => void; onMade: (c: Collection) => void }) {
	const [name, setName] = useState('');
	const [who, setWho] = useState<'you' | 'all' | 'chosen'>('you');
	const [entries, setEntries] = useState<AclEntry[]>([myEntry()]);
	const { busy, error, attempt } = useAttempt();
	const make = async () => {
		const acl = who === 'chosen' ? entries : who === 'all' ? [myEntry(), { principal: 'workspace', right: 'read' }] : [myEntry()];
		onMade(await post<Collection>('/v1/collections', { name: name.trim(), acl: acl.map(({ principal, right }) => ({ principal, right })) }));
		onClose();
	};
	return (
		<Dialog title={t('coll.new')} onClose={onClose} wide={who === 'chosen'}>
			<form class="stack" onSubmit={(e) => (e.preventDefault(), attempt(make))}>
				<Field label={t('coll.name')}>
					<input required autofocus maxLength={200} value={name} onInput={(e) => setName(e.currentTarget.value)} />
				</Field>
				<fieldset class="choices">
					<legend>{t('col.who')}</legend>
					<Choice name="who" checked={who === 'you'} onPick={() => setWho('you')} label={t('upload.whoOnlyYou')} />
					<Choice name="who" checked={who === 'all'} onPick={() => setWho('all')} label={t('access.everybody')} />
					<Choice name="who" checked={who === 'chosen'} onPick={() => setWho('chosen')} label={t('upload.whoChosen')} hint={who === 'chosen' ? accessPhrase(accessOf(entries)) : undefined} />
				</fieldset>
				{who === 'chosen' && <Entries entries={entries} onChange={setEntries} />}
				<ErrorNote text={error} />
				<div class="row end">
					<Button onClick={onClose}>{t('cancel')}</Button>
					<Button type="submit" kind="primary" disabled={busy || !name.trim()}>{t('coll.create')}</Button>
				</div>
			</form>
		</Dialog>
	);
}

/** What its owners may do with a collection. */
export function CollectionMenu({ collection, onChanged }: { collection: Collection; onChanged: () => void }) {
	const [doing, setDoing] = useState<'rename' | 'delete' | 'access' | null>(null);
	const { id, name, documents } = collection;
	const close = () => setDoing(null);
	if (collection.right !== 'own') {
		return null;
	}
	return (
		<>
			<Menu
				label={t('coll.actions', { name })}
				items={[
					{ label: t('rename'), icon: 'edit', run: () => setDoing('rename') },
					{ label: t('acl.change'), icon: 'share', run: () => setDoing('access') },
					{ label: t('delete'), icon: 'trash', danger: true, run: () => setDoing('delete') },
				]}
			/>
			{doing === 'rename' && (
				<NameDialog title={t('coll.rename')} label={t('coll.name')} name={name} action={t('rename')} onClose={close}
					save={async (to) => (await patch(`/v1/collections/${id}`, { name: to }), onChanged())} />
			)}
			{doing === 'access' && <AccessDialog what={{ kind: 'collection', id, name }} onClose={close} onSaved={onChanged} />}
			{doing === 'delete' && (
				<Confirm title={t('coll.delete')} action={t('delete')} onClose={close}
					run={async () => (await del(`/v1/collections/${id}`), toast(t('coll.deleted', { name })), go('library'))}>
					<p>{t('coll.deleteText', { name, n: documents })}</p>
					<p>{t('coll.deleteHidden')}</p>
				</Confirm>
			)}
		</>
	);
}
