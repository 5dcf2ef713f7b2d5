// Reads an answer out as it is written: by sentences, politely, and not faster than once in two seconds.
import { useEffect, useState } from 'preact/hooks';
import { t } from '../base/i18n';
import type { Live } from './live';
import { withoutMarkers } from './markers';

const EVERY_MS = 2000;
const plain = (markdown: string) => withoutMarkers(markdown).replace(/[*_`#>|~]+/g, ' ').replace(/\s+/g, ' ').trim();

export function Announcer({ live }: { live: Live | null }) {
	const [said, setSaid] = useState('');
	useEffect(() => {
		if (!live) {
			const timer = setTimeout(() => setSaid(''), 10000); // the answer itself is there to be read
			return () => clearTimeout(timer);
		}
		let from = 0, timer = 0;
		const say = (text: string) => {
			const words = plain(text);
			words && setSaid(words);
		};
		const look = () => {
			timer = 0;
			const fresh = live.text.slice(from);
			const end = live.ended ? fresh.length : Math.max(...['. ', '! ', '? ', '。', '！', '？', '\n'].map((x) => fresh.lastIndexOf(x) + x.length * Number(fresh.includes(x))));
			if (end > 0) {
				from += end;
				say(fresh.slice(0, end));
			}
		};
		setSaid(t('chat.searching'));
		const off = live.frame.subscribe(() => {
			if (live.ended) {
				clearTimeout(timer);
				look();
			} else if (!timer) {
				timer = window.setTimeout(look, EVERY_MS);
			}
		});
		return () => {
			off();
			clearTimeout(timer);
			say(live.text.slice(from));
		};
	}, [live]);
	return <div class="read-only-aloud" role="log" aria-live="polite" aria-atomic="true">{said}</div>;
}
