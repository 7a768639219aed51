#!/usr/bin/env python3
"""gen_labels.py: the table of labels in docs/CRYPTO.md, from src/crypto/labels.def.

usage: gen_labels.py LABELS_DEF CRYPTO_MD [--write]
Without --write it only compares, and fails when the page is behind."""
import re
import sys

BEGIN, END = '<!-- labels -->\n', '<!-- end of labels -->\n'


def table(path):
    with open(path, encoding='utf-8') as f:
        found = re.findall(r'^AL_LABEL\((\w+),\s*"([^"]+)",\s*"([^"]+)"\)', f.read(), re.M)
    rows = ['| name | label | what it separates |\n', '| --- | --- | --- |\n']
    return ''.join(rows + [f'| {n} | `{t}` | {u} |\n' for n, t, u in found])


labels, page = sys.argv[1:3]
with open(page, encoding='utf-8') as f:
    old = f.read()
head, rest = old.split(BEGIN)
new = head + BEGIN + table(labels) + END + rest.split(END)[1]
if '--write' in sys.argv[3:]:
    with open(page, 'w', encoding='utf-8') as f:
        f.write(new)
elif new != old:
    sys.exit(f'{page} is behind {labels}: run tests/vectors/gen_labels.py {labels} {page} --write')
