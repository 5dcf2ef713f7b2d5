// Builds the page: `node build.mjs FOLDER FILE.c` leaves its files in FOLDER and writes them as C arrays (chat/assets.h).
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const here = path.dirname(fileURLToPath(import.meta.url));
const [folder, output] = process.argv.slice(2).map((name) => path.resolve(name));
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8', '.svg': 'image/svg+xml' };

rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
const result = await build({
	absWorkingDir: here,
	entryPoints: { app: 'main.tsx', style: 'style/index.css' },
	entryNames: '[name]-[hash]',
	chunkNames: '[name]-[hash]',
	assetNames: '[name]-[hash]',
	outdir: folder,
	bundle: true,
	splitting: true,
	format: 'esm',
	target: 'es2022',
	minify: true,
	metafile: true,
	legalComments: 'none',
	alias: { entities: './chat/entities.ts', 'linkify-it': './chat/no-linkify.ts' },
	jsx: 'automatic',
	jsxImportSource: 'preact',
	logLevel: 'warning',
});

const built = Object.entries(result.metafile.outputs);
const nameOf = (entry) => path.basename(built.find(([, o]) => o.entryPoint === entry)[0]);
const hashed = (name) => {
	const bytes = readFileSync(path.join(here, name));
	const { name: stem, ext } = path.parse(name);
	const to = `${stem}-${createHash('sha256').update(bytes).digest('hex').slice(0, 8).toUpperCase()}${ext}`;
	writeFileSync(path.join(folder, to), bytes);
	return to;
};
const page = readFileSync(path.join(here, 'index.html'), 'utf8')
	.replace('app.js', nameOf('main.tsx'))
	.replace('style.css', nameOf('style/index.css'))
	.replace('icon.svg', hashed('icon.svg'));
writeFileSync(path.join(folder, 'index.html'), page);

// ── as C ──

const array = (name, bytes) => `static const unsigned char ${name}[] = {${bytes.length ? bytes.join(',') : 0}};`;
const names = ['index.html', ...readdirSync(folder).filter((name) => name !== 'index.html').sort()];
const parts = ['#include "chat/assets.h"', ''], rows = [];
names.forEach((name, i) => {
	const plain = readFileSync(path.join(folder, name));
	const gzip = gzipSync(plain, { level: 9 });
	const etag = createHash('sha256').update(plain).digest('hex').slice(0, 16);
	parts.push(array(`plain_${i}`, plain), array(`gzip_${i}`, gzip));
	rows.push(`\t{"${name}", "${TYPES[path.extname(name)]}", "\\"${etag}\\"", plain_${i}, ${plain.length}, gzip_${i}, ${gzip.length}},`);
});
parts.push(`const struct asset assets[] = {\n${rows.join('\n')}\n};`, `const int n_assets = ${names.length};`, '');
mkdirSync(path.dirname(output), { recursive: true });
writeFileSync(output, parts.join('\n'));
