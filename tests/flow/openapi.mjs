// chat/http/openapi.json as the tests read it, and whether a value fits one of its schemas.
import { readFileSync } from 'node:fs';

export const openapi = JSON.parse(readFileSync('chat/http/openapi.json', 'utf8'));

export function resolve(schema) {
	let at = schema;
	for (let hops = 0; at?.$ref; hops++) {
		if (hops > 8 || !at.$ref.startsWith('#/')) {
			throw new Error(`${schema.$ref} leads nowhere`);
		}
		const ref = at.$ref;
		at = ref.slice(2).split('/').reduce((o, key) => o?.[key], openapi);
		if (!at) {
			throw new Error(`${ref} does not resolve`);
		}
	}
	return at;
}

const TYPES = {
	string: (v) => typeof v === 'string',
	integer: (v) => Number.isInteger(v),
	number: (v) => typeof v === 'number',
	boolean: (v) => typeof v === 'boolean',
	array: (v) => Array.isArray(v),
	object: (v) => typeof v === 'object' && v !== null && !Array.isArray(v),
	null: (v) => v === null,
};

// What does not fit, as a sentence, or null. Knows the part of JSON Schema that our file uses; a property that the
// schema does not name does not fit either.
export function misfit(schema, value, where = 'the answer') {
	const s = resolve(schema);
	const types = s.type === undefined ? [] : [s.type].flat();
	if (types.length && !types.some((t) => TYPES[t](value))) {
		return `${where} is not ${types.join(' or ')}: ${JSON.stringify(value)?.slice(0, 100)}`;
	}
	if (s.enum && !s.enum.includes(value)) {
		return `${where} is ${JSON.stringify(value)}, not one of ${s.enum.join(', ')}`;
	}
	if (s.anyOf || s.oneOf) {
		const all = (s.anyOf ?? s.oneOf).map((one) => misfit(one, value, where));
		return all.includes(null) ? null : all.join('; or ');
	}
	if (Array.isArray(value) && s.items) {
		return value.map((v, i) => misfit(s.items, v, `${where}[${i}]`)).find(Boolean) ?? null;
	}
	if (TYPES.object(value) && s.properties) {
		const missing = (s.required ?? []).find((key) => !(key in value));
		if (missing) {
			return `${where} has no ${missing}`;
		}
		for (const [key, v] of Object.entries(value)) {
			const known = s.properties[key] ?? (typeof s.additionalProperties === 'object' ? s.additionalProperties : undefined);
			const wrong = known ? misfit(known, v, `${where}.${key}`) : `${where}.${key} is not in the schema`;
			if (wrong) {
				return wrong;
			}
		}
	}
	return null;
}

// Whether an answer is one that the file tells of: its status, its media type, its schema. A sentence, or null.
export function unlisted(method, pattern, r) {
	const op = openapi.paths[pattern]?.[method.toLowerCase()];
	if (!op) {
		return `${method} ${pattern} is not in openapi.json`;
	}
	const answer = op.responses[r.status] ?? (r.status >= 400 ? op.responses.default : undefined);
	if (!answer) {
		return `${method} ${pattern} does not list status ${r.status}`;
	}
	if (!answer.content) {
		return r.text === '' ? null : `${method} ${pattern} has a body with ${r.status}, none is listed`;
	}
	const type = (r.headers['content-type'] ?? '').split(';')[0];
	const listed = answer.content[type] ?? answer.content['*/*'];
	if (!listed) {
		return `${method} ${pattern} answers ${type}, which is not listed with ${r.status}`;
	}
	return type === 'application/json' && listed.schema ? misfit(listed.schema, r.json) : null;
}
