#!/usr/bin/env python3
"""check_selftest.py: the checks can fail. A small good tree passes all of them; each bad example,
added to it, is refused with the words expected. Prints TAP.

usage: check_selftest.py [CC]
"""
import contextlib
import subprocess
import sys
import tempfile
from pathlib import Path

import check_docs
import check_headers
import check_layers
import check_style
import check_symbols

HEADER = """/* low.h — a good header. */
#ifndef LOW_H
#define LOW_H
#include <stdint.h>

/* al_low_twice — twice a number.
 * Result: 2 * v.   Cost: none.   Source: none.   Tested: unit/low. */
uint32_t al_low_twice(uint32_t v);

#endif
"""
GOOD = {
    "src/low/LAYER": "0\nuses:\n",
    "src/high/LAYER": "1\nuses: low\n",
    "src/low/low.h": HEADER,
    "src/low/low.c": '#include "low/low.h"\n\n'
                     "uint32_t al_low_twice(uint32_t v) { return 2 * v; }\n",
    "src/low/counters.def": 'AL_COUNTER(low_odd, "a number that was odd")\n',
    "src/low/odd.c": "int al_low_odd(void) { return AL_COUNT_low_odd; }\n",
    "src/low/README.md": "# low\n\n`al_low_twice()`\n",
    "src/high/README.md": "# high\n",
    "include/allium/al_types.h": "/* al_types.h — nothing. */\n",
    "tests/unit/test_low.c": "int main(void) { return low_odd; }\n",
    "docs/ARCHITECTURE.md": "| src/low/ | 0 |\n| src/high/ | 1 |\n[low](../src/low/README.md)\n",
}
LONG = "int f(void) {\n" + "  g();\n" * 69 + "}\n"
MUTUAL = "static int b(int v);\nstatic int a(int v) { return b(v); }\n" \
         "static int b(int v) { return a(v); }\n"

# (check, what it shows, files that are added, words expected in a problem)
BAD = [
    (check_layers, "upwards", {"src/low/x.c": '#include "high/high.h"\n'}, "does not name high"),
    (check_layers, "unlisted", {"src/low/x.h": "#include <stdio.h>\n"}, "system headers only"),
    (check_layers, "third party", {"src/high/x.c": '#include "Hacl_Ed25519.h"\n'}, "may not"),
    (check_layers, "private", {"src/high/x.c": '#include "low/low_priv.h"\n'}, "private to low"),
    (check_layers, "host inside", {"daemon/x.c": '#include "low/low.h"\n'}, "hosts include"),
    (check_layers, "public name", {"src/low/x.c": '#include "allium/no.h"\n'}, "no public header"),
    (check_layers, "no LAYER", {"src/new/x.c": "\n"}, "has no file LAYER"),
    (check_layers, "uses upwards", {"src/low/LAYER": "0\nuses: high\n"}, "only lower ones"),
    (check_layers, "uses nobody", {"src/low/LAYER": "0\nuses: none\n"}, "is no module"),
    (check_style, "long function", {"src/low/x.c": LONG}, "f has 71 lines"),
    (check_style, "long header", {"src/low/x.h": "\n" * 301}, "301 lines, at most 300"),
    (check_style, "long file", {"daemon/x.c": "\n" * 801}, "801 lines, at most 800"),
    (check_style, "wide line", {"src/low/x.c": "/* " + "x" * 98 + " */\n"}, "104 columns"),
    (check_style, "tab", {"tests/x.c": "\tint x;\n"}, "tab"),
    (check_style, "parameters", {"src/low/x.c": "int f(int, int, int, int, int, int);\n"},
     "f has 6 parameters"),
    (check_style, "includes", {"src/low/x.c": '#include "low/low.h"\n' * 13}, "13 includes"),
    (check_style, "float type", {"src/low/x.c": "int f(void) { return (int)(double)1; }\n"},
     "floating point (double)"),
    (check_style, "float number", {"src/low/x.c": "int f(void) { return 1.5 > 1; }\n"},
     "floating point (1.5)"),
    (check_style, "recursion", {"src/low/x.c": "int f(int v) { return v ? f(v - 1) : 0; }\n"},
     "recursion: f"),
    (check_style, "mutual recursion", {"src/low/x.c": MUTUAL}, "recursion: a, b"),
    (check_style, "untested counter", {"tests/unit/test_low.c": "\n"}, "no test names low_odd"),
    (check_style, "dead counter", {"src/low/odd.c": "\n"}, "low_odd is never counted"),
    (check_docs, "no comment", {"src/low/low.h": HEADER.replace("twice —", "thrice —")},
     "no comment that begins with its name"),
    (check_docs, "no field", {"src/low/low.h": HEADER.replace("Cost:", "")}, "lacks 'Cost:'"),
    (check_docs, "no test", {"src/low/low.h": HEADER.replace("unit/low", "unit/none")},
     "there is no test unit/none"),
    (check_docs, "no headline", {"src/low/low.h": HEADER.split("\n", 1)[1]}, "does not begin"),
    (check_docs, "host without", {"daemon/x.h": "/* x.h — x. */\n\nint al_x(void);\n"},
     "al_x has no comment"),
    (check_docs, "no such function", {"docs/X.md": "call `al_low_thrice()`\n"},
     "al_low_thrice does not exist"),
    (check_docs, "no such link", {"docs/X.md": "[x](no.md)\n"}, "link to no.md"),
    (check_docs, "no such page", {"src/low/x.c": "/* docs/NO.md */\n"}, "names docs/NO.md"),
    (check_docs, "no row", {"docs/ARCHITECTURE.md": "| src/low/ | 0 |\n"}, "no row for src/high/"),
    (check_docs, "row too many",
     {"docs/ARCHITECTURE.md": "| src/low/ |\n| src/high/ |\n| src/x/ |\n"},
     "src/x/, which is not there"),
    (check_docs, "long README", {"src/low/README.md": "\n" * 41}, "more than 40 lines"),
]
# (what it shows, C source of src/low, words expected); None: must pass
OBJECTS = [
    ("constants", "static int one(void) { return 1; }\n"
     "int (*const al_table[2])(void) = {one, one};\n", None),
    ("writable variable", "int al_count = 1;\n", "writable data in .data"),
    ("zeroed variable", "static int n;\nint al_next(void) { return ++n; }\n", "data in .bss"),
    ("import", "int puts(const char *);\nint al_say(void) { return puts(\"\"); }\n",
     "imports puts"),
    ("export", "int say(void) { return 1; }\n", "exports say"),
]
HEADERS = [
    ("needs another", "/* x */\nal_err al_x(void);\n", "alone as C11"),
    ("is not C++", "/* x */\nint al_x(int class);\n", "alone as C++"),
]


@contextlib.contextmanager
def tree(extra):
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for path, text in {**GOOD, **extra}.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, encoding="utf-8")
        yield root


def object_problems(root, cc, source):
    (root / "src/low/meson.build").write_text("")
    (root / "src/low/x.c").write_text(source)
    built = root / "build/src/low"
    built.mkdir(parents=True)
    subprocess.run([cc, "-c", "-fPIC", "-O1", str(root / "src/low/x.c"), "-o", built / "x.o"],
                   check=True)
    subprocess.run(["ar", "rc", built / "libal_low.a", built / "x.o"], check=True)
    return check_symbols.check(root, root / "build")


def main(cc):
    count = failed = 0

    def point(good, what, problems):
        nonlocal count, failed
        count += 1
        failed += not good
        print(f"{'' if good else 'not '}ok {count} - {what}")
        for line in [] if good else problems or ["no problem was found"]:
            print(f"# {line}")

    for check in (check_layers, check_style, check_docs):
        with tree({}) as root:
            problems = check.check(root)
            point(not problems, f"{check.__name__}: a good tree passes", problems)
    for check, what, extra, words in BAD:
        with tree(extra) as root:
            problems = check.check(root)
            point(any(words in p for p in problems), f"{check.__name__}: {what}", problems)
    for what, source, words in OBJECTS:
        with tree({}) as root:
            problems = object_problems(root, cc, source)
            good = any(words in p for p in problems) if words else not problems
            point(good, f"check_symbols: {what}", problems)
    for what, source, words in HEADERS:
        with tree({"include/allium/x.h": source}) as root:
            problems = check_headers.check(root, [cc], [cc])
            point(any(words in p for p in problems), f"check_headers: {what}", problems)
    print(f"1..{count}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "cc"))
