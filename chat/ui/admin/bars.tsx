// A stacked bar chart in SVG: a bar a day, a band a series. What it shows is a table too, under the chart.
import { useState } from 'preact/hooks';
import { formatNumber, locale, t } from '../base/i18n';

export interface Series { name: string; values: number[] }

const HEIGHT = 200;
const SLOT = 100; // units of one day; the drawing stretches to the width there is

/** The next of 2, 4, 6, 10, 20, … that is not below n: its half is a whole number too. */
function niceTop(n: number): number {
	const power = 10 ** Math.floor(Math.log10(Math.max(n, 2)));
	return [1, 2, 4, 6, 10].map((k) => k * power).find((top) => top >= Math.max(n, 2))!;
}

const dayName = (day: string, style: Intl.DateTimeFormatOptions = { day: 'numeric', month: 'short' }) =>
	new Intl.DateTimeFormat(locale(), { ...style, timeZone: 'UTC' }).format(Date.parse(day));

function DayTable({ days, series }: { days: string[]; series: Series[] }) {
	return (
		<table class="list numbers">
			<thead><tr><th scope="col">{t('usage.day')}</th>{series.map((s) => <th scope="col"><span class="clip">{s.name}</span></th>)}</tr></thead>
			<tbody>
				{days.map((day, i) => series.some((s) => s.values[i]) && (
					<tr key={day}><th scope="row">{dayName(day)}</th>{series.map((s) => <td>{formatNumber(s.values[i]!)}</td>)}</tr>
				))}
			</tbody>
		</table>
	);
}

export function Bars({ days, series, label }: { days: string[]; series: Series[]; label: string }) {
	const [at, setAt] = useState<number | null>(null);
	const [asTable, setAsTable] = useState(false);
	const totals = days.map((_, i) => series.reduce((sum, s) => sum + s.values[i]!, 0));
	const top = niceTop(Math.max(...totals));
	const every = Math.ceil(days.length / 6);
	const band = (i: number) => {
		let y = HEIGHT;
		return series.map((s, k) => {
			const height = (s.values[i]! / top) * HEIGHT;
			y -= height;
			return height > 0 && <rect class={`band band-${k}`} x={i * SLOT + SLOT * 0.15} y={y} width={SLOT * 0.7} height={height} />;
		});
	};
	return (
		<figure class="bars">
			<figcaption class="row apart">
				<span>{label}</span>
				<button type="button" class="link" aria-pressed={asTable} onClick={() => setAsTable(!asTable)}>{t(asTable ? 'usage.asChart' : 'usage.asTable')}</button>
			</figcaption>
			{asTable ? <DayTable days={days} series={series} /> : (
				<div class="bars-plot" onMouseLeave={() => setAt(null)}>
					<div class="bars-axis" aria-hidden="true"><span>{formatNumber(top)}</span><span>{formatNumber(top / 2)}</span><span>0</span></div>
					<svg role="img" aria-label={`${label}: ${t('usage.sum', { n: totals.reduce((a, b) => a + b, 0) })}`} viewBox={`0 0 ${days.length * SLOT} ${HEIGHT}`} preserveAspectRatio="none">
						<path class="grid" d={`M0 .5H${days.length * SLOT}M0 ${HEIGHT / 2}H${days.length * SLOT}M0 ${HEIGHT - 0.5}H${days.length * SLOT}`} vector-effect="non-scaling-stroke" />
						{days.map((day, i) => (
							<g key={day} class={at === i ? 'here' : ''} onMouseEnter={() => setAt(i)}>
								<rect class="slot" x={i * SLOT} y="0" width={SLOT} height={HEIGHT} />
								{band(i)}
							</g>
						))}
					</svg>
					<div class="bars-days" aria-hidden="true">{days.map((day, i) => i % every === 0 && <span key={day} style={{ left: `${((i + 0.5) / days.length) * 100}%` }}>{dayName(day)}</span>)}</div>
				</div>
			)}
			{!asTable && (
				<ul class="legend">
					{series.map((s, k) => (
						<li key={s.name}><span class={`swatch band-${k}`} /> <span class="clip">{s.name}</span> <b>{formatNumber(at === null ? s.values.reduce((a, b) => a + b, 0) : s.values[at]!)}</b></li>
					))}
					<li class="muted">{at === null ? t('usage.allDays') : dayName(days[at]!, { dateStyle: 'medium' })}</li>
				</ul>
			)}
		</figure>
	);
}
