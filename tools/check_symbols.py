#!/usr/bin/env python3
"""check_symbols.py: what the core's object files hold (HACKING.md, "Symbols").

usage: check_symbols.py ROOT BUILD_DIRECTORY

Reads every libal_*.a that BUILD_DIRECTORY/src has: no writable data, no import but the named ones,
no exported name but al_*. Third-party files are libthird_*.a: they may serve src/crypto only.
"""
import re
import subprocess
import sys
from pathlib import Path

from csource import report

# What the core may ask of its host: memory functions, the assert hook, and what compilers call.
IMPORTS = {
    "memcpy", "memmove", "memset", "memcmp", "al_assert_failed",
    "__stack_chk_fail", "_GLOBAL_OFFSET_TABLE_",
    "__cpu_model", "__cpu_indicator_init",  # __builtin_cpu_supports, in libgcc
}
# Arithmetic that the compiler calls where the machine has no instruction for it.
LIBGCC = re.compile(r"^__(popcount|clz|ctz|ffs|bswap|u?div|u?mod|mul|ash[lr]|lshr)[sdt]i[234]$")
# PQClean's one hook: the name is theirs, the function is ours.
EXPORTS = {"PQCLEAN_randombytes"}
WRITABLE = re.compile(r"^\.(data|bss|tdata|tbss)(\.(?!rel\.ro).*)?$")


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def writable_sections(library):
    """(object, section, bytes) of each non-empty writable section; relocated constants are not."""
    member = "?"
    for line in run("readelf", "-SW", str(library)).splitlines():
        m = re.match(r"File: .*\((.*)\)", line)
        if m:
            member = m.group(1)
        m = re.match(r"\s*\[\s*\d+\]\s+(\S+)\s+\S+\s+[0-9a-f]+\s+[0-9a-f]+\s+([0-9a-f]+)", line)
        if m and WRITABLE.match(m.group(1)) and int(m.group(2), 16):
            yield member, m.group(1), int(m.group(2), 16)


def symbols(library):
    """(object, name, type) of each symbol of an archive."""
    for line in run("nm", "-P", "-A", str(library)).splitlines():
        m = re.match(r".*\[(.*)\]: (\S+) (\S)", line)
        if m:
            yield m.groups()


def check_library(library, core, third, problems):
    shown = library.name
    for member, section, size in writable_sections(library):
        problems.append(f"{shown}({member}): {size} bytes of writable data in {section}")
    crypto = library.parent.name == "crypto"
    for member, name, kind in symbols(library):
        where = f"{shown}({member})"
        if kind in "Uvw":
            if name in IMPORTS or name in core or LIBGCC.match(name):
                continue
            if name in third:
                if not crypto:
                    problems.append(f"{where}: imports {name} of a third-party file")
                continue
            problems.append(f"{where}: imports {name}")
        elif kind == "C":
            problems.append(f"{where}: common variable {name}")
        elif kind.isupper() and not name.startswith("al_") and name not in EXPORTS:
            problems.append(f"{where}: exports {name}, which does not begin with al_")


def defined(libraries):
    return {name for lib in libraries for _, name, kind in symbols(lib)
            if kind.isupper() and kind != "U"}


def check(root, build):
    problems = []
    libraries = sorted((Path(build) / "src").rglob("libal_*.a"))
    for module in sorted(p.parent for p in (Path(root) / "src").glob("*/meson.build")):
        if not any(lib.parent.name == module.name for lib in libraries):
            problems.append(f"src/{module.name}: no library was built")
    core = defined(libraries)
    third = defined(sorted((Path(build) / "src").rglob("libthird_*.a")))
    for library in libraries:
        check_library(library, core, third, problems)
    return problems


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(report("check_symbols", check(Path(sys.argv[1]), Path(sys.argv[2]))))
