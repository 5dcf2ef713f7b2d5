// A field that finds people and groups by name (WAI-ARIA combobox with a list).
import { useEffect, useId, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { get, query } from '../base/api';
import { t } from '../base/i18n';
import { Icon } from '../base/icons';
import type { Principal } from '../base/types';
import { useLoad } from '../base/ui';

export function principalName(p: { kind?: string; name?: string; displayName?: string; principal: string }): string {
	return p.kind === 'workspace' ? t('access.everybody') : p.displayName || p.name || p.principal;
}

export function PeopleField({ isTaken, onPick }: { isTaken: (p: Principal) => boolean; onPick: (p: Principal) => void }) {
	const [text, setText] = useState('');
	const [open, setOpen] = useState(false);
	const [at, setAt] = useState(0);
	const [asked, setAsked] = useState('');
	const id = useId();
	const field = useRef<HTMLInputElement>(null);
	const list = useRef<HTMLUListElement>(null);

	useEffect(() => {
		const timer = setTimeout(() => setAsked(text.trim()), 120);
		return () => clearTimeout(timer);
	}, [text]);
	const { value } = useLoad(async (signal) => (open ? { q: asked, ...await get<{ principals: Principal[] }>(`/v1/principals${query({ q: asked, limit: 20 })}`, { signal }) } : undefined), [asked, open]);
	// Whoever types faster than the server answers chooses among those that fit what is typed.
	const wanted = text.trim();
	const fits = (p: Principal) => value!.q === wanted || `${principalName(p)} ${p.name}`.toLowerCase().includes(wanted.toLowerCase());
	const found = (value?.principals ?? []).filter((p) => !isTaken(p) && fits(p));
	const active = Math.min(at, found.length - 1);

	// In the top layer, so that no dialog's edge cuts it off.
	useLayoutEffect(() => {
		const box = list.current;
		if (!open || !box) {
			return;
		}
		const edge = field.current!.getBoundingClientRect();
		box.style.left = `${edge.left}px`;
		box.style.width = `${edge.width}px`;
		const below = innerHeight - edge.bottom > 220;
		box.style.top = below ? `${edge.bottom + 4}px` : 'auto';
		box.style.bottom = below ? 'auto' : `${innerHeight - edge.top + 4}px`;
		if (!box.matches(':popover-open')) {
			box.showPopover();
		}
	});
	useEffect(() => list.current?.children[active]?.scrollIntoView({ block: 'nearest' }), [active]);

	const pick = (p: Principal | undefined) => {
		if (p) {
			onPick(p);
			setText('');
			setAt(0);
			setOpen(false); // it may lie over what saves
		}
	};
	const onKeyDown = (e: KeyboardEvent) => {
		const n = found.length;
		if (e.key === 'ArrowDown' || e.key === 'ArrowUp') {
			e.preventDefault();
			setAt(open && n ? (active + (e.key === 'ArrowDown' ? 1 : n - 1)) % n : 0);
			setOpen(true);
		} else if (e.key === 'Enter') {
			e.preventDefault();
			if (open) {
				pick(found[active]);
			}
		} else if (e.key === 'Escape' && open) {
			e.preventDefault();
			e.stopPropagation();
			setOpen(false);
		}
	};
	return (
		<div class="people-field">
			<label for={`${id}f`}>{t('acl.add')}</label>
			<input
				ref={field}
				id={`${id}f`}
				role="combobox"
				autocomplete="off"
				spellcheck={false}
				placeholder={t('acl.addHint')}
				aria-expanded={open}
				aria-controls={`${id}l`}
				aria-autocomplete="list"
				aria-activedescendant={open && found[active] ? `${id}o${active}` : undefined}
				value={text}
				onInput={(e) => (setText(e.currentTarget.value), setOpen(true), setAt(0))}
				onClick={() => setOpen(true)}
				onBlur={() => setOpen(false)}
				onKeyDown={onKeyDown}
			/>
			{open && (
				<ul ref={list} id={`${id}l`} class="people-list" popover="manual" role="listbox" aria-label={t('acl.add')} onMouseDown={(e) => e.preventDefault()}>
					{found.map((p, i) => (
						<li key={p.principal} id={`${id}o${i}`} role="option" aria-selected={i === active} onMouseMove={() => setAt(i)} onClick={() => pick(p)}>
							<Icon name={p.kind === 'user' ? 'user' : 'users'} />
							<span class="clip grow">{principalName(p)}</span>
							<small class="clip">{p.kind === 'group' ? t('acl.members', { n: p.members ?? 0 }) : p.kind === 'user' && p.displayName ? p.name : ''}</small>
						</li>
					))}
					{!found.length && value?.q === wanted && <li class="nobody" role="option" aria-disabled="true" aria-selected="false">{t('acl.nobodyFound')}</li>}
				</ul>
			)}
		</div>
	);
}
