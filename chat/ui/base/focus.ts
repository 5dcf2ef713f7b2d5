// Where the keyboard is after the view has changed, and what the window is called.
import { effect, signal } from '@preact/signals';
import { place } from './router';

/** What a view is about, for the window's title; the frame names the view itself. */
export const subtitle = signal('');
effect(() => {
	place.value.path.join('/');
	subtitle.value = '';
});

let asked = false;

/** The next view to show itself takes the focus to its heading, unless it takes it elsewhere. */
export function askForFocus(): void {
	asked = true;
	requestAnimationFrame(() => focusHeading());
}

export function focusHeading(): void {
	const heading = document.querySelector<HTMLElement>('#main h1');
	const main = document.getElementById('main');
	const elsewhere = document.activeElement && document.activeElement !== document.body && document.activeElement !== main && !document.activeElement.closest('.sidebar, .menu-button');
	if (!asked || !main || (elsewhere && document.activeElement !== heading)) {
		return;
	}
	if (heading) {
		asked = false;
		heading.tabIndex = -1;
		heading.focus({ preventScroll: true });
	} else {
		main.focus({ preventScroll: true });
	}
}
