// `make bench`: speed, memory and quality, as ratios within one run where there is a plain tool to compare with.
// BENCH=formats: one section.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const SECTIONS = ['server', 'ingest', 'search', 'upload', 'streams', 'formats', 'ocr', 'chunking', 'quality', 'embedding'];

const fileOf = (name) => new URL(`bench_${name}.mjs`, import.meta.url);
const row = (what, value, note = '') => console.log(`${what.padEnd(46)} ${String(value).padStart(14)}  ${note}`);
const asked = process.env.BENCH ? process.env.BENCH.split(/[ ,]+/) : SECTIONS.filter((name) => existsSync(fileURLToPath(fileOf(name))));

for (const name of asked) {
	const file = fileOf(name);
	if (!existsSync(fileURLToPath(file))) {
		console.error(`there is no section ${name}; there are ${SECTIONS.join(', ')}`);
		process.exitCode = 2;
		continue;
	}
	const [bench] = Object.values(await import(file)).filter((f) => typeof f === 'function' && f.name.startsWith('bench'));
	console.log(`── ${name} ──`);
	await bench(row);
}
