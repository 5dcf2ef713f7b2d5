// Signing in, the first time and again: then over the page, which keeps what had been typed.
import { useState } from 'preact/hooks';
import { t } from '../base/i18n';
import { signIn } from '../base/session';
import { Button, ErrorNote, Field, useAttempt } from '../base/ui';

export function SignIn({ again }: { again?: boolean }) {
	const [name, setName] = useState('');
	const [password, setPassword] = useState('');
	const { busy, error, attempt } = useAttempt();
	return (
		<div class={again ? 'sign-in over' : 'sign-in'} role={again ? 'dialog' : undefined} aria-modal={again}>
			<form class="card stack" onSubmit={(e) => (e.preventDefault(), attempt(() => signIn(name, password)))}>
				<h1>Carrel</h1>
				{again && <p>{t('error.unauthenticated')}</p>}
				<Field label={t('signIn.name')}>
					<input name="name" autocomplete="username" autofocus required value={name} onInput={(e) => setName(e.currentTarget.value)} />
				</Field>
				<Field label={t('signIn.password')}>
					<input name="password" type="password" autocomplete="current-password" required value={password} onInput={(e) => setPassword(e.currentTarget.value)} />
				</Field>
				<ErrorNote text={error} />
				<Button type="submit" kind="primary" disabled={busy}>{t('signIn.do')}</Button>
			</form>
		</div>
	);
}
