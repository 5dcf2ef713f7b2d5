#!/usr/bin/env python3
"""seeds.py PROGRAM FOLDER: what the fuzzers of the formats begin with: the files of fixtures/formats, for each
row of `PROGRAM extract --formats` a folder of its first extension. Archives become lists of their parts
(tests/fuzz/fuzz_format.c). What is large is left out: it would only be slow. Prints the extensions."""
import json
import pathlib
import subprocess
import sys
import zipfile

PART_MAX, PARTS_MAX, FILE_MAX = 24_000, 48_000, 12_000


def parts(path):
    out = b''
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            data = archive.read(name)
            if len(data) <= PART_MAX and len(out) + len(data) <= PARTS_MAX and not data.startswith(b'\x89PNG'):
                out += b'@@ ' + name.encode() + b'\n' + data
    return out


program, folder = sys.argv[1], pathlib.Path(sys.argv[2])
fixtures = pathlib.Path(__file__).resolve().parents[2] / 'fixtures'
files = sorted(p for f in ('formats', 'broken', 'documents/company') for p in (fixtures / f).iterdir() if p.is_file())
listed = subprocess.run([program, 'extract', '--formats', '--json'], check=True, capture_output=True, text=True).stdout
for row in map(json.loads, listed.splitlines()):
    first = row['extensions'][0]
    if row['mediaType'].startswith('image/'):
        continue
    target = folder / first
    target.mkdir(parents=True, exist_ok=True)
    for path in files:
        if path.suffix[1:].lower() not in row['extensions']:
            continue
        seed = parts(path) if zipfile.is_zipfile(path) else path.read_bytes()
        if 0 < len(seed) <= (PARTS_MAX if zipfile.is_zipfile(path) else FILE_MAX):
            (target / path.name).write_bytes(seed)
    print(first)
