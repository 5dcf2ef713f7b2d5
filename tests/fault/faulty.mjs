// The control of tests/fault/faults.c: system calls of a Carrel fail where a test says.
//
//   const faults = new Faults(folder);             // files below it
//   startCarrel({ env: faults.env, … })
//   faults.arm({ kinds: WRITES, at: 3, errno: 'ENOSPC', forever: true });
//   faults.calls; faults.failed; faults.disarm();
import { accessSync, closeSync, openSync, readSync, realpathSync, rmSync, writeSync } from 'node:fs';
import path from 'node:path';
import { constants } from 'node:os';
import { ROOT } from '../flow/carrel.mjs';

export const [WRITES, SYNCS, GROWS, NAMES, ALLOCATIONS] = [1, 2, 4, 8, 16];
const LIBRARY = path.resolve(ROOT, process.env.BUILD || 'build', 'tests/fault/faults.so');

export class Faults {
	constructor(folder) {
		accessSync(LIBRARY); // else nothing would ever fail
		this.file = `${folder}.faults`;
		this.fd = openSync(this.file, 'w+');
		const bytes = Buffer.alloc(552);
		bytes.write(realpathSync(folder), 40);
		writeSync(this.fd, bytes, 0, bytes.length, 0);
		// A library before AddressSanitizer's is what it is about.
		const asan = ['verify_asan_link_order=0', process.env.ASAN_OPTIONS].filter(Boolean).join(':');
		this.env = { LD_PRELOAD: LIBRARY, FAULTS: this.file, ASAN_OPTIONS: asan };
	}
	#write32(at, value) {
		const bytes = Buffer.alloc(4);
		bytes.writeUInt32LE(value);
		writeSync(this.fd, bytes, 0, 4, at);
	}
	#read32(at) {
		const bytes = Buffer.alloc(4);
		readSync(this.fd, bytes, 0, 4, at);
		return bytes.readUInt32LE();
	}
	/** at: the at-th call of the kinds fails, from 1; 0: they are only counted. every: and each so many after it. */
	arm({ kinds, at = 0, errno = 'EIO', forever = false, every = forever ? 1 : 0, halves = false }) {
		this.disarm();
		const bytes = Buffer.alloc(28);
		bytes.writeUInt32LE(constants.errno[errno], 0);
		bytes.writeBigUInt64LE(BigInt(at), 4);
		bytes.writeUInt32LE(every, 20);
		writeSync(this.fd, bytes, 0, 28, 4);
		this.#write32(36, halves ? 1 : 0);
		this.#write32(0, kinds);
	}
	disarm() {
		this.#write32(0, 0);
	}
	get calls() {
		return this.#read32(16);
	}
	get failed() {
		return this.#read32(28);
	}
	set lookupMs(ms) {
		this.#write32(32, ms);
	}
	close() {
		closeSync(this.fd);
		rmSync(this.file, { force: true });
	}
}
