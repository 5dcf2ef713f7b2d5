import { render } from 'preact';
import { App } from './app';
import { resume } from './base/session';
import { online } from './base/api';

render(<App />, document.getElementById('app')!);
const start = () => resume().catch(() => {
	const off = online.subscribe((there) => there && (queueMicrotask(() => off()), void start()));
});
void start();
