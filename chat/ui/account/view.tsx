// One's own account: name, password, language, sign-ins, API tokens.
import { useState } from 'preact/hooks';
import { patch } from '../base/api';
import { lang, LANG_NAMES, LANGS, setLang, t, type Lang } from '../base/i18n';
import { loadMe, me } from '../base/session';
import { Button, ErrorNote, Field, toast, useAttempt } from '../base/ui';
import { PASSWORD_MIN, PasswordField } from './password';
import { SessionsCard } from './sessions';
import { TokensCard } from './tokens';

function NameCard() {
	const now = me.value!;
	const [name, setName] = useState(now.displayName);
	const { busy, error, attempt } = useAttempt();
	const save = () => attempt(async () => {
		await patch('/v1/me', { displayName: name.trim() });
		me.value = await loadMe();
		toast(t('account.saved'));
	});
	return (
		<form class="card stack" onSubmit={(e) => (e.preventDefault(), save())}>
			<h2>{t('account.you')}</h2>
			<dl class="facts">
				<dt>{t('account.signInName')}</dt><dd>{now.name}</dd>
				<dt>{t('account.role')}</dt><dd>{t(`role.${now.role}`)}</dd>
				<dt>{t('account.groups')}</dt><dd>{now.groups?.map((g) => g.name).join(', ') || t('account.noGroups')}</dd>
			</dl>
			<Field label={t('account.displayName')} hint={t('account.displayNameHint')}>
				<input name="display-name" autocomplete="name" maxLength={200} value={name} onInput={(e) => setName(e.currentTarget.value)} />
			</Field>
			<ErrorNote text={error} />
			<div class="row end"><Button type="submit" disabled={busy || name.trim() === now.displayName}>{t('save')}</Button></div>
		</form>
	);
}

function PasswordCard({ onChanged }: { onChanged: () => void }) {
	const [current, setCurrent] = useState('');
	const [password, setPassword] = useState('');
	const { busy, error, attempt } = useAttempt();
	const save = () => attempt(async () => {
		await patch('/v1/me', { currentPassword: current, password });
		setCurrent('');
		setPassword('');
		toast(t('account.passwordChanged'));
		onChanged();
	});
	return (
		<form class="card stack" onSubmit={(e) => (e.preventDefault(), save())}>
			<h2>{t('account.password')}</h2>
			<input hidden name="username" autocomplete="username" value={me.value!.name} readOnly />
			<PasswordField label={t('account.currentPassword')} value={current} onValue={setCurrent} />
			<PasswordField label={t('account.newPassword')} isNew hint={`${t('password.rule', { n: PASSWORD_MIN })} ${t('account.passwordEnds')}`} value={password} onValue={setPassword} />
			<ErrorNote text={error} />
			<div class="row end"><Button type="submit" disabled={busy || !current || !password}>{t('account.changePassword')}</Button></div>
		</form>
	);
}

function LanguageCard() {
	return (
		<section class="card stack">
			<h2>{t('account.language')}</h2>
			<fieldset class="options">
				<legend class="read-only-aloud">{t('account.language')}</legend>
				{LANGS.map((one: Lang) => (
					<label key={one}>
						<input type="radio" name="language" checked={lang.value === one} onChange={() => setLang(one)} />
						<span lang={one}>{LANG_NAMES[one]}</span>
					</label>
				))}
			</fieldset>
		</section>
	);
}

export function AccountView() {
	const [round, setRound] = useState(0);
	return (
		<div class="view">
			<div class="column account stack">
				<h1>{t('nav.account')}</h1>
				<NameCard />
				<PasswordCard onChanged={() => setRound(round + 1)} />
				<LanguageCard />
				<SessionsCard key={round} />
				<TokensCard />
			</div>
		</div>
	);
}
