// The first time: whoever can read what the server printed becomes its operator.
import { useState } from 'preact/hooks';
import { t } from '../base/i18n';
import { go, place } from '../base/router';
import { signUpFirst } from '../base/session';
import { Button, ErrorNote, Field, useAttempt } from '../base/ui';
import { Brand } from './brand';
import { PASSWORD_MIN, PasswordField } from './password';

export function Setup() {
	const [token, setToken] = useState(place.value.query.get('token') ?? '');
	const [name, setName] = useState('');
	const [password, setPassword] = useState('');
	const { busy, error, attempt } = useAttempt();
	const send = () => attempt(async () => {
		await signUpFirst(token.trim(), name.trim(), password);
		go();
	});
	return (
		<form class="card stack" aria-labelledby="sign-in-title" onSubmit={(e) => (e.preventDefault(), send())}>
			<Brand title={t('setup.title')} />
			<p class="muted">{t('setup.text')}</p>
			<Field label={t('setup.token')} hint={t('setup.tokenHint')}>
				<input name="token" class="mono" autocomplete="off" autocapitalize="off" spellcheck={false} autofocus required value={token} onInput={(e) => setToken(e.currentTarget.value)} />
			</Field>
			<Field label={t('signIn.name')} hint={t('setup.nameHint')}>
				<input name="name" autocomplete="username" autocapitalize="off" spellcheck={false} required maxLength={64} value={name} onInput={(e) => setName(e.currentTarget.value)} />
			</Field>
			<PasswordField label={t('signIn.password')} isNew hint={t('password.rule', { n: PASSWORD_MIN })} value={password} onValue={setPassword} />
			<ErrorNote text={error} />
			<Button type="submit" kind="primary" disabled={busy}>{t('setup.do')}</Button>
		</form>
	);
}
