// What the tests of citations, source panel and search share: documents whose places are known, and looking at pixels.
import assert from 'node:assert/strict';
import { until } from '../flow/carrel.mjs';
import { makePdf } from '../fault/house.mjs';

const FILL = ['The otter swims in cold water and eats fish', 'Meters are read every hour by the night shift', 'Old forms are kept in the cellar of the annex', 'Bicycles stand in the yard behind the kitchen', 'The gate closes at eight and opens at six'];
const filler = (page) => Array.from({ length: 40 }, (_, i) => `${FILL[(page * 7 + i) % FILL.length]}, line ${page}-${i}.`);

/** Twelve pages; what is asked for stands on page 7, in the middle of the page. */
export const ALLOWANCE = 'The lodging allowance in Ghent is 142 euros a night';
export const handbookPdf = () => makePdf(Array.from({ length: 12 }, (_, n) => {
	const lines = filler(n + 1);
	if (n === 6) {
		lines.splice(20, 3, 'Lodging allowance for travel', `${ALLOWANCE}.`, 'It is paid with the next salary.');
	}
	return lines;
}));

export const PASSAGE_ZH = '零点检查必须在满管静水中进行。关闭上下游阀门😀，等待五分钟，然后在菜单中选择“零点”。';
export const manualZh = () => [
	'# 流量计维护手册', '## 一、日常保养',
	...Array.from({ length: 900 }, (_, i) => `第${i}条：每次测量结束后，应当用干净的软布擦去传感器表面的耦合剂，并盖上保护帽。编号 ${i} 𝄞。\n`),
	'## 二、零点', PASSAGE_ZH, '## 三、电池',
	...Array.from({ length: 900 }, (_, i) => `第${i}款：电池额定容量为七点二安时，正常寿命约为五百次充放电。编号 ${i}。\n`),
].join('\n\n');

/** The colour of the middle of a rectangle (in CSS pixels of the window), as it is on the screen. */
export async function colourAt(page, { x, y, width, height }) {
	const clip = { x: Math.round(x), y: Math.round(y), width: Math.max(1, Math.round(width)), height: Math.max(1, Math.round(height)) };
	const png = await page.screenshot({ clip });
	return page.evaluate(async (base64) => {
		const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
		const image = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
		const canvas = new OffscreenCanvas(image.width, image.height);
		const context = canvas.getContext('2d');
		context.drawImage(image, 0, 0);
		const { data } = context.getImageData(0, 0, image.width, image.height);
		let yellow = 0;
		for (let i = 0; i < data.length; i += 4) {
			yellow += data[i] > 200 && data[i + 1] > 180 && data[i + 2] < 140 ? 1 : 0;
		}
		return { yellow: yellow / (data.length / 4) };
	}, png.toString('base64'));
}

/** A box of PDF points on page `n` of 595 × 842, as it stands in the window. */
export async function onScreen(page, n, [x0, y0, x1, y1]) {
	const at = await page.locator(`.source-page[data-page="${n}"]`).boundingBox();
	const scale = at.width / 595;
	return { x: at.x + x0 * scale, y: at.y + y0 * scale, width: (x1 - x0) * scale, height: (y1 - y0) * scale };
}

/** The panel shows page `n`, drawn. */
export async function showsPage(page, n) {
	await page.locator(`.source-page[data-page="${n}"] img`).waitFor();
	await until(async () => (await page.locator('.page-field input').inputValue()) === String(n), `the panel shows page ${n}`);
}

/** Yellow within the box, and the box in the visible part of the panel. */
export async function isHighlighted(page, n, rect) {
	await showsPage(page, n);
	const at = await onScreen(page, n, rect);
	const body = await page.locator('.source-pages').boundingBox();
	assert.ok(at.y > body.y && at.y + at.height < body.y + body.height, `the highlight is in view: ${JSON.stringify({ at, body })}`);
	await until(async () => (await colourAt(page, at)).yellow > 0.4, 'the lines are yellow', 5000);
	return { at, body };
}
