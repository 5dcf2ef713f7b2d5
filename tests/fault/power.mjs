// The other end of tests/fault/power.c: when its Carrel is killed, and what a power failure would have taken with it.
//
//   const power = new Power(data, folder);         // folder: beside the data, on the same disk
//   startCarrel({ env: power.env, … })
//   power.arm(7);                                  // the 7th call is not made any more; 0: they are only counted
//   power.takeBack();                              // when it has ended: what was not synced is undone
import { accessSync, closeSync, existsSync, ftruncateSync, linkSync, mkdirSync, openSync, readdirSync, readFileSync, readSync, realpathSync, renameSync, rmSync, truncateSync,
	writeSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from '../flow/carrel.mjs';

const [BYTES, SIZE, SYNCED, MADE, RENAMED, REMOVED] = [1, 2, 3, 4, 5, 6];
const LIBRARY = path.resolve(ROOT, process.env.BUILD || 'build', 'tests/fault/power.so');

export class Power {
	constructor(data, folder) {
		accessSync(LIBRARY); // else nothing would ever be counted
		mkdirSync(data, { recursive: true });
		mkdirSync(folder);
		this.data = realpathSync(data);
		this.folder = realpathSync(folder);
		this.fd = openSync(path.join(folder, 'control'), 'w+');
		const bytes = Buffer.alloc(528);
		bytes.write(this.data, 20);
		writeSync(this.fd, bytes, 0, bytes.length, 0);
		this.env = { LD_PRELOAD: LIBRARY, POWER: this.folder };
	}

	/** All that was done before counts as synced. */
	arm(at) {
		this.disarm();
		const bytes = Buffer.alloc(20);
		bytes.writeBigUInt64LE(BigInt(at), 0);
		bytes.writeUInt32LE(1, 16);
		writeSync(this.fd, bytes, 0, 20, 0);
	}
	disarm() {
		writeSync(this.fd, Buffer.alloc(4), 0, 4, 16);
		for (const name of readdirSync(this.folder).filter((n) => n.includes('-'))) {
			rmSync(path.join(this.folder, name));
		}
		const log = path.join(this.folder, 'log');
		existsSync(log) && truncateSync(log);
	}
	get calls() {
		const bytes = Buffer.alloc(8);
		readSync(this.fd, bytes, 0, 8, 8);
		return Number(bytes.readBigUInt64LE());
	}

	/** How many changes were undone. */
	takeBack() {
		const entries = [...this.#entries()];
		const synced = new Set();
		let n = 0;
		for (const e of entries.reverse()) {
			if (e.kind === SYNCED) {
				synced.add(e.file);
			} else if (!synced.has(e.file)) {
				this.#undo(e);
				n++;
			}
		}
		rmSync(path.join(this.data, 'carrel.db-shm'), { force: true });
		return n;
	}

	*#entries() {
		const log = readFileSync(path.join(this.folder, 'log'));
		for (let at = 0; at < log.length;) {
			const n = log.readUInt32LE(at + 4);
			yield { kind: log.readUInt32LE(at), file: log.readBigUInt64LE(at + 8), at: Number(log.readBigInt64LE(at + 16)), bytes: log.subarray(at + 24, at + 24 + n) };
			at += 24 + n;
		}
	}

	#undo(e) {
		const names = e.bytes.toString('latin1').split('\0');
		const old = path.join(this.folder, `old-${e.at}`);
		if (e.kind === MADE) {
			rmSync(names[0], { recursive: true, force: true });
		} else if (e.kind === REMOVED) {
			existsSync(names[0]) || linkSync(old, names[0]);
		} else if (e.kind === RENAMED) {
			existsSync(names[1]) && renameSync(names[1], names[0]);
			e.at && linkSync(old, names[1]);
		} else {
			this.#undoInFile(path.join(this.folder, `file-${e.file}`), e);
		}
	}

	#undoInFile(name, e) {
		if (existsSync(name)) { // else it had no name when it was written to
			const fd = openSync(name, 'r+');
			e.kind === BYTES ? writeSync(fd, e.bytes, 0, e.bytes.length, e.at) : e.kind === SIZE && ftruncateSync(fd, e.at);
			closeSync(fd);
		}
	}

	close() {
		closeSync(this.fd);
		rmSync(this.folder, { recursive: true, force: true });
	}
}
