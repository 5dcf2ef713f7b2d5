// One's own conversations in the sidebar: by day, found by their words, renamed in place, deleted with time to undo.
import { useSignal } from '@preact/signals';
import { useEffect, useRef, useState } from 'preact/hooks';
import { menuOpen } from '../app';
import { sentence } from '../base/api';
import { formatDay, t } from '../base/i18n';
import { Icon } from '../base/icons';
import { go, link, place } from '../base/router';
import { Menu, toastError } from '../base/ui';
import type { Conversation } from '../base/types';
import { deleteSoon, find, leaving, list, loadMore, next, rename } from './conversations';
import { memo } from './memo';

function Rename({ of, onClose }: { of: Conversation; onClose: () => void }) {
	const ref = useRef<HTMLInputElement>(null);
	const left = useRef(false);
	useEffect(() => ref.current!.select(), []);
	const leave = (keep: boolean) => {
		if (left.current) {
			return;
		}
		left.current = true;
		const title = ref.current!.value.trim();
		onClose();
		if (keep && title && title !== of.title) {
			rename(of.id, title).catch(toastError);
		}
	};
	return (
		<form onSubmit={(e) => (e.preventDefault(), leave(true))}>
			<input
				ref={ref}
				aria-label={t('rename')}
				defaultValue={of.title}
				maxLength={200}
				onBlur={() => leave(true)}
				onKeyDown={(e) => e.key === 'Escape' && (e.stopPropagation(), leave(false))}
			/>
		</form>
	);
}

const Entry = memo(({ of, here }: { of: Conversation; here: boolean }) => {
	const [naming, setNaming] = useState(false);
	if (naming) {
		return <li><Rename of={of} onClose={() => setNaming(false)} /></li>;
	}
	const title = of.title || t('chat.untitled');
	return (
		<li>
			<a class="clip" dir="auto" href={link('c', of.id)} title={title.slice(0, 300)} aria-current={here ? 'page' : undefined} onClick={() => (menuOpen.value = false)}>{title.slice(0, 300)}</a>
			<Menu
				label={t('chat.menuOf', { title: title.slice(0, 80) })}
				items={[
					{ label: t('rename'), icon: 'edit', run: () => setNaming(true) },
					{ label: t('delete'), icon: 'trash', danger: true, run: () => (deleteSoon(of), here && go()) },
				]}
			/>
		</li>
	);
});

function More() {
	const ref = useRef<HTMLLIElement>(null);
	const busy = useRef(false);
	useEffect(() => {
		const observer = new IntersectionObserver(([e]) => {
			if (e!.isIntersecting && !busy.current) {
				busy.current = true;
				loadMore().catch(toastError).finally(() => (busy.current = false));
			}
		}, { rootMargin: '400px' });
		observer.observe(ref.current!);
		return () => observer.disconnect();
	}, [next.value]);
	return <li ref={ref} aria-hidden="true" class="history-more" />;
}

/** The conversations found by words; null while nothing is looked for. */
function useFound(q: string) {
	const [found, setFound] = useState<{ q: string; all: Conversation[]; error: string } | null>(null);
	useEffect(() => {
		if (!q) {
			setFound(null);
			return;
		}
		const stop = new AbortController();
		const timer = setTimeout(() => {
			find(q, stop.signal).then((all) => setFound({ q, all, error: '' }), (e) => stop.signal.aborted || setFound({ q, all: [], error: sentence(e) }));
		}, 200);
		return () => (clearTimeout(timer), stop.abort());
	}, [q]);
	return q ? found : null;
}

export function History() {
	const q = useSignal('');
	const found = useFound(q.value.trim());
	const here = place.value.path[0] === 'c' ? place.value.path[1] : undefined;
	useEffect(() => {
		if (list.value === null) {
			loadMore().catch(toastError);
		}
	}, []);
	const shown = (found?.all ?? list.value ?? []).filter((c) => !leaving.value.has(c.id));
	const days: [string, Conversation[]][] = [];
	for (const c of shown) {
		const day = formatDay(c.updatedMs);
		if (days.at(-1)?.[0] !== day) {
			days.push([day, []]);
		}
		days.at(-1)![1].push(c);
	}
	return (
		<section class="history" aria-label={t('chat.history')}>
			<a class="temporary-link" href={link('temporary')} aria-current={place.value.path[0] === 'temporary' ? 'page' : undefined} onClick={() => (menuOpen.value = false)}>
				<Icon name="eyeOff" />
				<span>{t('nav.temporary')}</span>
			</a>
			<input type="search" class="history-find" placeholder={t('chat.find')} aria-label={t('chat.find')} value={q.value} onInput={(e) => (q.value = e.currentTarget.value)} />
			<div class="history-list" tabIndex={-1}>
				{days.map(([day, all]) => (
					<div key={day}>
						<h2>{day}</h2>
						<ul>{all.map((c) => <Entry key={c.id} of={c} here={c.id === here} />)}</ul>
					</div>
				))}
				{found && <p class="muted small" role="status">{found.error || t(found.all.length ? 'chat.foundSome' : 'chat.foundNone', { n: found.all.length })}</p>}
				{!q.value && list.value?.length === 0 && <p class="muted small">{t('chat.noHistory')}</p>}
				{!q.value && next.value !== null && <ul><More /></ul>}
			</div>
		</section>
	);
}
