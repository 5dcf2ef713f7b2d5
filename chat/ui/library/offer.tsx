// Before anything leaves: into which collection, and who may read it.
import { useEffect, useState } from 'preact/hooks';
import { accessPhrase } from '../base/access';
import { get, post } from '../base/api';
import { formatBytes, t } from '../base/i18n';
import { me } from '../base/session';
import type { AclEntry, Collection } from '../base/types';
import { Button, Dialog, ErrorNote, Field, useAttempt, useLoad } from '../base/ui';
import { accessOf, Choice, Entries, myEntry } from './acl';
import { baseName } from './words';
import type { Found } from './files';
import { addUploads, arrivals, isTooLarge, offered } from './upload';

const NEW = 'new';
const SHOWN = 4;

/** Files are there, their place and readers are not yet chosen. */
export function Offer() {
	const what = offered.value;
	return what ? <OfferDialog key={what.found.length} found={what.found} wished={what.collectionId} /> : null;
}

function Names({ found }: { found: Found[] }) {
	const bytes = found.reduce((sum, { file }) => sum + file.size, 0);
	return (
		<div class="offer-names">
			<ul>
				{found.slice(0, SHOWN).map(({ name }) => <li class="clip" title={name}><bdi>{baseName(name)}</bdi></li>)}
			</ul>
			<p class="muted small">
				{[found.length > SHOWN ? t('upload.andMore', { n: found.length - SHOWN }) : '', t('upload.inAll', { size: formatBytes(bytes) })].filter(Boolean).join(', ')}
			</p>
		</div>
	);
}

function OfferDialog({ found, wished }: { found: Found[]; wished?: string }) {
	const loaded = useLoad((signal) => get<{ collections: Collection[] }>('/v1/collections', { signal }), []);
	const mine = loaded.value?.collections.filter((c) => c.right === 'write' || c.right === 'own');
	const [into, setInto] = useState(wished ?? '');
	const [newName, setNewName] = useState('');
	const [who, setWho] = useState<'collection' | 'you' | 'chosen'>('collection');
	const [entries, setEntries] = useState<AclEntry[]>([myEntry()]);
	const { busy, error, attempt } = useAttempt();

	useEffect(() => {
		if (mine && !mine.some((c) => c.id === into)) {
			setInto(mine[0]?.id ?? NEW);
		}
	}, [loaded.value]);

	const fitting = found.filter(({ file }) => !isTooLarge(file.size));
	const nTooLarge = found.length - fitting.length;
	const chosen = mine?.find((c) => c.id === into);
	const close = () => (offered.value = null);
	const upload = async () => {
		const acl = who === 'collection' ? null : who === 'you' ? [myEntry()] : entries;
		let collection: { id: string; name: string } | undefined = chosen;
		if (!collection) {
			collection = await post<Collection>('/v1/collections', { name: newName.trim(), acl: [myEntry()] });
			arrivals.value++;
		}
		addUploads(fitting, { collection, acl });
		close();
	};
	return (
		<Dialog title={t('upload.dialog', { n: found.length })} onClose={close} wide={who === 'chosen'}>
			<form class="stack" onSubmit={(e) => (e.preventDefault(), attempt(upload))}>
				<Names found={found} />
				{nTooLarge > 0 && <p class="warn-note">{t('upload.tooLarge', { n: nTooLarge, mb: me.value!.server!.uploadMaxMb })}</p>}
				{mine && mine.length > 0 && (
					<Field label={t('upload.into')}>
						<select value={into} onChange={(e) => setInto(e.currentTarget.value)}>
							{mine.map((c) => <option value={c.id}>{c.name}</option>)}
							<option value={NEW}>{t('upload.newCollection')}</option>
						</select>
					</Field>
				)}
				{mine && into === NEW && (
					<Field label={t('upload.newName')} hint={mine.length ? undefined : t('upload.needCollection')}>
						<input required maxLength={200} value={newName} onInput={(e) => setNewName(e.currentTarget.value)} />
					</Field>
				)}
				<fieldset class="choices">
					<legend>{t(found.length > 1 ? 'upload.whoMany' : 'upload.who')}</legend>
					<Choice name="who" checked={who === 'collection'} onPick={() => setWho('collection')} label={t('upload.whoCollection')} hint={into === NEW ? t('access.onlyYou') : accessPhrase(chosen?.access)} />
					<Choice name="who" checked={who === 'you'} onPick={() => setWho('you')} label={t('upload.whoOnlyYou')} />
					<Choice name="who" checked={who === 'chosen'} onPick={() => setWho('chosen')} label={t('upload.whoChosen')} hint={who === 'chosen' ? accessPhrase(accessOf(entries)) : undefined} />
				</fieldset>
				{who === 'chosen' && <Entries entries={entries} onChange={setEntries} />}
				<ErrorNote text={error || loaded.error} />
				<div class="row end">
					<Button onClick={close}>{t('cancel')}</Button>
					<Button type="submit" kind="primary" disabled={busy || !mine || !fitting.length}>{t('upload.do')}</Button>
				</div>
			</form>
		</Dialog>
	);
}
