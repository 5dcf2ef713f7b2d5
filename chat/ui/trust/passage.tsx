// A passage that was found, as a card that opens its place.
import { useState } from 'preact/hooks';
import { t } from '../base/i18n';
import { excerpt, markWords } from './marks';
import { headingPath } from './where';

interface Props {
	name: string;
	heading?: string;
	page?: number;
	pageLast?: number;
	text: string;
	query: string;
	score?: number;
	open: () => void;
}

function pageText(page: number, last: number | undefined): string {
	return last && last > page ? t('trust.pages', { from: page, to: last }) : t('trust.page', { n: page });
}

export function PassageCard({ name, heading, page, pageLast, text, query, score, open }: Props) {
	const [whole, setWhole] = useState(false);
	const part = excerpt(text, query);
	const cut = part.length < text.length;
	return (
		<article class="passage-card">
			<h3>
				<button type="button" class="link opens" dir="auto" onClick={open}>{name}</button>
				{page ? <span class="muted small">{pageText(page, pageLast)}</span> : null}
				{score !== undefined && <meter class="score" min={0} max={1} value={score} title={t('trust.score')} aria-label={t('trust.score')} />}
			</h3>
			{heading && <p class="heading muted small" dir="auto">{headingPath(heading)}</p>}
			<p class="text" dir="auto">{markWords(whole ? text : part, query).map((p) => (p.marked ? <mark>{p.text}</mark> : p.text))}</p>
			{cut && (
				<button type="button" class="link small" aria-expanded={whole} onClick={() => setWhole(!whole)}>
					{t(whole ? 'trust.less' : 'trust.whole')}
				</button>
			)}
		</article>
	);
}
