#!/usr/bin/env python3
"""check_make.py: what `make` runs (HACKING.md, "Make").

usage: check_make.py BUILD_DIRECTORY

A bare machine has what `tools/setup build` installs, and no more: what the default target runs may
be the compiler that was configured, ar and scripts of ours, but not what only the tests need.
"""
import re
import subprocess
import sys

from csource import report

# clang is what the sanitizers' build is configured with, so it is told by its other face.
TESTS_ONLY = re.compile(
    r"(^|[/ '])(wasm-cc|build-wasm|wasm-setup|wasm-ld|chromium|valgrind|npm|spin)\b|--target=wasm")


def main(build):
    done = subprocess.run(["ninja", "-C", build, "-t", "commands", "all"], check=True,
                          capture_output=True, text=True)
    commands = [c for c in done.stdout.splitlines() if not c.startswith("ninja:")]
    problems = [f"make runs what a bare machine lacks: {c[:160]}" for c in commands
                if TESTS_ONLY.search(c)]
    if len(commands) < 100:
        problems.append(f"only {len(commands)} commands in {build}: this check sees nothing")
    return report("check_make", problems)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
