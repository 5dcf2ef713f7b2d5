// A passage that was found, as a card that opens its place.
import { useState } from 'preact/hooks';
import { t } from '../base/i18n';
import { excerpt, markWords } from './marks';
import { headingPath } from './where';

interface Props {
	name: string;
	heading?: string;
	/** Where it is, in words. */
	where?: string;
	text: string;
	query: string;
	score?: number;
	/** Other documents that say the same. */
	also?: string[] | undefined;
	open: () => void;
}

export function PassageCard({ name, heading, where, text, query, score, also, open }: Props) {
	const [whole, setWhole] = useState(false);
	const part = excerpt(text, query);
	const cut = part.length < text.length;
	return (
		<article class="passage-card">
			<h3>
				<button type="button" class="link opens" dir="auto" onClick={open}>{name}</button>
				{where && <span class="muted small" dir="auto">{where}</span>}
				{score !== undefined && <meter class="score" min={0} max={1} value={score} title={t('trust.score')} aria-label={t('trust.score')} />}
			</h3>
			{heading && <p class="heading muted small" dir="auto">{headingPath(heading)}</p>}
			<p class="text" dir="auto">{markWords(whole ? text : part, query).map((p) => (p.marked ? <mark>{p.text}</mark> : p.text))}</p>
			{also && also.length > 0 && <p class="muted small" dir="auto">{t('trust.also', { names: also.join(', ') })}</p>}
			{cut && (
				<button type="button" class="link small" aria-expanded={whole} onClick={() => setWhole(!whole)}>
					{t(whole ? 'trust.less' : 'trust.whole')}
				</button>
			)}
		</article>
	);
}
