// Who may read a document or a collection: the plain phrase, and its editor.
import { useState } from 'preact/hooks';
import { accessPhrase } from '../base/access';
import { del, get, put } from '../base/api';
import { t } from '../base/i18n';
import { Icon } from '../base/icons';
import { me } from '../base/session';
import type { Access, Acl, AclEntry, Right } from '../base/types';
import { Button, Dialog, ErrorNote, IconButton, toast, useAttempt, useLoad } from '../base/ui';
import { PeopleField, principalName } from './people';

const RANK: Record<Right, number> = { none: 0, read: 1, write: 2, own: 3 };
const RIGHTS: Right[] = ['read', 'write', 'own'];

/** Entries in short, as the server would tell them. */
export function accessOf(entries: AclEntry[]): Access {
	const users = entries.filter((e) => e.kind === 'user');
	return {
		workspace: entries.some((e) => e.kind === 'workspace'),
		groups: entries.filter((e) => e.kind === 'group').map((e) => e.name ?? e.principal),
		users: users.length,
		you: users.some(isMe),
	};
}

const isMe = (e: AclEntry): boolean => e.kind === 'user' && e.name === me.value?.name;
const isMine = (e: AclEntry): boolean =>
	e.kind === 'workspace' || isMe(e) || (e.kind === 'group' && !!me.value?.groups.some((g) => g.name === e.name));

/** What the reader of the page may do by these entries. */
export const rightBy = (entries: AclEntry[]): Right =>
	entries.filter(isMine).reduce<Right>((best, e) => (RANK[e.right] > RANK[best] ? e.right : best), 'none');

export const myEntry = (): AclEntry => ({ principal: `user:${me.value!.name}`, kind: 'user', name: me.value!.name, right: 'own' });

const sameOne = (a: { kind?: string; name?: string }, b: { kind?: string; name?: string }) =>
	a.kind === b.kind && (a.kind === 'workspace' || a.name === b.name);

/** A quiet line that says who may read something. */
export function Who({ access, own }: { access: Access | undefined; own?: boolean }) {
	const text = accessPhrase(access);
	return text ? (
		<span class="who" title={text}>
			<Icon name={access!.workspace ? 'users' : 'lock'} size={16} />
			<span class="clip">{text}</span>
			{own && <span class="read-only-aloud">{` (${t('acl.ownEntries')})`}</span>}
		</span>
	) : null;
}

/** The list of who may, and a field to add to it. */
export function Entries({ entries, onChange }: { entries: AclEntry[]; onChange: (entries: AclEntry[]) => void }) {
	const change = (one: AclEntry, right: Right) => onChange(entries.map((e) => (e === one ? { ...e, right } : e)));
	return (
		<div class="stack entries">
			<ul aria-label={t('acl.entries')}>
				{entries.map((e) => {
					const name = principalName(e);
					return (
						<li key={e.principal}>
							<Icon name={e.kind === 'user' ? 'user' : 'users'} />
							<span class="clip grow" title={name}>
								{name}
								{isMe(e) && <span class="muted"> ({t('acl.you')})</span>}
							</span>
							<select aria-label={t('acl.right', { name })} value={e.right} onChange={(x) => change(e, x.currentTarget.value as Right)}>
								{RIGHTS.map((r) => <option value={r}>{t(`acl.${r}`)}</option>)}
							</select>
							<IconButton icon="close" label={t('acl.remove', { name })} onClick={() => onChange(entries.filter((x) => x !== e))} />
						</li>
					);
				})}
			</ul>
			<PeopleField
				isTaken={(p) => entries.some((e) => sameOne(e, p))}
				onPick={({ principal, kind, name, displayName }) => onChange([...entries, { principal, kind, name: name || displayName, right: 'read' }])}
			/>
		</div>
	);
}

/** What one ought to know before these entries count; '' when nothing. */
function warning(entries: AclEntry[], before: Right): string {
	const after = rightBy(entries);
	if (before !== 'none' && after === 'none') {
		return t('acl.loseRead');
	}
	return before === 'own' && after !== 'own' ? t('acl.loseOwn') : '';
}

export interface Guarded { kind: 'document' | 'collection'; id: string; name: string }

/** Changes who may read something. For owners; of collections for admins too. */
export function AccessDialog({ what, onClose, onSaved }: { what: Guarded; onClose: () => void; onSaved: () => void }) {
	const url = `/v1/${what.kind}s/${what.id}/acl`;
	const loaded = useLoad((signal) => get<Acl>(url, { signal }), [url]);
	return (
		<Dialog title={t('acl.title', { name: what.name })} onClose={onClose} wide>
			<ErrorNote text={loaded.error} />
			{loaded.value && <Editor what={what} url={url} acl={loaded.value} onClose={onClose} onSaved={onSaved} />}
		</Dialog>
	);
}

function Editor({ what, url, acl, onClose, onSaved }: { what: Guarded; url: string; acl: Acl; onClose: () => void; onSaved: () => void }) {
	const [entries, setEntries] = useState(acl.entries);
	const [inherited, setInherited] = useState(acl.inherited ?? false);
	const { busy, error, attempt } = useAttempt();
	const warn = inherited ? '' : warning(entries, rightBy(acl.entries));
	const save = async () => {
		if (inherited) {
			await del(url);
			toast(t('acl.saved', { who: t('acl.asCollection') }));
		} else {
			await put(url, { entries: entries.map(({ principal, right }) => ({ principal, right })) });
			toast(t('acl.saved', { who: accessPhrase(accessOf(entries)) }));
		}
		onSaved();
		onClose();
	};
	return (
		<div class="stack">
			{what.kind === 'document' && (
				<div class="choices" role="radiogroup" aria-label={t('col.who')}>
					<Choice name="acl" checked={inherited} onPick={() => setInherited(true)} label={t('acl.asCollection')} hint={t('acl.asCollectionText')} />
					<Choice name="acl" checked={!inherited} onPick={() => setInherited(false)} label={t('acl.ownEntries')} />
				</div>
			)}
			{!inherited && (
				<>
					<p class="phrase" role="status">{accessPhrase(accessOf(entries))}</p>
					<Entries entries={entries} onChange={setEntries} />
				</>
			)}
			{warn && <p class="warn-note" role="status"><Icon name="warning" />{warn}</p>}
			<ErrorNote text={error} />
			<div class="row apart">
				<span class="muted small">{t('acl.counts')}</span>
				<div class="row">
					<Button onClick={onClose}>{t('cancel')}</Button>
					<Button kind={warn ? 'danger' : 'primary'} disabled={busy} onClick={() => attempt(save)}>{warn ? t('acl.sure') : t('save')}</Button>
				</div>
			</div>
		</div>
	);
}

export function Choice({ name, checked, onPick, label, hint }: { name: string; checked: boolean; onPick: () => void; label: string; hint?: string }) {
	return (
		<label class="choice">
			<input type="radio" name={name} checked={checked} onChange={onPick} />
			<span>
				{label}
				{hint && <small>{hint}</small>}
			</span>
		</label>
	);
}
