// People: who there is, as what, and their way in.
import { useState } from 'preact/hooks';
import { patch } from '../base/api';
import { formatDate, t } from '../base/i18n';
import { isOperator, me } from '../base/session';
import type { User } from '../base/types';
import { Button, Confirm, ErrorNote, Menu, toast, useLoad, type MenuItem } from '../base/ui';
import { allUsers, shownName } from './people';
import { EditUser, NewPassword, NewUser } from './user-dialogs';

type Open = { what: 'new' } | { what: 'edit' | 'password' | 'disable'; user: User };

const ROWS = 100; // shown at first; the search finds the others

function fits(user: User, text: string): boolean {
	return `${user.name} ${user.displayName}`.toLowerCase().includes(text.trim().toLowerCase());
}

/** An administrator does not touch operators (the server refuses it too). */
const mayChange = (user: User): boolean => isOperator() || user.role !== 'operator';

function UserRow({ user, open, enable }: { user: User; open: (o: Open) => void; enable: () => void }) {
	const items: MenuItem[] = [
		{ label: t('user.edit'), icon: 'edit', run: () => open({ what: 'edit', user }) },
		{ label: t('user.newPassword'), icon: 'key', run: () => open({ what: 'password', user }) },
		user.disabled
			? { label: t('user.enable'), icon: 'check', run: enable }
			: { label: t('user.disable'), icon: 'lock', danger: true, disabled: user.id === me.value!.id, run: () => open({ what: 'disable', user }) },
	];
	return (
		<tr class={user.disabled ? 'off' : ''}>
			<th scope="row">
				{mayChange(user)
					? <button type="button" class="link clip" onClick={() => open({ what: 'edit', user })}>{shownName(user)}</button>
					: <span class="clip">{shownName(user)}</span>}
				{user.displayName && user.displayName !== user.name && <small class="clip">{user.name}</small>}
			</th>
			<td>{t(`role.${user.role}`)}</td>
			<td>{user.disabled ? <span class="tag bad">{t('user.disabled')}</span> : <span class="tag good">{t('user.active')}</span>}</td>
			<td class="wide-only">{formatDate(user.createdMs)}</td>
			<td class="act">{mayChange(user) && <Menu label={t('user.actions', { name: shownName(user) })} items={items} />}</td>
		</tr>
	);
}

export function Users() {
	const { value: users, error, reload } = useLoad(allUsers, []);
	const [text, setText] = useState('');
	const [open, setOpen] = useState<Open | null>(null);
	const [failed, setFailed] = useState('');
	const found = users?.filter((user) => fits(user, text)) ?? [];
	const close = () => setOpen(null);
	const setDisabled = async (user: User, disabled: boolean) => {
		await patch(`/v1/users/${user.id}`, { disabled });
		toast(t(disabled ? 'user.nowDisabled' : 'user.nowEnabled', { name: shownName(user) }));
		reload();
	};
	return (
		<section class="stack">
			<div class="row apart">
				<input class="filter" type="search" aria-label={t('user.search')} placeholder={t('user.search')} value={text} onInput={(e) => setText(e.currentTarget.value)} />
				<Button kind="primary" icon="plus" onClick={() => setOpen({ what: 'new' })}>{t('user.new')}</Button>
			</div>
			<ErrorNote text={error || failed} />
			<p class="muted small" role="status">{users && t('user.count', { n: found.length })}</p>
			{found.length > 0 && (
				<table class="list">
					<thead>
						<tr><th scope="col">{t('user.name')}</th><th scope="col">{t('user.role')}</th><th scope="col">{t('user.state')}</th><th scope="col" class="wide-only">{t('user.since')}</th><td /></tr>
					</thead>
					<tbody>
						{found.slice(0, ROWS).map((user) => (
							<UserRow key={user.id} user={user} open={setOpen} enable={() => void setDisabled(user, false).catch((e) => setFailed(String(e.message)))} />
						))}
					</tbody>
				</table>
			)}
			{found.length > ROWS && <p class="muted">{t('user.moreHidden', { n: found.length - ROWS })}</p>}
			{users && !found.length && <p class="muted">{t('user.noneFound', { text })}</p>}
			{open?.what === 'new' && <NewUser onClose={close} onMade={reload} />}
			{open?.what === 'edit' && <EditUser user={open.user} onClose={close} onChanged={reload} />}
			{open?.what === 'password' && <NewPassword user={open.user} onClose={close} />}
			{open?.what === 'disable' && (
				<Confirm title={t('user.disableThat', { name: shownName(open.user) })} action={t('user.disable')} onClose={close} run={() => setDisabled(open.user, true)}>
					<p>{t('user.disableText')}</p>
				</Confirm>
			)}
		</section>
	);
}
