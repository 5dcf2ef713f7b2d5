// Tokens for programs that act as oneself.
import { useState } from 'preact/hooks';
import { del, get, post } from '../base/api';
import { formatDate, t } from '../base/i18n';
import { Secret } from '../base/secret';
import { Button, Confirm, Dialog, ErrorNote, Field, useAttempt, useLoad } from '../base/ui';

interface Token { id: string; name: string; createdMs: number; expiresMs: number }

const DAYS = [30, 90, 365, 0]; // 0: never ends

function NewToken({ onClose, onMade }: { onClose: () => void; onMade: () => void }) {
	const [name, setName] = useState('');
	const [days, setDays] = useState(90);
	const [secret, setSecret] = useState('');
	const { busy, error, attempt } = useAttempt();
	const make = () => attempt(async () => {
		const made = await post<{ token: string }>('/v1/tokens', { name: name.trim(), ...(days ? { days } : {}) });
		setSecret(made.token);
		onMade();
	});
	if (secret) {
		return (
			<Dialog title={t('token.made')} onClose={onClose}>
				<div class="stack">
					<Secret label={t('token.secret')} text={secret} hint={t('token.once')} />
					<div class="row end"><Button kind="primary" onClick={onClose}>{t('done')}</Button></div>
				</div>
			</Dialog>
		);
	}
	return (
		<Dialog title={t('token.new')} onClose={onClose}>
			<form class="stack" onSubmit={(e) => (e.preventDefault(), make())}>
				<Field label={t('token.name')} hint={t('token.nameHint')}>
					<input autofocus required maxLength={100} autocomplete="off" value={name} onInput={(e) => setName(e.currentTarget.value)} />
				</Field>
				<Field label={t('token.ends')}>
					<select value={days} onChange={(e) => setDays(Number(e.currentTarget.value))}>
						{DAYS.map((n) => <option value={n}>{n ? t('token.days', { n }) : t('token.never')}</option>)}
					</select>
				</Field>
				<ErrorNote text={error} />
				<div class="row end">
					<Button onClick={onClose}>{t('cancel')}</Button>
					<Button type="submit" kind="primary" disabled={busy}>{t('token.make')}</Button>
				</div>
			</form>
		</Dialog>
	);
}

export function TokensCard() {
	const { value, error, reload } = useLoad((signal) => get<{ tokens: Token[] }>('/v1/tokens', { signal }), []);
	const [making, setMaking] = useState(false);
	const [revoking, setRevoking] = useState<Token | null>(null);
	return (
		<section class="card stack">
			<div class="row apart">
				<h2>{t('token.title')}</h2>
				<Button icon="plus" onClick={() => setMaking(true)}>{t('token.new')}</Button>
			</div>
			<p class="muted small">{t('token.text')}</p>
			<ErrorNote text={error} />
			{value && !value.tokens.length && <p class="muted">{t('token.none')}</p>}
			<ul class="rows">
				{value?.tokens.map((token) => (
					<li key={token.id}>
						<div class="grow">
							<div class="clip" title={token.name}>{token.name}</div>
							<small>{t('token.since', { date: formatDate(token.createdMs) })} · {token.expiresMs ? t('token.until', { date: formatDate(token.expiresMs) }) : t('token.noEnd')}</small>
						</div>
						<Button kind="danger" aria-label={t('token.revokeThat', { name: token.name })} onClick={() => setRevoking(token)}>{t('token.revoke')}</Button>
					</li>
				))}
			</ul>
			{making && <NewToken onClose={() => setMaking(false)} onMade={reload} />}
			{revoking && (
				<Confirm title={t('token.revokeThat', { name: revoking.name })} action={t('token.revoke')} onClose={() => setRevoking(null)} run={async () => (await del(`/v1/tokens/${revoking.id}`), reload())}>
					<p>{t('token.revokeText')}</p>
				</Confirm>
			)}
		</section>
	);
}
