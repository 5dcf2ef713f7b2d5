// Signing in, the first time and again: then over the page, which keeps what had been typed.
import { useState } from 'preact/hooks';
import { ApiError } from '../base/api';
import { formatClock, lang, LANG_NAMES, LANGS, setLang, t, type Lang } from '../base/i18n';
import { Icon } from '../base/icons';
import { link, place } from '../base/router';
import { me, signIn } from '../base/session';
import { Button, ErrorNote, Field, useAttempt } from '../base/ui';
import { Brand } from './brand';
import { PasswordField } from './password';
import { Setup } from './setup';

/** After too many wrong passwords: when to try again, instead of how many seconds to count. */
async function withTime(work: () => Promise<unknown>): Promise<void> {
	try {
		await work();
	} catch (e) {
		if (e instanceof ApiError && e.code === 'too_many_tries') {
			throw new ApiError(e.status, e.code, t('signIn.tooMany', { time: formatClock(Date.now() + e.retryAfterMs + 60000) }));
		}
		throw e;
	}
}

function SignInForm({ again }: { again?: boolean }) {
	const [name, setName] = useState(again ? me.value?.name ?? '' : '');
	const [password, setPassword] = useState('');
	const { busy, error, attempt } = useAttempt();
	return (
		<form class="card stack" aria-labelledby="sign-in-title" onSubmit={(e) => (e.preventDefault(), attempt(() => withTime(() => signIn(name.trim(), password))))}>
			<Brand />
			{again && <p>{t('error.unauthenticated')}</p>}
			<Field label={t('signIn.name')}>
				<input name="name" autocomplete="username" autocapitalize="off" spellcheck={false} autofocus={!name} required value={name} onInput={(e) => setName(e.currentTarget.value)} />
			</Field>
			<PasswordField label={t('signIn.password')} value={password} onValue={setPassword} autofocus={name !== ''} />
			<ErrorNote text={error} />
			<Button type="submit" kind="primary" disabled={busy}>{t('signIn.do')}</Button>
			{again && <Button kind="quiet" onClick={() => location.reload()}>{t('signIn.other')}</Button>}
		</form>
	);
}

function LanguageChoice() {
	return (
		<label class="language">
			<Icon name="globe" size={18} />
			<span class="read-only-aloud">{t('account.language')}</span>
			<select value={lang.value} onChange={(e) => setLang(e.currentTarget.value as Lang)}>
				{LANGS.map((one) => <option value={one} lang={one}>{LANG_NAMES[one]}</option>)}
			</select>
		</label>
	);
}

export function SignIn({ again }: { again?: boolean }) {
	if (again) {
		return (
			<div class="sign-in over" role="dialog" aria-modal="true" aria-labelledby="sign-in-title">
				<SignInForm again />
			</div>
		);
	}
	const setup = place.value.path[0] === 'setup';
	return (
		<main class="sign-in">
			{setup ? <Setup /> : <SignInForm />}
			<footer>
				<a href={setup ? link() : link('setup')}>{t(setup ? 'setup.back' : 'setup.link')}</a>
				<LanguageChoice />
			</footer>
		</main>
	);
}
