#!/usr/bin/env python3
"""check_style.py: sizes and habits (HACKING.md, "Style"). C11 and VLAs are left to the compiler.

usage: check_style.py [ROOT]
"""
import re
import sys
from pathlib import Path

from csource import C_DIRS, Source, c_files, calls, read, report

FUNCTION_LINES, C_LINES, H_LINES, COLUMNS, INCLUDES, PARAMETERS = 70, 800, 300, 100, 12, 5
TEXT_SUFFIXES = {".c", ".h", ".def", ".py", ".ts", ".mjs", ".sh", ".build"}
# The public header of the node: one file, so that a host has one place to read.
LONGER = {"include/allium/allium.h": 360}
# More than five parameters, each for a reason: members of al_suite and what fills them take what
# the standard's function takes (RFC 8439: text, length, tag, key, nonce, associated data);
# al_stream_open and al_stream_write are thin makers of commands in front of the node.
MANY_PARAMETERS = {
    "counting_seal", "dropping_seal", "lying_seal", "lying_open",  # of tests/sim/test_overlay.c
    "null_seal", "null_open", "hacl_seal", "hacl_open", "al_hacl_aead_seal", "al_hacl_aead_open",
    "xor_with", "bad_open", "liar_seal", "al_stream_open", "al_stream_write",
}
# In hosts, on_* are callbacks whose shape a library fixes.
HOSTS = ("daemon/", "cli/")
THIRD_PARTY = ("Hacl_", "libcrux_", "PQCLEAN_")
COUNTER_LINE = re.compile(r"^\s*[A-Z][A-Z_]*COUNTER\(\s*(\w+)\s*,", re.M)


def check_text(path, shown, problems):
    """Lines of any source file: width and tabs."""
    for number, line in enumerate(read(path).split("\n"), 1):
        if len(line) > COLUMNS:
            problems.append(f"{shown}:{number}: {len(line)} columns, at most {COLUMNS}")
        if "\t" in line:
            problems.append(f"{shown}:{number}: tab")


def check_length(path, shown, problems):
    lines = len(read(path).splitlines())
    most = LONGER.get(shown, H_LINES if path.suffix == ".h" else C_LINES)
    if path.suffix in (".c", ".h", ".ts") and lines > most:
        problems.append(f"{shown}: {lines} lines, at most {most}")


def check_c(source, shown, problems):
    if len(source.includes) > INCLUDES:
        problems.append(f"{shown}: {len(source.includes)} includes, at most {INCLUDES}")
    for item in source.items:
        if item.name is None or (item.body is None and not item.is_declaration()):
            continue
        lines = item.last - item.first + 1
        if item.body is not None and lines > FUNCTION_LINES:
            problems.append(f"{shown}:{item.first}: {item.name} has {lines} lines, "
                            f"at most {FUNCTION_LINES}")
        count = len(item.parameters())
        given = item.name in MANY_PARAMETERS or item.name.startswith(THIRD_PARTY)
        given = given or (item.name.startswith("on_") and shown.startswith(HOSTS))
        if count > PARAMETERS and not given:
            problems.append(f"{shown}:{item.first}: {item.name} has {count} parameters, "
                            f"at most {PARAMETERS}")


def check_float(source, shown, problems):
    pattern = re.compile(r"\b(float|double)\b|\b\d+\.\d*(e[-+]?\d+)?|\b\d+e[-+]?\d+\b", re.I)
    for number, line in enumerate(source.code.split("\n"), 1):
        m = pattern.search(line)
        if m:
            problems.append(f"{shown}:{number}: floating point ({m.group()}) in src/")


def check_recursion(sources, problems):
    """Cycles among the functions of src/, by name; a static function is its own file's."""
    graph, where = {}, {}
    for shown, source in sources.items():
        for f in source.functions():
            key = (shown, f.name) if "static" in f.head.split() else (None, f.name)
            graph[key], where[key] = (shown, calls(f.body)), f"{shown}:{f.first}"
    edges = {}
    for key, (shown, names) in graph.items():
        edges[key] = [k for n in names for k in ((shown, n), (None, n)) if k in graph][:200]
    for cycle in cycles(edges):
        names = ", ".join(sorted(k[1] for k in cycle))
        problems.append(f"{where[cycle[0]]}: recursion: {names}")


def cycles(edges):
    """Strongly connected components that have an edge inside (Tarjan, with its own stack)."""
    index, low, on, stack, found, count = {}, {}, set(), [], [], 0
    for root in edges:
        if root in index:
            continue
        work = [(root, iter(edges[root]))]
        index[root] = low[root] = count
        count += 1
        stack.append(root)
        on.add(root)
        while work:
            node, rest = work[-1]
            for other in rest:
                if other not in index:
                    index[other] = low[other] = count
                    count += 1
                    stack.append(other)
                    on.add(other)
                    work.append((other, iter(edges[other])))
                    break
                if other in on:
                    low[node] = min(low[node], index[other])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    part = []
                    while True:
                        part.append(stack.pop())
                        on.discard(part[-1])
                        if part[-1] == node:
                            break
                    if len(part) > 1 or node in edges[node]:
                        found.append(part)
    return found


def check_counters(root, problems):
    """Every line of a counters.def is counted somewhere and named by a test."""
    def texts(top, skip=()):
        files = c_files(root, (top,), (".c", ".h", ".py", ".mjs", ".sh"))
        return "\n".join(read(p) for p in files if p.name not in skip)

    # The test of the list itself names counters only as examples.
    tests = texts("tests", {"test_base_counters.c"})
    for path in sorted(Path(root).glob("src/**/counters.def")) + \
            sorted(Path(root).glob("daemon/**/counters.def")):
        shown = path.relative_to(root)
        code = texts(shown.parts[0], {"counters.def"})
        for name in COUNTER_LINE.findall(read(path)):
            word = re.compile(r"(?<![a-z0-9])" + name + r"\b", re.I)
            if not word.search(code):
                problems.append(f"{shown}: {name} is never counted")
            if not word.search(tests):
                problems.append(f"{shown}: no test names {name}")


def text_files(root):
    for top in C_DIRS + ("tools", "cross"):
        for path in sorted((Path(root) / top).rglob("*")):
            if path.is_file() and path.suffix in TEXT_SUFFIXES and "node_modules" not in path.parts:
                yield path


def check(root):
    problems, core = [], {}
    for path in text_files(root):
        shown = str(path.relative_to(root))
        check_text(path, shown, problems)
        check_length(path, shown, problems)
        if path.suffix in (".c", ".h"):
            source = Source(read(path))
            check_c(source, shown, problems)
            if shown.startswith(("src/", "include/")):
                check_float(source, shown, problems)
                core[shown] = source
    check_recursion(core, problems)
    check_counters(root, problems)
    return problems


if __name__ == "__main__":
    sys.exit(report("check_style", check(Path(sys.argv[1] if len(sys.argv) > 1 else "."))))
