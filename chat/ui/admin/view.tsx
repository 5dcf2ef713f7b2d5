// Administration: one tab each for people, documents' homes, work, cost and the machine.
import type { ComponentType } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { t } from '../base/i18n';
import type { IconName } from '../base/icons';
import { Icon } from '../base/icons';
import { later } from '../base/later';
import { link, place } from '../base/router';
import { isAdmin, isOperator } from '../base/session';
import { Empty } from '../base/ui';

interface Tab { icon: IconName; View: ComponentType; operator?: boolean }

const tabs: Record<string, Tab> = {
	users: { icon: 'user', View: later(async () => (await import('./users')).Users) },
	groups: { icon: 'users', View: later(async () => (await import('./groups')).Groups) },
	collections: { icon: 'folder', View: later(async () => (await import('./collections')).Collections) },
	jobs: { icon: 'refresh', View: later(async () => (await import('./jobs')).Jobs) },
	usage: { icon: 'chart', View: later(async () => (await import('./usage')).Usage) },
	settings: { icon: 'settings', View: later(async () => (await import('./settings')).Settings), operator: true },
	health: { icon: 'heart', View: later(async () => (await import('./health')).Health) },
	audit: { icon: 'info', View: later(async () => (await import('./audit')).Audit) },
};

export function AdminView() {
	const name = place.value.path[1] ?? 'users';
	const allowed = Object.entries(tabs).filter(([, tab]) => !tab.operator || isOperator());
	const nav = useRef<HTMLElement>(null);
	useEffect(() => nav.current?.querySelector('[aria-current]')?.scrollIntoView({ inline: 'center', block: 'nearest' }), [name]);
	const tab = isAdmin() ? allowed.find(([key]) => key === name)?.[1] : undefined;
	if (!tab) {
		return (
			<div class="view">
				<Empty title={t('notFound.title')}><p>{t('notFound.text')}</p></Empty>
			</div>
		);
	}
	return (
		<div class="view admin">
			<div class="column">
				<h1>{t(`admin.${name}`)}</h1>
				<nav ref={nav} class="tabs" aria-label={t('nav.admin')}>
					{allowed.map(([key, { icon }]) => (
						<a key={key} href={link('admin', key)} aria-current={key === name ? 'page' : undefined}>
							<Icon name={icon} size={18} />
							{t(`admin.${key}`)}
						</a>
					))}
				</nav>
				<tab.View key={name} />
			</div>
		</div>
	);
}
