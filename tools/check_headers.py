#!/usr/bin/env python3
"""check_headers.py: every header compiles alone: public ones as C11 and C++, the core's as C11.

usage: check_headers.py ROOT CC CXX
"""
import subprocess
import sys
from pathlib import Path

from csource import report

WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Werror"]


def compiles(root, compiler, language, include):
    """None, or the compiler's first line."""
    command = [*compiler, "-fsyntax-only", *language, *WARNINGS, "-I", str(root / "include"),
               "-I", str(root / "src"), "-"]
    done = subprocess.run(command, input=f'#include "{include}"\n', capture_output=True, text=True)
    if done.returncode == 0:
        return None
    lines = [line for line in done.stderr.splitlines() if "error" in line]
    return (lines or done.stderr.splitlines() or ["failed"])[0]


def name_of(language):
    return "C++" if "c++" in language else "C11"


def check(root, cc, cxx):
    problems = []
    c11, cpp = ["-x", "c", "-std=c11"], ["-x", "c++", "-std=c++14"]
    for path in sorted((root / "include").rglob("*.h")):
        name = str(path.relative_to(root / "include"))
        for compiler, language in ((cc, c11), (cxx, cpp)):
            why = compiles(root, compiler, language, name)
            if why:
                problems.append(f"include/{name} alone as {name_of(language)}: {why}")
    for path in sorted((root / "src").rglob("*.h")):
        name = str(path.relative_to(root / "src"))
        if "hacl" in path.parts:
            continue  # needs the third-party include folders; compiled with its module
        why = compiles(root, cc, c11, name)
        if why:
            problems.append(f"src/{name} alone as C11: {why}")
    return problems


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    sys.exit(report("check_headers", check(Path(sys.argv[1]), sys.argv[2].split(),
                                           sys.argv[3].split())))
