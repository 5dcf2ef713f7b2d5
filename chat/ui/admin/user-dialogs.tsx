// Adding somebody, changing somebody, a new password for somebody.
import { useState } from 'preact/hooks';
import { del, get, patch, post, put } from '../base/api';
import { t } from '../base/i18n';
import { Picker } from '../base/picker';
import { Secret } from '../base/secret';
import { isOperator, me } from '../base/session';
import type { Group, Role, User } from '../base/types';
import { Button, Dialog, ErrorNote, Field, toast, useAttempt, useLoad } from '../base/ui';
import { allGroups, makePassword, shownName } from './people';

const pickOf = (group: Group) => ({ id: group.id, name: group.name, detail: t('group.members', { n: group.members }) });

function RoleField({ role, onRole, disabled }: { role: Role; onRole: (role: Role) => void; disabled?: boolean }) {
	const roles: Role[] = isOperator() || role === 'operator' ? ['member', 'admin', 'operator'] : ['member', 'admin'];
	return (
		<Field label={t('user.role')} hint={t(`user.roleHint.${role}`)}>
			<select value={role} disabled={disabled} onChange={(e) => onRole(e.currentTarget.value as Role)}>
				{roles.map((one) => <option value={one}>{t(`role.${one}`)}</option>)}
			</select>
		</Field>
	);
}

/** How somebody signs in, to be handed over. */
function WayIn({ name, password, onClose, title }: { name: string; password: string; onClose: () => void; title: string }) {
	return (
		<Dialog title={title} onClose={onClose}>
			<div class="stack">
				<dl class="facts"><dt>{t('account.signInName')}</dt><dd><code>{name}</code></dd></dl>
				<Secret label={t('signIn.password')} text={password} hint={t('user.passwordOnce')} />
				<div class="row end"><Button kind="primary" onClick={onClose}>{t('done')}</Button></div>
			</div>
		</Dialog>
	);
}

export function NewUser({ onClose, onMade }: { onClose: () => void; onMade: () => void }) {
	const groups = useLoad(allGroups, []);
	const [name, setName] = useState('');
	const [displayName, setDisplayName] = useState('');
	const [role, setRole] = useState<Role>('member');
	const [chosen, setChosen] = useState<string[]>([]);
	const [password, setPassword] = useState('');
	const { busy, error, attempt } = useAttempt();
	const make = () => attempt(async () => {
		const secret = makePassword();
		const made = await post<User>('/v1/users', { name: name.trim(), displayName: displayName.trim(), role, password: secret });
		setPassword(secret);
		onMade();
		await Promise.all(chosen.map((group) => put(`/v1/groups/${group}/members/${made.id}`)));
	});
	if (password) {
		return <WayIn name={name.trim()} password={password} onClose={onClose} title={t('user.made', { name: displayName.trim() || name.trim() })} />;
	}
	return (
		<Dialog title={t('user.new')} onClose={onClose}>
			<form class="stack" onSubmit={(e) => (e.preventDefault(), make())}>
				<Field label={t('user.signInName')} hint={t('setup.nameHint')}>
					<input autofocus required maxLength={64} autocomplete="off" autocapitalize="off" spellcheck={false} value={name} onInput={(e) => setName(e.currentTarget.value)} />
				</Field>
				<Field label={t('account.displayName')}>
					<input maxLength={200} autocomplete="off" value={displayName} onInput={(e) => setDisplayName(e.currentTarget.value)} />
				</Field>
				<RoleField role={role} onRole={setRole} />
				<Picker label={t('account.groups')} all={(groups.value ?? []).map(pickOf)} chosen={chosen} empty={t('group.noneFound')} onAdd={(id) => setChosen([...chosen, id])} onRemove={(id) => setChosen(chosen.filter((one) => one !== id))} />
				<p class="muted small">{t('user.passwordMade')}</p>
				<ErrorNote text={error || groups.error} />
				<div class="row end">
					<Button onClick={onClose}>{t('cancel')}</Button>
					<Button type="submit" kind="primary" disabled={busy}>{t('user.add')}</Button>
				</div>
			</form>
		</Dialog>
	);
}

export function EditUser({ user, onClose, onChanged }: { user: User; onClose: () => void; onChanged: () => void }) {
	const groups = useLoad(allGroups, []);
	const own = useLoad((signal) => get<{ groups: Group[] }>(`/v1/users/${user.id}`, { signal }).then((a) => a.groups.map((g) => g.id)), [user.id]);
	const [displayName, setDisplayName] = useState(user.displayName);
	const [role, setRole] = useState<Role>(user.role);
	const { busy, error, attempt } = useAttempt();
	const save = () => attempt(async () => {
		await patch(`/v1/users/${user.id}`, { displayName: displayName.trim(), ...(role === user.role ? {} : { role }) });
		toast(t('account.saved'));
		onChanged();
		onClose();
	});
	const join = (group: string) => attempt(async () => (await put(`/v1/groups/${group}/members/${user.id}`), own.reload()));
	const leave = (group: string) => attempt(async () => (await del(`/v1/groups/${group}/members/${user.id}`), own.reload()));
	return (
		<Dialog title={shownName(user)} onClose={onClose}>
			<form class="stack" onSubmit={(e) => (e.preventDefault(), save())}>
				<dl class="facts"><dt>{t('account.signInName')}</dt><dd>{user.name}</dd></dl>
				<Field label={t('account.displayName')}>
					<input autofocus maxLength={200} autocomplete="off" value={displayName} onInput={(e) => setDisplayName(e.currentTarget.value)} />
				</Field>
				<RoleField role={role} onRole={setRole} disabled={user.id === me.value!.id} />
				<Picker label={t('account.groups')} all={(groups.value ?? []).map(pickOf)} chosen={own.value ?? []} disabled={!own.value} empty={t('group.noneFound')} onAdd={join} onRemove={leave} />
				<p class="muted small">{t('user.groupsAtOnce')}</p>
				<ErrorNote text={error || groups.error || own.error} />
				<div class="row end">
					<Button onClick={onClose}>{t('cancel')}</Button>
					<Button type="submit" kind="primary" disabled={busy}>{t('save')}</Button>
				</div>
			</form>
		</Dialog>
	);
}

export function NewPassword({ user, onClose }: { user: User; onClose: () => void }) {
	const [password, setPassword] = useState('');
	const { busy, error, attempt } = useAttempt();
	const make = () => attempt(async () => {
		const secret = makePassword();
		await patch(`/v1/users/${user.id}`, { password: secret });
		setPassword(secret);
	});
	if (password) {
		return <WayIn name={user.name} password={password} onClose={onClose} title={t('user.passwordFor', { name: shownName(user) })} />;
	}
	return (
		<Dialog title={t('user.passwordFor', { name: shownName(user) })} onClose={onClose}>
			<div class="stack">
				<p>{t('user.passwordText')}</p>
				<ErrorNote text={error} />
				<div class="row end">
					<Button onClick={onClose}>{t('cancel')}</Button>
					<Button kind="primary" disabled={busy} onClick={make}>{t('user.passwordDo')}</Button>
				</div>
			</div>
		</Dialog>
	);
}
