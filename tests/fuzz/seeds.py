#!/usr/bin/env python3
"""seeds.py PROGRAM FOLDER: what the fuzzers begin with. Those of the formats with the files of fixtures/formats,
for each row of `PROGRAM extract --formats` a folder of its first extension. Archives become lists of their parts
(tests/fuzz/fuzz_format.c). What is large is left out: it would only be slow. Those of our own parsers with what
is written below. Prints the extensions."""
import json
import pathlib
import subprocess
import sys
import zipfile

WRITTEN = {
    'http': [
        b'\0GET /v1/me HTTP/1.1\r\nHost: a\r\n\r\nDELETE /v1/documents/d HTTP/1.1\r\nHost: a\r\n\r\n',
        b'\0GET http://a/v1/documents/d%2fe/pages/3.png?chunk=c HTTP/1.0\r\nConnection: keep-alive\r\n\r\n',
        b'\7POST /v1/search HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}',
        b'\1POST /v1/documents HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n'
        b'3;x=y\r\nabc\r\n0\r\n\r\nGET /v1/me HTTP/1.1\r\nHost: a\r\nCookie: a=b; c=d\r\n\r\n',
    ],
    'multipart': [
        b'\3\4multipart/form-data; boundary=XX\npreamble\r\n--XX\r\nContent-Disposition: form-data; name="a"'
        b'\r\n\r\n1\r\n--X\r\n--XX  \r\ncontent-disposition:form-data;name=f; filename="a\\"b%22.pdf"\r\n'
        b'Content-Type: application/pdf\r\nContent-Transfer-Encoding: binary\r\n\r\n\r\n--\r\n-XX\r\n--XX--\r\nend',
        b'\0\0multipart/form-data;boundary="a b"\n--a b\r\nContent-Disposition: form-data; name=x\r\n\r\n\r\n--a b--',
    ],
    'cite': [
        b'\1A room in Milan may cost 175 EUR per night [1]. Oslo costs 210 EUR.[2][3] See [9] and [1, 2], [1-3].',
        '\x07员工每年享有二十五天年假【3】。'.encode(),
        b'\5- Paris: 175 EUR [2]\n- Oslo: 210 EUR [2]\n\nTotal [x] [12345678] and [1',
    ],
    'events': [b'\4\xef\xbb\xbf: hello\nid: 7\nevent: delta\ndata: a\ndata:b\r\n\r\nretry: 3\rdata\r\rid: x\ndata: c\n\n'],
    'fts': [
        b'\0annual leave of employees by train', b'\5NEAR(train, 2) AND title:"x" OR ^a* - (b)', '\x06Häuser der Mitarbeiterin'.encode(),
        '\x03数据库 年假 库'.encode(), b'\x0citems anual traim ISO27001 CreateUserToken', "\x02L’hôtel d'été".encode(),
    ],
    'query': [b'"annual leave" -draft title:"a b" in:x type:pdf by:ann date:2026-01..2026-03 before:2026 e-mail'],
    'model_sse': [
        b'\x04data: {"choices":[{"delta":{"content":"a\\u00e9"}}],"usage":{"prompt_tokens":3,"completion_tokens":1}}\n\n'
        b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\r\n\r\ndata: [DONE]\n\n',
        b'\x04{"error":{"message":"no"}}', b'\x09{"choices":[{"message":{"content":"whole"}}]}',
    ],
}
PART_MAX, PARTS_MAX, FILE_MAX = 24_000, 48_000, 12_000


def parts(path):
    out = b''
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            data = archive.read(name)
            if len(data) <= PART_MAX and len(out) + len(data) <= PARTS_MAX and not data.startswith(b'\x89PNG'):
                out += b'@@ ' + name.encode() + b'\n' + data + b'\n'
    return out[:-1]


def write(target, name, seed):
    target.mkdir(parents=True, exist_ok=True)
    (target / name).write_bytes(seed)


program, folder = sys.argv[1], pathlib.Path(sys.argv[2])
fixtures = pathlib.Path(__file__).resolve().parents[2] / 'fixtures'
files = sorted(p for f in ('formats', 'broken', 'documents/company') for p in (fixtures / f).iterdir() if p.is_file())
listed = subprocess.run([program, 'extract', '--formats', '--json'], check=True, capture_output=True, text=True).stdout
for row in map(json.loads, listed.splitlines()):
    first = row['extensions'][0]
    if row['mediaType'].startswith('image/'):
        continue
    target = folder / first
    for path in files:
        if path.suffix[1:].lower() not in row['extensions']:
            continue
        seed = parts(path) if zipfile.is_zipfile(path) else path.read_bytes()
        if 0 < len(seed) <= (PARTS_MAX if zipfile.is_zipfile(path) else FILE_MAX):
            write(target, path.name, seed)
    print(first)
for name, seeds in WRITTEN.items():
    for i, seed in enumerate(seeds):
        write(folder / name, str(i), seed)
