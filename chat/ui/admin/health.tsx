// Whether everything works, looked at again every few seconds.
import { useEffect } from 'preact/hooks';
import { get, online } from '../base/api';
import { formatClock, formatNumber, t } from '../base/i18n';
import { Icon } from '../base/icons';
import { me } from '../base/session';
import { ErrorNote, useLoad } from '../base/ui';

interface Answer { status: 'ok' | 'degraded'; degraded?: string[]; sandbox?: string; http?: Record<string, number>; jobs?: Record<string, number> }

const POLL_MS = 3000;

function Counts({ title, prefix, values }: { title: string; prefix: string; values: Record<string, number> }) {
	return (
		<section class="card stack">
			<h2>{title}</h2>
			<dl class="facts numbers">
				{Object.entries(values).map(([key, n]) => <><dt>{t(`${prefix}.${key}`)}</dt><dd>{formatNumber(n)}</dd></>)}
			</dl>
		</section>
	);
}

export function Health() {
	const { value, error, reload } = useLoad(async (signal) => ({ ...(await get<Answer>('/healthz', { signal })), at: Date.now() }), []);
	useEffect(() => {
		const timer = setInterval(() => document.visibilityState === 'visible' && reload(), POLL_MS);
		return () => clearInterval(timer);
	}, []);
	const state = !online.value || error ? 'away' : value?.status;
	const server = me.value!.server;
	return (
		<section class="stack">
			<ErrorNote text={online.value ? error : ''} />
			{state && (
				<div class={`card health ${state}`}>
					<Icon name={state === 'ok' ? 'check' : 'warning'} size={28} />
					<div class="grow">
						<h2>{t(`health.${state}`)}</h2>
						<p class="muted" role="status">{t(`health.${state}Text`)}</p>
					</div>
					{value && <small>{t('health.at', { time: formatClock(value.at) })}</small>}
				</div>
			)}
			<section class="card stack">
				<h2>{t('health.parts')}</h2>
				<dl class="facts">
					<dt>{t('health.version')}</dt><dd>{server?.version ?? '–'}</dd>
					<dt>{t('health.model')}</dt><dd>{server ? server.model ?? t('health.noModel') : '–'}</dd>
					<dt>{t('health.embedder')}</dt><dd>{server?.embedder ?? '–'}</dd>
					<dt>{t('health.sandbox')}</dt><dd>{value && (value.degraded?.includes('ingestion') ? <span class="tag bad">{value.sandbox ?? t('health.sandboxOff')}</span> : <span class="tag good">{t('health.sandboxOn')}</span>)}</dd>
				</dl>
			</section>
			<div class="cards">
				{value?.jobs && <Counts title={t('admin.jobs')} prefix="job" values={value.jobs} />}
				{value?.http && <Counts title={t('health.http')} prefix="http" values={value.http} />}
			</div>
		</section>
	);
}
