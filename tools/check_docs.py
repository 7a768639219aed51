#!/usr/bin/env python3
"""check_docs.py: headers say what HACKING.md wants said, and documents name things that exist.

usage: check_docs.py [ROOT]
"""
import re
import sys
from pathlib import Path

from csource import Source, c_files, read, report

FIELDS = ("Result:", "Cost:", "Source:", "Tested:")
# A word with a placeholder is a pattern, not a name: al_<module>_init, al_rd_*, al_x_set_state.
PLACEHOLDERS = ("al_thing", "al_x_")
IDENTIFIER = re.compile(r"(?<![\w<>./-])(al_[a-z0-9_]*[a-z0-9])(?![\w<*>/]|\.[a-z])(_[<*])?")
TEST_NAME = re.compile(r"\b(unit|fuzz)/([a-z0-9_]+)")


def documents(root):
    root = Path(root)
    found = sorted(root.glob("*.md")) + sorted((root / "docs").rglob("*.md"))
    return found + sorted((root / "src").glob("*/README.md")) + sorted(root.glob("*/README.md"))


def comments_of_block(source, line):
    """The text of the comments above `line` up to the last blank line: what related lines share."""
    top = line
    while top > 1 and source.lines[top - 2].strip():
        top -= 1
    return "\n".join(text for first, last, text in source.comments if top <= last < line)


def check_comment(source, item, core, where, problems):
    """One declaration of a header. In hosts, lines that belong together may share one comment."""
    comment = source.comment_before(item.first)
    if not core:
        if comment is None and not comments_of_block(source, item.first):
            problems.append(f"{where}: {item.name} has no comment")
        return
    if comment is None or not re.search(r"\b" + re.escape(item.name) + r"\b", comment):
        problems.append(f"{where}: {item.name} has no comment that begins with its name")
    elif item.body is None:
        for field in FIELDS:
            if field not in comment:
                problems.append(f"{where}: the comment of {item.name} lacks '{field}'")


def check_tested(root, source, shown, problems):
    for first, _, text in source.comments:
        at = text.find("Tested:")
        for kind, name in TEST_NAME.findall(text[at:]) if at >= 0 else []:
            if not list((Path(root) / "tests" / kind).glob(
                    ("test_" if kind == "unit" else "fuzz_") + name + "*.c")):
                problems.append(f"{shown}:{first}: there is no test {kind}/{name}")


def check_headers(root, problems):
    for path in c_files(root, ("include", "src", "daemon", "cli"), (".h",)):
        shown = str(path.relative_to(root))
        source = Source(read(path))
        if not source.comments or source.comments[0][0] != 1:
            problems.append(f"{shown}:1: does not begin with a comment that says what it is")
        core = shown.startswith(("include/", "src/"))
        for item in source.items:
            if item.name is None or not (item.body is not None or item.is_declaration()):
                continue
            check_comment(source, item, core, f"{shown}:{item.first}", problems)
        check_tested(root, source, shown, problems)


def known_words(root):
    words = set()
    for path in c_files(root, suffixes=(".c", ".h", ".def", ".py", ".mjs", ".ts")):
        words.update(re.findall(r"\bal_[a-z0-9_]+", read(path)))
        if path.suffix in (".c", ".h"):
            words.add(path.stem)
    for build in Path(root).rglob("meson.build"):
        words.update(re.findall(r"\bal_[a-z0-9_]+", read(build)))
    return words


def check_words(root, problems):
    words = known_words(root)
    for path in documents(root):
        shown = path.relative_to(root)
        for number, line in enumerate(read(path).split("\n"), 1):
            for m in IDENTIFIER.finditer(line):
                name = m.group(1)
                if name not in words and not m.group(2) and not name.startswith(PLACEHOLDERS):
                    problems.append(f"{shown}:{number}: {name} does not exist")


def check_links(root, problems):
    for path in documents(root):
        shown = path.relative_to(root)
        for number, line in enumerate(read(path).split("\n"), 1):
            for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", line):
                if "://" in target or target.startswith("mailto:"):
                    continue
                if not (path.parent / target).exists():
                    problems.append(f"{shown}:{number}: link to {target}, which is not there")
            for target in re.findall(r"(?<![\w/.])docs/[\w/-]+\.md\b", line):
                if not (Path(root) / target).exists():
                    problems.append(f"{shown}:{number}: names {target}, which is not there")
    for path in c_files(root):
        source = read(path)
        for target in sorted(set(re.findall(r"(?<![\w/.])docs/[\w/-]+\.md\b", source))):
            if not (Path(root) / target).exists():
                problems.append(f"{path.relative_to(root)}: names {target}, which is not there")


def check_architecture(root, problems):
    path = Path(root) / "docs" / "ARCHITECTURE.md"
    if not path.is_file():
        return
    text = read(path)
    rows = set(re.findall(r"^\|\s*src/(\w+)/", text, re.M))
    there = {p.name for p in (Path(root) / "src").iterdir() if p.is_dir()}
    for name in sorted(there - rows):
        problems.append(f"docs/ARCHITECTURE.md: has no row for src/{name}/")
    for name in sorted(rows - there):
        problems.append(f"docs/ARCHITECTURE.md: has a row for src/{name}/, which is not there")
    for name in sorted(there):
        readme = Path(root) / "src" / name / "README.md"
        if not readme.is_file():
            problems.append(f"src/{name}: has no README.md")
        elif len(read(readme).splitlines()) > 40:
            problems.append(f"src/{name}/README.md: more than 40 lines")


def check(root):
    problems = []
    check_headers(root, problems)
    check_words(root, problems)
    check_links(root, problems)
    check_architecture(root, problems)
    return problems


if __name__ == "__main__":
    sys.exit(report("check_docs", check(Path(sys.argv[1] if len(sys.argv) > 1 else "."))))
