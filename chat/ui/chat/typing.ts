// Fields that one writes questions in.
import { useLayoutEffect, useRef } from 'preact/hooks';

/** Enter that sends: not the one that ends a composition of an input method, nor the one for a new line. */
export const isEnter = (e: KeyboardEvent): boolean =>
	e.key === 'Enter' && !e.shiftKey && !e.altKey && !e.ctrlKey && !e.metaKey && !e.isComposing && e.keyCode !== 229;

/** A textarea that is as high as its text. */
export function useGrowing(text: string) {
	const ref = useRef<HTMLTextAreaElement>(null);
	useLayoutEffect(() => {
		const field = ref.current!;
		field.style.height = 'auto';
		field.style.height = `${field.scrollHeight + field.offsetHeight - field.clientHeight}px`;
	}, [text]);
	return ref;
}
