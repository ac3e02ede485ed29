"""format: every .c and .h is as clang-format leaves it, by the tree's own .clang-format.

Each major version of clang-format lays out some lines differently; the tree is kept in version
FORMAT_MAJOR's form. With another version alone the check is skipped aloud (exit 77), without any it
fails and says which package to install.
"""

import re
import shutil
import subprocess
import sys

import tree

FORMAT_MAJOR = 14
FOLDERS = (*tree.PRODUCT, "tests")
SKIPPED = 77
MISSING = "no clang-format: install the package clang-format"
NAMES = (f"clang-format-{FORMAT_MAJOR}", "clang-format")


def major_of(program):
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    match = re.search(r"version (\d+)", said)
    return int(match.group(1)) if match else 0


def find(which=shutil.which):
    return next((found for found in map(which, NAMES) if found), None)


def complaints_with(root, program):
    paths = [str(p) for p in tree.sources(root, FOLDERS)]
    if not paths:
        return ["no .c or .h found: is this the source tree?"]
    if not (root / ".clang-format").exists():
        return [".clang-format: not there"]
    run = subprocess.run([program, "--style=file", "--dry-run", "-Werror", *paths], cwd=root,
                         capture_output=True, text=True, check=False)
    places = re.findall(r"^(\S+?):(\d+):\d+: error:", run.stderr, re.M)
    first = {}
    for path, line in places:
        first.setdefault(path, line)
    found = [f"{path}:{line}: clang-format -i {path}" for path, line in first.items()]
    return found or ([run.stderr.strip()] if run.returncode else [])


def check(root, which=shutil.which):
    program = find(which)
    if program is None:
        return [MISSING]
    return complaints_with(root, program)


GOOD = {
    ".clang-format": "BasedOnStyle: LLVM\nIndentWidth: 8\n",
    "authd/a.c": "int f(void) {\n        g();\n        return 0;\n}\n",
    "lib/a.h": "int f(void);\n",
}
ROWS = [
    ("an indent is wrong", {"authd/a.c": "int f(void) {\n    g();\n        return 0;\n}\n"},
     "authd/a.c:1:"),
    ("a header's spaces are wrong", {"lib/a.h": "int  f( void );\n"}, "clang-format -i lib/a.h"),
    ("a test is not exempt", {"tests/unit/t.c": "int  x;\n"}, "tests/unit/t.c:1:"),
    ("no style file", {".clang-format": None}, "not there"),
    ("no sources, so nothing was looked at", {"authd/a.c": None, "lib/a.h": None}, "no .c or .h"),
]


def selftest_missing():
    """Without the program the check fails and names the package."""
    return check(None, which=lambda name: None) == [MISSING]


def main():
    program = find()
    if sys.argv[1:] == ["--selftest"]:
        if not selftest_missing():
            print("Bail out! a missing clang-format goes unnoticed")
            return 1
        return tree.main(check, GOOD, ROWS)
    if program and major_of(program) != FORMAT_MAJOR:
        print(f"skipped: the tree is as clang-format {FORMAT_MAJOR} leaves it; "
              f"this one is {major_of(program)}")
        return SKIPPED
    return tree.main(check, GOOD, ROWS)


if __name__ == "__main__":
    sys.exit(main())
