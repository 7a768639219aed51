"""csource.py: just enough reading of C for the checks: comments, includes, file-scope items, calls.

Not a parser: it relies on the project's own style (clang-format, no macros that open braces).
"""
import re
from pathlib import Path

C_DIRS = ("include", "src", "daemon", "cli", "sim", "web", "bench", "tests")
NOT_NAMES = {
    "if", "for", "while", "switch", "return", "sizeof", "defined", "__attribute__", "_Alignas",
    "_Static_assert", "_Alignof", "__asm__", "__declspec", "typeof", "_Generic", "G_GNUC_PRINTF",
    "format", "unused", "void", "int", "bool",
}


def read(path):
    return Path(path).read_text(encoding="utf-8", errors="replace")


def c_files(root, dirs=C_DIRS, suffixes=(".c", ".h")):
    """Our C files, sorted; fetched and generated ones are elsewhere."""
    for name in dirs:
        top = Path(root) / name
        if top.is_dir():
            for path in sorted(top.rglob("*")):
                if path.suffix in suffixes and "node_modules" not in path.parts:
                    yield path


class Source:
    """One file: `code` is the text with comments, strings and directives blanked (same lines)."""

    def __init__(self, text):
        self.text = text
        self.lines = text.split("\n")
        self.comments = []  # (first line, last line, text), lines from 1
        self.includes = []  # (line, "<x.h>" or "\"x.h\"")
        self.code = self._blank_directives(self._blank_comments())
        self.items = list(self._items())

    def _blank_comments(self):
        out, text, i, line = [], self.text, 0, 1
        pattern = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
        for m in pattern.finditer(text):
            out.append(text[i:m.start()])
            line += text.count("\n", i, m.start())
            token = m.group()
            last = line + token.count("\n")
            if token.startswith(("/*", "//")):
                self.comments.append((line, last, token))
                out.append(re.sub(r"[^\n]", " ", token))
            else:
                out.append(token[0] + " " * (len(token) - 2) + token[-1])
            i, line = m.end(), last
        out.append(text[i:])
        return "".join(out)

    def _blank_directives(self, code):
        lines, i, skip = code.split("\n"), 0, 0
        while i < len(lines):
            stripped = lines[i].strip()
            if not stripped.startswith("#"):
                if skip:
                    lines[i] = ""
                i += 1
                continue
            word = re.match(r"#\s*(\w+)", stripped)
            word = word.group(1) if word else ""
            inc = re.match(r'\s*#\s*include\s*(<[^>]+>|"[^"]*")', self.lines[i])
            if inc:
                self.includes.append((i + 1, inc.group(1)))
            if skip:
                skip += {"if": 1, "ifdef": 1, "ifndef": 1, "endif": -1}.get(word, 0)
            elif word == "ifdef" and "__cplusplus" in stripped:
                skip = 1  # extern "C" braces
            while True:
                more = lines[i].rstrip().endswith("\\")
                lines[i] = ""
                i += 1
                if not more or i >= len(lines):
                    break
        return "\n".join(lines)

    def _items(self):
        """File-scope items: (first line, last line, head, body); body is None for declarations."""
        start, depth, line, head_end = None, 0, 1, None
        parens = 0
        for i, ch in enumerate(self.code):
            if ch == "\n":
                line += 1
                continue
            if ch.isspace():
                continue
            if start is None:
                start, first = i, line
            if ch == "(":
                parens += 1
            elif ch == ")":
                parens -= 1
            elif ch == "{":
                if depth == 0 and parens == 0:
                    head_end = i
                depth += 1
            elif ch == "}":
                depth -= 1
                if depth == 0 and is_function_head(self.code[start:head_end or i]):
                    yield Item(first, line, self.code[start:head_end], self.code[head_end:i + 1])
                    start, head_end = None, None
            elif ch == ";" and depth == 0 and parens == 0:
                text = self.code[start:i]
                yield Item(first, line, text, None)
                start, head_end = None, None

    def comment_before(self, line):
        """The comment whose last line is right above `line`, else None."""
        for first, last, text in self.comments:
            if last == line - 1:
                return text
        return None

    def functions(self):
        return [i for i in self.items if i.body is not None]


class Item:
    def __init__(self, first, last, head, body):
        self.first, self.last, self.head, self.body = first, last, head, body
        self.name = function_name(head)

    def is_declaration(self):
        """A function declaration (prototype)."""
        if self.body is not None or self.name is None or self.head.lstrip().startswith("typedef"):
            return False
        before = self.head[:self.head.index(self.name)]
        return "=" not in before and not before.rstrip().endswith("(*")

    def is_inline(self):
        return "static" in self.head.split("(")[0].split()

    def parameters(self):
        at = re.search(r"\b" + re.escape(self.name) + r"\s*\(", self.head).end()
        depth, args, now = 1, [], ""
        for ch in self.head[at:]:
            depth += {"(": 1, ")": -1}.get(ch, 0)
            if depth == 0:
                break
            if ch == "," and depth == 1:
                args.append(now)
                now = ""
            else:
                now += ch
        args.append(now)
        args = [a.strip() for a in args]
        return [] if args in ([""], ["void"]) else args


def function_name(head):
    """The declared function's name: the first word before a parenthesis that can be one."""
    for m in re.finditer(r"\b([A-Za-z_]\w*)\s*\(", head):
        if m.group(1) not in NOT_NAMES and not m.group(1).isupper():
            depth = head[:m.start()].count("(") - head[:m.start()].count(")")
            if depth == 0:
                return m.group(1)
    return None


def is_function_head(head):
    head = head.strip()
    if not head or function_name(head) is None:
        return False
    if re.match(r"(typedef|struct|union|enum)\b[^(]*$", head):
        return False
    outside = re.sub(r"\([^()]*(\([^()]*(\([^()]*\))?[^()]*\))*[^()]*\)", "", head)
    return "=" not in outside and not head.startswith("typedef")


def calls(body):
    """Names that look called in a body."""
    return {m.group(1) for m in re.finditer(r"\b([A-Za-z_]\w*)\s*\(", body)} - NOT_NAMES


def report(tool, problems):
    """Print one line a problem; the exit code."""
    for p in problems:
        print(p)
    print(f"{tool}: {len(problems)} problem{'s' if len(problems) != 1 else ''}")
    return 1 if problems else 0
