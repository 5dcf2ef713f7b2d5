// chat/http/openapi.json tells of the same routes as the binary's route table, in the same way.
import test from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { misfit, openapi, resolve } from './openapi.mjs';

const METHODS = ['get', 'put', 'post', 'delete', 'patch'];
const binary = join(process.env.BUILD ?? 'build', 'carrel');
const table = execFileSync(binary, ['routes', '--json'], { encoding: 'utf8' }).trim().split('\n').map((line) => JSON.parse(line));
const operations = Object.entries(openapi.paths).flatMap(([pattern, item]) =>
	Object.entries(item).filter(([m]) => METHODS.includes(m)).map(([m, op]) => ({ key: `${m.toUpperCase()} ${pattern}`, pattern, op })));
const find = (route) => openapi.paths[route.pattern]?.[route.method.toLowerCase()];

test('the file and the route table hold the same routes', () => {
	const inTable = table.map((r) => `${r.method} ${r.pattern}`).sort();
	assert.deepEqual(operations.map((o) => o.key).sort(), inTable);
	for (const item of Object.values(openapi.paths)) {
		assert.deepEqual(Object.keys(item).filter((m) => !METHODS.includes(m)), []);
	}
});

test('each says who may call it', () => {
	assert.deepEqual(Object.keys(openapi.components.securitySchemes).sort(), ['bearer', 'session']);
	for (const route of table) {
		const op = find(route);
		const label = `${route.method} ${route.pattern}`;
		if (route.access === 'public') {
			assert.deepEqual(op.security, [], `${label} is public`);
		} else {
			const ways = (op.security ?? openapi.security ?? []).flatMap((one) => Object.keys(one)).sort();
			assert.deepEqual(ways, ['bearer', 'session'], `${label} needs a credential`);
		}
		const role = ['admin', 'operator', 'machine'].includes(route.access) ? route.access : undefined;
		assert.equal(op['x-role'], role, `${label}: x-role`);
	}
});

test('each says what body it takes', () => {
	const types = { none: [], json: ['application/json'], stream: ['multipart/form-data'] };
	for (const route of table) {
		const body = find(route).requestBody;
		assert.deepEqual(Object.keys(body?.content ?? {}), types[route.body], `${route.method} ${route.pattern}`);
	}
});

test('parameters are those of the path', () => {
	for (const { key, pattern, op } of operations) {
		const named = [...pattern.matchAll(/\{(\w+)\}/g)].map((m) => m[1]).sort();
		const listed = (op.parameters ?? []).map(resolve);
		assert.deepEqual(listed.filter((p) => p.in === 'path').map((p) => p.name).sort(), named, key);
		assert.ok(listed.every((p) => p.schema && (p.in !== 'path' || p.required === true)), key);
		assert.equal(new Set(listed.map((p) => `${p.in} ${p.name}`)).size, listed.length, key);
	}
});

test('every reference resolves, every required property is one', () => {
	let count = 0;
	const walk = (node) => {
		if (Array.isArray(node)) {
			node.forEach(walk);
		} else if (node && typeof node === 'object') {
			if (typeof node.$ref === 'string') {
				assert.ok(resolve(node));
				count++;
			}
			if (Array.isArray(node.required) && node.properties) {
				for (const key of node.required) {
					assert.ok(node.properties[key], `${key} is required and not described`);
				}
			}
			Object.values(node).forEach(walk);
		}
	};
	walk(openapi);
	assert.ok(count > 50);
	const used = JSON.stringify(openapi);
	for (const name of Object.keys(openapi.components.schemas)) {
		assert.ok(used.includes(`"#/components/schemas/${name}"`), `${name} is used nowhere`);
	}
});

test('each operation has a name of its own, a summary, an answer and the one error', () => {
	const names = operations.map((o) => o.op.operationId);
	assert.equal(new Set(names).size, operations.length);
	for (const { key, op } of operations) {
		assert.ok(op.summary?.length > 5, key);
		assert.ok(Object.keys(op.responses).some((s) => /^2\d\d$/.test(s)), key);
		const error = op.responses.default.content['application/json'].schema;
		assert.equal(error.$ref, '#/components/schemas/Error', key);
	}
	const good = { error: { type: 'not_found', code: 'not_found', message: 'There is no such thing.' } };
	const schema = { $ref: '#/components/schemas/Error' };
	assert.equal(misfit(schema, good), null);
	for (const bad of [{}, { error: 'x' }, { error: { type: 'x', code: 'x' } }, { error: { ...good.error, stack: 'x' } }, { ...good, detail: 1 }]) {
		assert.notEqual(misfit(schema, bad), null, JSON.stringify(bad));
	}
});

test('it is OpenAPI 3.1 with the version of the program', () => {
	assert.match(openapi.openapi, /^3\.1\./);
	assert.match(openapi.info.version, /^\d+\.\d+\.\d+$/);
});
