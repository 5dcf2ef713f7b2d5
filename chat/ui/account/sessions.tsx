// Where one is signed in.
import { useState } from 'preact/hooks';
import { del, get } from '../base/api';
import { formatTime, t } from '../base/i18n';
import { signOut } from '../base/session';
import { Button, Confirm, ErrorNote, toastError, useLoad } from '../base/ui';

interface Session { id: string; createdMs: number; usedMs: number; expiresMs: number; current: boolean }

export function SessionsCard() {
	const { value, error, reload } = useLoad((signal) => get<{ sessions: Session[] }>('/v1/sessions', { signal }), []);
	const [asking, setAsking] = useState(false);
	const end = (id: string) => del(`/v1/sessions/${id}`).then(reload, toastError);
	const sessions = [...(value?.sessions ?? [])].sort((a, b) => Number(b.current) - Number(a.current) || b.usedMs - a.usedMs);
	return (
		<section class="card stack">
			<h2>{t('account.sessions')}</h2>
			<ErrorNote text={error} />
			<ul class="rows" aria-busy={!value && !error}>
				{sessions.map((s) => (
					<li key={s.id}>
						<div class="grow">
							<div>{t('account.sessionSince', { time: formatTime(s.createdMs) })} {s.current && <span class="tag good">{t('account.sessionThis')}</span>}</div>
							<small>{t('account.sessionUsed', { time: formatTime(s.usedMs) })}</small>
						</div>
						<Button onClick={() => (s.current ? signOut().catch(toastError) : end(s.id))} aria-label={s.current ? t('account.signOutHere') : t('account.signOutThat', { time: formatTime(s.createdMs) })}>
							{t(s.current ? 'account.signOutHere' : 'nav.signOut')}
						</Button>
					</li>
				))}
			</ul>
			<div class="row end"><Button kind="danger" onClick={() => setAsking(true)}>{t('account.signOutEverywhere')}</Button></div>
			{asking && (
				<Confirm title={t('account.signOutEverywhere')} action={t('account.signOutEverywhere')} onClose={() => setAsking(false)} run={() => signOut(true)}>
					<p>{t('account.everywhereText')}</p>
				</Confirm>
			)}
		</section>
	);
}
