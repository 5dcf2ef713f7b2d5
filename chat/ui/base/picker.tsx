// Chosen ones as chips, and a combobox (WAI-ARIA, list autocomplete) to add more.
import { useId, useRef, useState } from 'preact/hooks';
import { t } from './i18n';
import { Icon } from './icons';

export interface Pick { id: string; name: string; detail?: string }

const SHOWN = 8;
const has = (pick: Pick, text: string) => `${pick.name} ${pick.detail ?? ''}`.toLowerCase().includes(text.trim().toLowerCase());

interface Props { label: string; all: Pick[]; chosen: string[]; disabled?: boolean; empty: string; onAdd: (id: string) => void; onRemove: (id: string) => void }

export function Picker({ label, all, chosen, disabled, empty, onAdd, onRemove }: Props) {
	const [text, setText] = useState('');
	const [open, setOpen] = useState(false);
	const [at, setAt] = useState(0);
	const input = useRef<HTMLInputElement>(null);
	const id = useId();
	const found = all.filter((pick) => !chosen.includes(pick.id) && has(pick, text)).slice(0, SHOWN);
	const here = Math.min(at, found.length - 1);
	const add = (pick: Pick) => {
		onAdd(pick.id);
		setText('');
		setAt(0);
		setOpen(false);
		input.current!.focus();
	};
	const onKeyDown = (e: KeyboardEvent) => {
		if (e.key === 'ArrowDown' || e.key === 'ArrowUp') {
			e.preventDefault();
			setOpen(true);
			setAt(found.length ? (here + (e.key === 'ArrowDown' ? (open ? 1 : 0) : found.length - 1)) % found.length : 0);
		} else if (e.key === 'Enter' && open && found[here]) {
			e.preventDefault();
			add(found[here]!);
		} else if (e.key === 'Escape' && open) {
			e.preventDefault();
			e.stopPropagation();
			setOpen(false);
		}
	};
	return (
		<div class="field picker">
			<label for={id}><span>{label}</span></label>
			<ul class="chips">
				{chosen.map((one) => {
					const pick = all.find((p) => p.id === one) ?? { id: one, name: one };
					return (
						<li key={one} class="tag">
							<span class="clip">{pick.name}</span>
							<button type="button" disabled={disabled} aria-label={t('picker.remove', { name: pick.name })} onClick={() => (onRemove(one), input.current!.focus())}>
								<Icon name="close" size={14} />
							</button>
						</li>
					);
				})}
			</ul>
			<div class="picker-box">
				<input
					ref={input}
					id={id}
					role="combobox"
					autocomplete="off"
					aria-expanded={open && found.length > 0}
					aria-controls={`${id}-list`}
					aria-autocomplete="list"
					aria-activedescendant={open && found[here] ? `${id}-${here}` : undefined}
					placeholder={t('picker.add')}
					disabled={disabled}
					value={text}
					onClick={() => setOpen(true)}
					onBlur={() => setOpen(false)}
					onInput={(e) => (setText(e.currentTarget.value), setOpen(true), setAt(0))}
					onKeyDown={onKeyDown}
				/>
				<ul id={`${id}-list`} role="listbox" aria-label={label} hidden={!open || !found.length}>
					{found.map((pick, i) => (
						<li key={pick.id} id={`${id}-${i}`} role="option" aria-selected={i === here} onMouseDown={(e) => (e.preventDefault(), add(pick))}>
							<span class="clip">{pick.name}</span>
							{pick.detail && <small class="clip">{pick.detail}</small>}
						</li>
					))}
				</ul>
				{open && text && !found.length && <small role="status">{empty}</small>}
			</div>
		</div>
	);
}
