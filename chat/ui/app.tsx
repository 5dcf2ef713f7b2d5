// The page's frame: navigation at the side, one view in the middle, the source at the other side.
import { signal } from '@preact/signals';
import type { ComponentType } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { SignIn } from './account/sign-in';
import { ChatView } from './chat/view';
import { History } from './chat/history';
import { online } from './base/api';
import { askForFocus, subtitle } from './base/focus';
import { t } from './base/i18n';
import { Icon, type IconName } from './base/icons';
import { keyNames, shortcuts, useShortcut } from './base/keys';
import { later } from './base/later';
import { go, link, place } from './base/router';
import { isAdmin, me, session, signOut } from './base/session';
import { source } from './base/source';
import { Dialog, Empty, IconButton, Menu, Toasts, toastError } from './base/ui';
import { offered, uploads } from './library/upload';
import { CiteCard } from './trust/citations';
import { SourcePanel } from './trust/panel';

export const menuOpen = signal(false); // on narrow screens
const helpOpen = signal(false);

const views: Record<string, ComponentType> = {
	search: later(async () => (await import('./trust/search')).SearchView),
	library: later(async () => (await import('./library/view')).LibraryView),
	document: later(async () => (await import('./library/document')).DocumentView),
	admin: later(async () => (await import('./admin/view')).AdminView),
	account: later(async () => (await import('./account/view')).AccountView),
};
const Uploads = later(async () => (await import('./library/uploads')).Uploads, null);
const isChat = (name: string) => name === '' || name === 'c' || name === 'temporary';

const titles: Record<string, string> = { search: 'nav.search', library: 'nav.library', document: 'nav.library', admin: 'nav.admin', account: 'nav.account', temporary: 'nav.temporary' };

/** After a change of view the window has another name, and the keyboard goes on in the new view. */
function useArrival(): void {
	const [name = '', part] = place.value.path;
	const view = isChat(name) ? 'chat' : name === 'admin' ? `admin/${part}` : name;
	const first = useRef(true);
	const title = titles[name] ? t(titles[name]!) : '';
	useEffect(() => {
		document.title = [subtitle.value || title, 'Carrel'].filter(Boolean).join(' · ');
	}, [subtitle.value, title]);
	useEffect(() => {
		if (!first.current) {
			askForFocus();
		}
		first.current = false;
	}, [view]);
}

function View() {
	const name = place.value.path[0] ?? '';
	const Other = views[name];
	useArrival();
	if (isChat(name)) {
		return <ChatView />;
	}
	if (Other) {
		return <Other key={name} />;
	}
	return (
		<div class="view">
			<Empty title={t('notFound.title')}>
				<p>{t('notFound.text')}</p>
			</Empty>
		</div>
	);
}

function NavLink({ icon, label, path }: { icon: IconName; label: string; path: string[] }) {
	const here = (place.value.path[0] ?? '') === (path[0] ?? '');
	return (
		<a href={link(...path)} aria-current={here ? 'page' : undefined} onClick={() => (menuOpen.value = false)}>
			<Icon name={icon} />
			<span>{label}</span>
		</a>
	);
}

/** On narrow screens the sidebar lies over the view: it holds the keyboard until Escape or a choice. */
function useDrawer() {
	const ref = useRef<HTMLElement>(null);
	const open = menuOpen.value;
	useEffect(() => {
		if (!open) {
			return;
		}
		const stops = () => [...ref.current!.querySelectorAll<HTMLElement>('a[href], button:not(:disabled), input:not(:disabled)')].filter((e) => e.offsetParent && e.tabIndex >= 0);
		const onKeyDown = (e: KeyboardEvent) => {
			const all = stops(), edge = e.shiftKey ? all[0] : all.at(-1);
			if (e.key === 'Escape' && !e.defaultPrevented) {
				menuOpen.value = false;
			} else if (e.key === 'Tab' && document.activeElement === edge) {
				e.preventDefault();
				(e.shiftKey ? all.at(-1) : all[0])?.focus();
			}
		};
		stops()[0]?.focus();
		const narrow = matchMedia('(max-width: 800px)');
		const onWiden = () => (menuOpen.value = false);
		addEventListener('keydown', onKeyDown);
		narrow.addEventListener('change', onWiden);
		return () => {
			removeEventListener('keydown', onKeyDown);
			narrow.removeEventListener('change', onWiden);
			document.querySelector<HTMLElement>('.menu-button')?.focus(); // what had it cannot be asked: behind the drawer all is inert
		};
	}, [open]);
	return ref;
}

function Sidebar() {
	const ref = useDrawer();
	return (
		<nav ref={ref} class={menuOpen.value ? 'sidebar open' : 'sidebar'} aria-label={t('nav.main')}>
			<div class="sidebar-head">
				<a class="brand" href="#/">
					<img src={document.querySelector<HTMLLinkElement>('link[rel=icon]')!.href} alt="" width="24" height="24" />
					Carrel
				</a>
				<IconButton class="only-narrow" icon="close" label={t('nav.close')} onClick={() => (menuOpen.value = false)} />
			</div>
			<div class="nav-links">
				<NavLink icon="plus" label={t('nav.new')} path={[]} />
				<NavLink icon="search" label={t('nav.search')} path={['search']} />
				<NavLink icon="library" label={t('nav.library')} path={['library']} />
				{isAdmin() && <NavLink icon="settings" label={t('nav.admin')} path={['admin']} />}
			</div>
			<History />
			<div class="sidebar-foot">
				<Menu
					label={t('nav.account')}
					class="up"
					items={[
						{ label: t('nav.account'), icon: 'user', run: () => (go('account'), (menuOpen.value = false)) },
						{ label: t('nav.shortcuts'), icon: 'keyboard', run: () => (helpOpen.value = true) },
						{ label: t('nav.signOut'), icon: 'logout', run: () => void signOut().catch(toastError) },
					]}
				>
					<Icon name="user" />
					<span class="clip">{me.value?.displayName || me.value?.name}</span>
				</Menu>
			</div>
		</nav>
	);
}

function Help() {
	const rows = shortcuts.value.filter((s, i, all) => s.label && all.findIndex((x) => x.keys === s.keys) === i);
	return (
		<Dialog title={t('nav.shortcuts')} onClose={() => (helpOpen.value = false)}>
			<dl class="keys">
				{rows.map((s) => (
					<div>
						<dt>{keyNames(s.keys).map((k) => <kbd>{k}</kbd>)}</dt>
						<dd>{s.label}</dd>
					</div>
				))}
			</dl>
		</Dialog>
	);
}

function Desk() {
	useShortcut('?', t('nav.shortcuts'), () => (helpOpen.value = true));
	useShortcut('n', t('nav.new'), () => go());
	useShortcut('d', t('nav.library'), () => go('library'));
	useShortcut('s', t('nav.search'), () => go('search'));
	return (
		<div class={source.value ? 'desk with-source' : 'desk'}>
			<a class="skip" href="#main" onClick={(e) => (e.preventDefault(), document.getElementById('main')!.focus())}>{t('skip')}</a>
			<Sidebar />
			{menuOpen.value && <div class="scrim" onClick={() => (menuOpen.value = false)} />}
			<main id="main" tabIndex={-1} inert={menuOpen.value}>
				<IconButton class="menu-button only-narrow" icon="menu" label={t('nav.open')} aria-expanded={menuOpen.value} onClick={() => (menuOpen.value = true)} />
				<View />
			</main>
			{source.value && <SourcePanel />}
			{(offered.value || uploads().length > 0) && <Uploads />}
			<CiteCard />
			{helpOpen.value && <Help />}
		</div>
	);
}

export function App() {
	const state = session.value;
	return (
		<>
			<div role="status">{!online.value && <p class="banner">{t('offline')}</p>}</div>
			{state === 'out' && <SignIn />}
			{(state === 'in' || state === 'ended') && <Desk />}
			{state === 'ended' && <SignIn again />}
			<Toasts />
		</>
	);
}
