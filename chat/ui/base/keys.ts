// Keyboard shortcuts: one list, which the help under "?" shows.
import { signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';

export interface Shortcut { keys: string; label: string; run: (event: KeyboardEvent) => void; whileTyping: boolean; active: boolean }

/** Those of the components that are there; of two with the same keys the later one counts. keys: "mod+k" (Ctrl, or ⌘), "?", "escape". */
export const shortcuts = signal<Shortcut[]>([]);

const isTyping = (target: EventTarget | null) =>
	target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));

function nameOf(event: KeyboardEvent): string {
	const key = event.key.toLowerCase();
	const mods = [event.ctrlKey || event.metaKey ? 'mod' : '', event.altKey ? 'alt' : '', event.shiftKey && event.key.length > 1 ? 'shift' : ''];
	return [...mods.filter(Boolean), key].join('+');
}

addEventListener('keydown', (event) => {
	if (event.defaultPrevented || event.isComposing) {
		return;
	}
	const name = nameOf(event);
	const found = shortcuts.value.findLast((s) => s.active && s.keys === name && (s.whileTyping || !isTyping(event.target)));
	if (found) {
		event.preventDefault();
		found.run(event);
	}
});

interface ShortcutOptions { whileTyping?: boolean; active?: boolean }

/** A shortcut as long as the component is there. */
export function useShortcut(keys: string, label: string, run: (event: KeyboardEvent) => void, { whileTyping = false, active = true }: ShortcutOptions = {}): void {
	const ref = useRef<Shortcut | null>(null);
	const mine = (ref.current ??= { keys, label, run, whileTyping, active });
	Object.assign(mine, { keys, label, run, whileTyping, active });
	useEffect(() => {
		shortcuts.value = [...shortcuts.peek(), mine];
		return () => {
			shortcuts.value = shortcuts.peek().filter((s) => s !== mine);
		};
	}, []);
}

const isMac = /Mac|iPhone|iPad/.test(navigator.platform);
export const keyNames = (keys: string): string[] =>
	keys.split('+').map((k) => (k === 'mod' ? (isMac ? '⌘' : 'Ctrl') : k === 'escape' ? 'Esc' : k.length === 1 ? k.toUpperCase() : k[0]!.toUpperCase() + k.slice(1)));
