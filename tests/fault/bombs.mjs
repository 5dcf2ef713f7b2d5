// Small files that want to be large, slow or deep: each is made here, so that none lies in the repository.
import zlib from 'node:zlib';

/** n zero bytes (a multiple of 16 MB) as a raw deflate stream, without ever being them: one piece, repeated. */
function deflatedZeros(n, byte = 0) {
	const piece = Buffer.alloc(16 << 20, byte);
	const once = zlib.deflateRawSync(piece, { level: 9, finishFlush: zlib.constants.Z_FULL_FLUSH });
	const last = zlib.deflateRawSync(Buffer.alloc(0));
	return Buffer.concat([...Array.from({ length: n / piece.length }, () => once), last]);
}

const CRC = Array.from({ length: 256 }, (_, i) => {
	let c = i;
	for (let k = 0; k < 8; k++) {
		c = (c >>> 1) ^ (c & 1 ? 0xedb88320 : 0);
	}
	return c >>> 0;
});
const crc32 = (bytes) => (bytes.reduce((c, b) => (c >>> 8) ^ CRC[(c ^ b) & 0xff], 0xffffffff) ^ 0xffffffff) >>> 0;

/** A ZIP of { name: text | { deflated, size } }; what is called deflated is not checked. */
export function zip(parts) {
	const files = [], directory = [];
	let at = 0;
	for (const [name, part] of Object.entries(parts)) {
		const plain = part.deflated ? null : Buffer.from(part);
		const data = part.deflated ?? zlib.deflateRawSync(plain);
		const facts = Buffer.alloc(26);
		facts.writeUInt16LE(20, 0);
		facts.writeUInt16LE(8, 4);
		facts.writeUInt32LE(0x210000, 6);
		facts.writeUInt32LE(plain ? crc32(plain) : 0, 10);
		facts.writeUInt32LE(data.length, 14);
		facts.writeUInt32LE(plain ? plain.length : part.size, 18);
		facts.writeUInt16LE(Buffer.byteLength(name), 22);
		files.push(Buffer.from('PK\x03\x04'), facts, Buffer.from(name), data);
		const entry = Buffer.alloc(14);
		entry.writeUInt32LE(at, 10);
		directory.push(Buffer.from('PK\x01\x02\x14\x00', 'latin1'), facts, entry, Buffer.from(name));
		at += 4 + 26 + Buffer.byteLength(name) + data.length;
	}
	const n = Object.keys(parts).length;
	const end = Buffer.alloc(22);
	end.write('PK\x05\x06', 0, 'latin1');
	end.writeUInt16LE(n, 8);
	end.writeUInt16LE(n, 10);
	end.writeUInt32LE(directory.reduce((sum, b) => sum + b.length, 0), 12);
	end.writeUInt32LE(at, 16);
	return Buffer.concat([...files, ...directory, end]);
}

const TYPES = '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">' +
	'<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>' +
	'<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>';
const RELATIONS = '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" ' +
	'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/></Relationships>';
const OPEN = '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>';
const CLOSE = '</w:body></w:document>';

export const docx = (document, more = {}) => zip({ '[Content_Types].xml': TYPES, '_rels/.rels': RELATIONS, 'word/document.xml': document, ...more });
export const paragraphs = (xml) => `<?xml version="1.0"?>${OPEN}${xml}${CLOSE}`;

/** A PDF of one page whose content is this stream. */
function pdf(content, filters, more = '') {
	const head = Buffer.from('%PDF-1.5\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n' +
		'3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</XObject<</F 10 0 R>>/Font<</T 5 0 R>>>>>>endobj\n' +
		`5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj\n${more}4 0 obj<</Length ${content.length}${filters}>>stream\n`);
	return Buffer.concat([head, content, Buffer.from('\nendstream endobj\ntrailer<</Root 1 0 R/Size 40>>\n%%EOF\n')]);
}

/** Under 2 kB; its page's content is 1 GB of a blank, deflated three times. */
export function inflatingPdf() {
	const zlibbed = (raw) => Buffer.concat([Buffer.from([0x78, 0xda]), raw, Buffer.alloc(4)]);
	const once = zlibbed(deflatedZeros(1 << 30, 0x20));
	const thrice = zlib.deflateSync(zlib.deflateSync(once, { level: 9 }), { level: 9 });
	return pdf(thrice, '/Filter[/FlateDecode/FlateDecode/FlateDecode]');
}

/** A form draws a form `fan` times, and so on: fan to the power of `depth` words. */
export function endlessPdf(depth = 12, fan = 12) {
	const forms = Array.from({ length: depth }, (_, i) => {
		const content = (i + 1 < depth ? '1 0 0 1 .01 .01 cm /F Do\n' : 'BT /T 9 Tf 1 2 Td (words) Tj ET\n').repeat(fan);
		return `${10 + i} 0 obj<</Type/XObject/Subtype/Form/BBox[-9999 -9999 9999 9999]/Resources<</XObject<</F ${11 + i} 0 R>>` +
			`/Font<</T 5 0 R>>>>/Length ${content.length}>>stream\n${content}endstream endobj\n`;
	});
	return pdf(Buffer.from('/F Do'), '', forms.join(''));
}

/** One part of 1 GB. */
export const inflatingDocx = () => docx({ deflated: deflatedZeros(1 << 30, 0x20), size: 1 << 30 });

/** Archives in archives in archives, as 42.zip: what is opened is one of them. */
export function nestedDocx() {
	let inner = zip({ zeros: { deflated: deflatedZeros(256 << 20), size: 256 << 20 } });
	for (let i = 0; i < 5; i++) {
		inner = zip(Object.fromEntries(Array.from({ length: 16 }, (_, k) => [`${k}.docx`, { deflated: zlib.deflateRawSync(inner), size: inner.length }])));
	}
	return docx(paragraphs('<w:p><w:r><w:t>Nothing but archives</w:t></w:r></w:p>'), { 'word/embeddings/bomb.zip': inner });
}

export const deepDocx = (depth = 1_000_000) => docx(paragraphs('<w:p>'.repeat(depth) + '</w:p>'.repeat(depth)));

/** 190 kB of elements in each other, with words at every depth: what a tree's text costs is its square. */
export const squareDocx = () => docx(paragraphs('<w:p>word '.repeat(12_000) + '</w:p>'.repeat(12_000)));

export function laughingDocx() {
	const entities = Array.from({ length: 9 }, (_, i) => `<!ENTITY l${i + 1} "${`&l${i};`.repeat(10)}">`).join('');
	return docx(`<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY l0 "lol">${entities}]>${OPEN}<w:p><w:r><w:t>&l9;</w:t></w:r></w:p>${CLOSE}`);
}

/** More parts than are read. */
export function manyParts(n = 20_000) {
	return docx(paragraphs('<w:p/>'), Object.fromEntries(Array.from({ length: n }, (_, i) => [`word/${i}`, ''])));
}
