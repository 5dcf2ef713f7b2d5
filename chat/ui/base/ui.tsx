// The few controls that every part of the page is made of.
import { signal } from '@preact/signals';
import type { ButtonHTMLAttributes, ComponentChildren } from 'preact';
import { useEffect, useId, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { sentence } from './api';
import { t } from './i18n';
import { Icon, type IconName } from './icons';

type ButtonProps = Omit<ButtonHTMLAttributes<HTMLButtonElement>, 'icon'> & { icon?: IconName; kind?: 'plain' | 'primary' | 'danger' | 'quiet' };

export function Button({ icon, kind = 'plain', children, class: more, ...rest }: ButtonProps) {
	return (
		<button type="button" class={`button ${kind} ${more ?? ''}`} {...rest}>
			{icon && <Icon name={icon} />}
			{children}
		</button>
	);
}

/** A button of one icon; its label is read out and shown as a tooltip. */
export function IconButton({ icon, label, class: more, ...rest }: Omit<ButtonHTMLAttributes<HTMLButtonElement>, 'icon' | 'label'> & { icon: IconName; label: string }) {
	return (
		<button type="button" class={`icon-button ${more ?? ''}`} aria-label={label} title={label} {...rest}>
			<Icon name={icon} />
		</button>
	);
}

/** A modal dialog: traps the focus, closes with Escape and by a click beside it, gives the focus back. */
export function Dialog({ title, onClose, children, wide }: { title: string; onClose: () => void; children: ComponentChildren; wide?: boolean }) {
	const ref = useRef<HTMLDialogElement>(null);
	const id = useId();
	useLayoutEffect(() => {
		const dialog = ref.current!;
		const before = document.activeElement as HTMLElement | null;
		dialog.showModal();
		return () => {
			dialog.close();
			before?.focus?.();
		};
	}, []);
	return (
		<dialog
			ref={ref}
			class={wide ? 'dialog wide' : 'dialog'}
			aria-labelledby={id}
			onCancel={(e) => (e.preventDefault(), onClose())}
			onMouseDown={(e) => e.target === ref.current && onClose()}
		>
			<div class="dialog-body">
				<header>
					<h2 id={id}>{title}</h2>
					<IconButton icon="close" label={t('close')} onClick={onClose} />
				</header>
				{children}
			</div>
		</dialog>
	);
}

/** Asks before something that cannot be undone; `run` may fail, which is told in place. */
export function Confirm({ title, children, action, onClose, run }: { title: string; children: ComponentChildren; action: string; onClose: () => void; run: () => Promise<unknown> }) {
	const { busy, error, attempt } = useAttempt();
	return (
		<Dialog title={title} onClose={onClose}>
			<div class="stack">
				{children}
				<ErrorNote text={error} />
				<div class="row end">
					<Button onClick={onClose}>{t('cancel')}</Button>
					<Button kind="danger" disabled={busy} onClick={() => attempt(async () => (await run(), onClose()))}>
						{action}
					</Button>
				</div>
			</div>
		</Dialog>
	);
}

export interface MenuItem { label: string; icon?: IconName; danger?: boolean; disabled?: boolean; run: () => void }

/** A button that opens a menu (WAI-ARIA menu button: arrows, Home, End, Escape). */
export function Menu({ label, icon = 'more', items, children, class: more }: { label: string; icon?: IconName; items: MenuItem[]; children?: ComponentChildren; class?: string }) {
	const [open, setOpen] = useState(false);
	const ref = useRef<HTMLDivElement>(null);
	const move = (to: (i: number, n: number) => number) => {
		const all = [...ref.current!.querySelectorAll<HTMLElement>('[role=menuitem]')];
		const i = all.indexOf(document.activeElement as HTMLElement);
		all[(to(i, all.length) + all.length) % all.length]?.focus();
	};
	useLayoutEffect(() => {
		if (!open) {
			return;
		}
		move(() => 0);
		const away = (e: Event) => !ref.current?.contains(e.target as Node) && setOpen(false);
		addEventListener('pointerdown', away);
		addEventListener('focusin', away);
		return () => (removeEventListener('pointerdown', away), removeEventListener('focusin', away));
	}, [open]);
	const onKeyDown = (e: KeyboardEvent) => {
		if (!open) {
			return;
		}
		const steps: Record<string, (i: number, n: number) => number> = { ArrowDown: (i) => i + 1, ArrowUp: (i) => i - 1, Home: () => 0, End: (_, n) => n - 1 };
		if (steps[e.key]) {
			e.preventDefault();
			move(steps[e.key]!);
		} else if (e.key === 'Escape') {
			e.preventDefault();
			e.stopPropagation();
			setOpen(false);
			ref.current!.querySelector('button')!.focus();
		}
	};
	return (
		<div class={`menu ${more ?? ''}`} ref={ref} onKeyDown={onKeyDown}>
			<button type="button" class={children ? 'button quiet' : 'icon-button'} aria-haspopup="menu" aria-expanded={open} aria-label={children ? undefined : label} title={label} onClick={() => setOpen(!open)}>
				{children ?? <Icon name={icon} />}
			</button>
			{open && (
				<div class="menu-items" role="menu" aria-label={label}>
					{items.map((item) => (
						<button type="button" role="menuitem" tabIndex={-1} class={item.danger ? 'danger' : ''} disabled={item.disabled} onClick={() => (setOpen(false), item.run())}>
							{item.icon && <Icon name={item.icon} />}
							{item.label}
						</button>
					))}
				</div>
			)}
		</div>
	);
}

export function Field({ label, hint, children }: { label: string; hint?: ComponentChildren; children: ComponentChildren }) {
	return (
		<label class="field">
			<span>{label}</span>
			{children}
			{hint && <small>{hint}</small>}
		</label>
	);
}

/** What went wrong, read out at once; nothing when there is nothing. */
export function ErrorNote({ text }: { text: string }) {
	return <div role="alert">{text && <p class="error-note">{text}</p>}</div>;
}

export function Empty({ icon, title, children }: { icon?: IconName; title: string; children?: ComponentChildren }) {
	return (
		<div class="empty">
			{icon && <Icon name={icon} size={32} />}
			<h2>{title}</h2>
			{children}
		</div>
	);
}

/** value of max; without max: it goes on, nobody knows how far. */
export function Progress({ value, max, label }: { value?: number; max?: number; label: string }) {
	return <progress class="progress" aria-label={label} {...(max ? { value, max } : {})} />;
}

/** Runs something that may fail: { busy, error, attempt }. */
export function useAttempt() {
	const [busy, setBusy] = useState(false);
	const [error, setError] = useState('');
	const attempt = async (work: () => Promise<unknown>) => {
		setBusy(true);
		setError('');
		try {
			await work();
		} catch (e) {
			setError(sentence(e));
		} finally {
			setBusy(false);
		}
	};
	return { busy, error, attempt, setError };
}

/** Loads when the dependencies change: { value, error, reload }; what was loaded stays until the next is there. */
export function useLoad<T>(load: (signal: AbortSignal) => Promise<T>, deps: unknown[]) {
	const [state, setState] = useState<{ value?: T; error: string }>({ error: '' });
	const [round, setRound] = useState(0);
	useEffect(() => {
		const stop = new AbortController();
		load(stop.signal).then(
			(value) => !stop.signal.aborted && setState({ value, error: '' }),
			(e) => !stop.signal.aborted && setState((s) => ({ ...s, error: sentence(e) })),
		);
		return () => stop.abort();
	}, [...deps, round]);
	return { ...state, reload: () => setRound((n) => n + 1), set: (value: T) => setState({ value, error: '' }) };
}

// ── messages that come and go ──

interface Toast { n: number; text: string; action?: { label: string; run: () => void }; bad?: boolean }
const toasts = signal<Toast[]>([]);
let nextToast = 1;

/** Says something at the lower edge for some seconds; gives back how to take it away at once. */
export function toast(text: string, { action, bad, ms = 6000 }: { action?: { label: string; run: () => void }; bad?: boolean; ms?: number } = {}): () => void {
	const n = nextToast++;
	const gone = () => (toasts.value = toasts.value.filter((x) => x.n !== n));
	toasts.value = [...toasts.value.slice(-3), { n, text, bad, action: action && { label: action.label, run: () => (gone(), action.run()) } }];
	setTimeout(gone, ms);
	return gone;
}

export const toastError = (error: unknown): void => {
	const text = sentence(error);
	if (text) {
		toast(text, { bad: true });
	}
};

export function Toasts() {
	return (
		<div class="toasts" role="status">
			{toasts.value.map((x) => (
				<div key={x.n} class={x.bad ? 'toast bad' : 'toast'}>
					<span>{x.text}</span>
					{x.action && <Button kind="quiet" onClick={x.action.run}>{x.action.label}</Button>}
				</div>
			))}
		</div>
	);
}
