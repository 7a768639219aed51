#!/usr/bin/env python3
"""check_layers.py: who may include what (HACKING.md, "Layers").

usage: check_layers.py [ROOT]
"""
import sys
from pathlib import Path

from csource import Source, c_files, read, report

SYSTEM = {"stdint.h", "stddef.h", "stdbool.h", "string.h", "limits.h"}
PUBLIC = {"al_types.h", "al_suite.h", "al_host.h", "allium.h", "al_inspect.h", "al_dht.h",
          "al_shelf.h", "al_service.h", "al_settle.h"}
# Third-party headers belong to src/crypto; these, of the compiler, to where SIMD is written.
SIMD = {"immintrin.h", "wasm_simd128.h"}
SIMD_MODULES = {"crypto", "fec"}
HOSTS = ("daemon", "cli", "sim")
CORE_HEADERS_FOR_HOSTS = {"drive/drive.h"}


def layers(root, problems):
    """{module: (layer, {modules it may include})}"""
    found = {}
    for directory in sorted(p for p in (Path(root) / "src").iterdir() if p.is_dir()):
        path = directory / "LAYER"
        if not path.is_file():
            problems.append(f"src/{directory.name}: has no file LAYER")
            continue
        lines = read(path).splitlines()
        if len(lines) < 2 or not lines[0].strip().isdigit() or not lines[1].startswith("uses:"):
            problems.append(f"src/{directory.name}/LAYER: want a number, then 'uses: ...'")
            continue
        found[directory.name] = (int(lines[0]), set(lines[1][5:].split()))
    for name, (layer, uses) in found.items():
        for other in sorted(uses):
            if other not in found:
                problems.append(f"src/{name}/LAYER: uses {other}, which is no module")
            elif found[other][0] >= layer:
                problems.append(f"src/{name}/LAYER: layer {layer} uses {other} of layer "
                                f"{found[other][0]}: only lower ones")
    return found


def core_include(module, uses, name, system, modules):
    """None, or why src/<module> may not include it."""
    if system or "/" not in name:
        if name in SYSTEM or (name in SIMD and module in SIMD_MODULES):
            return None
        if module == "crypto":
            return None  # third-party crypto, and only here
        return "src/ includes five system headers only, and its own files by module/file.h"
    top, rest = name.split("/", 1)
    if top == "allium":
        return None if rest in PUBLIC or rest.endswith(".def") else "no public header"
    if top not in modules:
        return None if module == "crypto" else "no such module"
    if top == module:
        return None
    if top not in uses:
        return f"src/{module}/LAYER does not name {top}"
    if rest.endswith("_priv.h"):
        return f"private to {top}"
    return None


def host_include(name, modules):
    if name in CORE_HEADERS_FOR_HOSTS or name.split("/", 1)[0] not in modules:
        return None
    return "hosts include allium/*.h and drive/drive.h only"


def check(root):
    problems = []
    modules = layers(root, problems)
    for path in c_files(root, ("src",) + HOSTS, (".c", ".h", ".def")):
        parts = path.relative_to(root).parts
        for line, include in Source(read(path)).includes:
            name, system = include[1:-1], include[0] == "<"
            if parts[0] == "src":
                if len(parts) < 3 or parts[1] not in modules:
                    continue
                why = core_include(parts[1], modules[parts[1]][1], name, system, modules)
            else:
                why = host_include(name, modules)
            if why:
                problems.append(f"{'/'.join(parts)}:{line}: may not include {include}: {why}")
    return problems


if __name__ == "__main__":
    sys.exit(report("check_layers", check(Path(sys.argv[1] if len(sys.argv) > 1 else "."))))
