// Groups: what permissions are given to, so that they follow people as they come and go.
import { useState } from 'preact/hooks';
import { del, get, patch, post, put } from '../base/api';
import { t } from '../base/i18n';
import { Picker } from '../base/picker';
import type { Group, User } from '../base/types';
import { Button, Confirm, Dialog, Empty, ErrorNote, Field, IconButton, toast, useAttempt, useLoad } from '../base/ui';
import { allGroups, allUsers, shownName } from './people';

type GroupWithUsers = Group & { users: User[] };

function NewGroup({ onClose, onMade }: { onClose: () => void; onMade: (group: Group) => void }) {
	const [name, setName] = useState('');
	const { busy, error, attempt } = useAttempt();
	return (
		<Dialog title={t('group.new')} onClose={onClose}>
			<form class="stack" onSubmit={(e) => (e.preventDefault(), attempt(async () => onMade(await post<Group>('/v1/groups', { name: name.trim() }))))}>
				<Field label={t('group.name')}>
					<input autofocus required maxLength={200} autocomplete="off" value={name} onInput={(e) => setName(e.currentTarget.value)} />
				</Field>
				<ErrorNote text={error} />
				<div class="row end">
					<Button onClick={onClose}>{t('cancel')}</Button>
					<Button type="submit" kind="primary" disabled={busy}>{t('group.make')}</Button>
				</div>
			</form>
		</Dialog>
	);
}

function EditGroup({ group, onClose, onChanged }: { group: Group; onClose: () => void; onChanged: () => void }) {
	const users = useLoad(allUsers, []);
	const own = useLoad((signal) => get<GroupWithUsers>(`/v1/groups/${group.id}`, { signal }).then((g) => g.users.map((u) => u.id)), [group.id]);
	const [name, setName] = useState(group.name);
	const { busy, error, attempt } = useAttempt();
	const rename = () => attempt(async () => {
		await patch(`/v1/groups/${group.id}`, { name: name.trim() });
		toast(t('account.saved'));
		onChanged();
	});
	const change = (user: string, call: (url: string) => Promise<unknown>) => attempt(async () => {
		await call(`/v1/groups/${group.id}/members/${user}`);
		own.reload();
		onChanged();
	});
	return (
		<Dialog title={group.name} onClose={onClose}>
			<div class="stack">
				<form class="row bottom" onSubmit={(e) => (e.preventDefault(), rename())}>
					<div class="grow">
						<Field label={t('group.name')}>
							<input required maxLength={200} autocomplete="off" value={name} onInput={(e) => setName(e.currentTarget.value)} />
						</Field>
					</div>
					<Button type="submit" disabled={busy || !name.trim() || name.trim() === group.name}>{t('rename')}</Button>
				</form>
				<Picker
					label={t('group.people')}
					all={(users.value ?? []).map((u) => ({ id: u.id, name: shownName(u), detail: u.name }))}
					chosen={own.value ?? []}
					disabled={!own.value}
					empty={t('user.noneOfThat')}
					onAdd={(user) => change(user, put)}
					onRemove={(user) => change(user, del)}
				/>
				<p class="muted small">{t('group.atOnce')}</p>
				<ErrorNote text={error || users.error || own.error} />
				<div class="row end"><Button kind="primary" onClick={onClose}>{t('done')}</Button></div>
			</div>
		</Dialog>
	);
}

export function Groups() {
	const { value: groups, error, reload } = useLoad(allGroups, []);
	const [making, setMaking] = useState(false);
	const [editing, setEditing] = useState<Group | null>(null);
	const [deleting, setDeleting] = useState<Group | null>(null);
	return (
		<section class="stack">
			<div class="row apart">
				<p class="muted grow">{t('group.text')}</p>
				<Button kind="primary" icon="plus" onClick={() => setMaking(true)}>{t('group.new')}</Button>
			</div>
			<ErrorNote text={error} />
			{groups?.length === 0 && <Empty icon="users" title={t('group.none')} />}
			<ul class="rows framed" aria-busy={!groups && !error}>
				{groups?.map((group) => (
					<li key={group.id}>
						<button type="button" class="link grow" onClick={() => setEditing(group)}><span class="clip">{group.name}</span></button>
						<span class="muted small">{t('group.members', { n: group.members })}</span>
						<IconButton icon="edit" label={t('group.edit', { name: group.name })} onClick={() => setEditing(group)} />
						<IconButton icon="trash" label={t('group.deleteThat', { name: group.name })} onClick={() => setDeleting(group)} />
					</li>
				))}
			</ul>
			{making && <NewGroup onClose={() => setMaking(false)} onMade={(group) => (setMaking(false), reload(), setEditing(group))} />}
			{editing && <EditGroup group={editing} onClose={() => setEditing(null)} onChanged={reload} />}
			{deleting && (
				<Confirm title={t('group.deleteThat', { name: deleting.name })} action={t('delete')} onClose={() => setDeleting(null)} run={async () => (await del(`/v1/groups/${deleting.id}`), reload())}>
					<p>{t('group.deleteText', { n: deleting.members })}</p>
				</Confirm>
			)}
		</section>
	);
}
