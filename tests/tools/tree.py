"""tree: what the checks share: walking the sources, reporting, showing that a check can fail.

A check is a function of a root folder that returns complaints, one line each ("path:line: what").
None means that all is well. Its self-test is a small made-up tree that passes, and rows of one
sentence, the files that break it, and a part of the complaint that must then come.
"""

import pathlib
import re
import sys
import tempfile

PRODUCT = ("authd", "include", "lib", "pam", "nss", "tools")
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]', re.M)
# Comments, strings and character constants: what a word in them says is not code.
NOT_CODE = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def sources(root, folders, suffixes=(".c", ".h")):
    """Every source file below the folders, sorted, as paths relative to root."""
    found = []
    for folder in folders:
        found += [p for p in (root / folder).rglob("*") if p.suffix in suffixes and p.is_file()]
    return sorted(p.relative_to(root) for p in found)


def read(root, path):
    return (root / path).read_text(encoding="utf-8")


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def code_only(text):
    """The text with comments and literals blanked, lines and columns kept."""
    return NOT_CODE.sub(lambda m: re.sub(r"[^\n]", " ", m.group()), text)


def includes(root, path):
    """(line, "quote" or "angle", name) of each include."""
    text = read(root, path)
    blank = re.sub(r"/\*.*?\*/", lambda m: re.sub(r"[^\n]", " ", m.group()), text, flags=re.S)
    for match in INCLUDE.finditer(blank):
        kind = "quote" if match.group(1) == '"' else "angle"
        yield line_of(blank, match.start()), kind, match.group(2)


def _complaints_of(check, files):
    with tempfile.TemporaryDirectory(prefix="authd-check-") as folder:
        root = pathlib.Path(folder)
        for path, text in files.items():
            if text is None:
                continue
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, encoding="utf-8")
        return check(root)


def _row_trouble(check, good, changes, wanted):
    complaints = _complaints_of(check, {**good, **changes})
    if wanted is None and complaints:
        return f"wanted no complaint, got {complaints}"
    if wanted is not None and not any(wanted in c for c in complaints):
        return f"wanted {wanted!r}, got {complaints}"
    return None


def selftest(check, good, rows):
    """rows: (sentence, {path: text, or None for no such file}, part of the complaint, or None)."""
    rows = [("the tree as it should be passes", {}, None), *rows]
    print(f"1..{len(rows)}")
    n_failed = 0
    for number, (sentence, changes, wanted) in enumerate(rows, 1):
        trouble = _row_trouble(check, good, changes, wanted)
        n_failed += trouble is not None
        print(f"{'not ok' if trouble else 'ok'} {number} - {sentence}")
        if trouble:
            print(f"# {trouble}")
    return 1 if n_failed else 0


def main(check, good, rows):
    """check.py ROOT, or check.py --selftest."""
    if sys.argv[1:] == ["--selftest"]:
        return selftest(check, good, rows)
    complaints = check(pathlib.Path(sys.argv[1]))
    for complaint in complaints:
        print(complaint)
    return 1 if complaints else 0
