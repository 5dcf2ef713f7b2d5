// How wide the source panel is: dragged at its edge, or by the arrow keys; remembered by this browser.
import { useEffect, useState } from 'preact/hooks';
import { t } from '../base/i18n';

const KEY = 'carrel.source', LEAST = 320, REST = 420, STEP = 32; // CSS pixels; REST stays for the answer

const widest = () => Math.max(LEAST, innerWidth - REST);

function apply(width: number): number {
	const fit = Math.round(Math.min(widest(), Math.max(LEAST, width)));
	document.documentElement.style.setProperty('--source', `${fit}px`);
	return fit;
}

const panelWidth = () => document.querySelector('.source')?.getBoundingClientRect().width ?? LEAST;

export function Width() {
	const [width, setWidth] = useState(LEAST);
	const change = (to: number) => {
		setWidth(apply(to));
		localStorage.setItem(KEY, String(Math.round(to)));
	};
	useEffect(() => {
		const fit = () => {
			const kept = Number(localStorage.getItem(KEY));
			setWidth(kept ? apply(kept) : Math.round(panelWidth()));
		};
		fit();
		addEventListener('resize', fit);
		return () => removeEventListener('resize', fit);
	}, []);
	const onPointerDown = (down: PointerEvent) => {
		const handle = down.currentTarget as HTMLElement;
		const edge = panelWidth() + down.clientX;
		handle.setPointerCapture(down.pointerId);
		down.preventDefault();
		const move = (e: PointerEvent) => change(edge - e.clientX);
		handle.addEventListener('pointermove', move);
		handle.addEventListener('lostpointercapture', () => handle.removeEventListener('pointermove', move), { once: true });
	};
	const onKeyDown = (e: KeyboardEvent) => {
		const to = { ArrowLeft: width + STEP, ArrowRight: width - STEP, Home: widest(), End: LEAST }[e.key];
		if (to !== undefined) {
			e.preventDefault();
			change(to);
		}
	};
	return (
		<div
			class="source-width" role="separator" aria-orientation="vertical" tabIndex={0} aria-label={t('trust.width')}
			aria-valuenow={width} aria-valuemin={LEAST} aria-valuemax={widest()} onPointerDown={onPointerDown} onKeyDown={onKeyDown}
		/>
	);
}

/** Whether the window is so narrow that the panel covers it (style/frame.css). */
export function useNarrow(): boolean {
	const [query] = useState(() => matchMedia('(max-width: 800px)'));
	const [narrow, setNarrow] = useState(query.matches);
	useEffect(() => {
		const changed = () => setNarrow(query.matches);
		query.addEventListener('change', changed);
		return () => query.removeEventListener('change', changed);
	}, []);
	return narrow;
}
