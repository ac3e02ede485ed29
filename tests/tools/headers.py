"""headers: each header compiles alone, says once that it is read once, and leads its own .c.

The flags are those of the build itself (compile_commands.json, of which all -I, -D, -W, -f and -std
are taken together). include/authd.h is for other people's compilers: C89, pedantic, a guard.

    headers.py ROOT BUILD COMPILER…      headers.py --selftest COMPILER…
"""

import concurrent.futures
import json
import pathlib
import re
import shlex
import subprocess
import sys

import tree

PUBLIC = pathlib.Path("include/authd.h")
TAKEN = ("-I", "-isystem", "-D", "-W", "-f", "-std=")
NOT_TAKEN = ("-D_FORTIFY_SOURCE",)  # warns without optimization
C89 = ["-std=c89", "-pedantic", "-Wall", "-Wextra", "-Werror"]
SELFTEST_FLAGS = ["-std=gnu17", "-Wall", "-Werror", "-Iauthd"]
COMPLAINT_LINES_MAX = 3


def build_flags(build):
    """The flags of every compilation in the build, each once, paths made absolute."""
    commands = json.loads((build / "compile_commands.json").read_text(encoding="utf-8"))
    flags = {}
    for command in commands:
        if not command["file"].endswith(".c"):
            continue
        for word in shlex.split(command["command"]):
            if word.startswith("-I"):
                word = "-I" + str((pathlib.Path(command["directory"]) / word[2:]).resolve())
            if word.startswith(TAKEN) and not word.startswith(NOT_TAKEN):
                flags[word] = None
    return list(flags)


def compile_alone(root, path, compiler, flags):
    """The first lines of what the compiler says; empty when it says nothing."""
    run = subprocess.run([*compiler, *flags, "-fsyntax-only", "-x", "c", "-include", str(path),
                          "/dev/null"], cwd=root, capture_output=True, text=True, check=False)
    said = run.stderr.strip().splitlines()
    if run.returncode == 0:
        return []
    return [f"{path}: does not compile alone: {line}" for line in said[:COMPLAINT_LINES_MAX]]


def once_complaint(root, path):
    text = tree.code_only(tree.read(root, path))
    if path == PUBLIC:
        guard = re.match(r"\s*#ifndef (\w+)\s*\n\s*#define \1\b", text)
        return [] if guard else [f"{path}: does not begin with an include guard"]
    first = re.search(r"^\s*#.*$", text, re.M)
    if first and first.group().split() in (["#pragma", "once"], ["#", "pragma", "once"]):
        return []
    return [f"{path}: its first directive is not #pragma once"]


def own_header_complaint(root, path):
    header = path.with_suffix(".h")
    if not (root / header).exists():
        return []
    first = next((name for _, _, name in tree.includes(root, path)), None)
    if first and (header == pathlib.Path(path.parts[0]) / first or first == header.name):
        return []
    return [f"{path}: its first include is not its own header"]


def check_with(root, compiler, flags):
    headers = tree.sources(root, tree.PRODUCT, (".h",))
    complaints = []
    for path in headers:
        complaints += once_complaint(root, path)
    for path in tree.sources(root, tree.PRODUCT, (".c",)):
        complaints += own_header_complaint(root, path)
    jobs = [(path, flags) for path in headers]
    jobs += [(PUBLIC, C89)] if (root / PUBLIC).exists() else []
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for found in pool.map(lambda job: compile_alone(root, job[0], compiler, job[1]), jobs):
            complaints += found
    return complaints


GUARDED = "#ifndef AUTHD_H\n#define AUTHD_H\nint authd_f(void);\n#endif\n"
GOOD = {
    "include/authd.h": "/* what it is\n */\n" + GUARDED,
    "authd/base/span.h": "/* #include nothing */\n#pragma once\n#include <stddef.h>\n"
                         "extern size_t n;\n",
    "authd/base/span.c": '/* it */\n#include "base/span.h"\n#include <string.h>\n',
    "authd/token/jws.h": '#pragma once\n#include "base/span.h"\nextern size_t m;\n',
    "authd/main.c": "#include <stdio.h>\n",
    "lib/wire.h": "#pragma once\n",
    "lib/wire.c": '#include "wire.h"\n',
}
ROWS = [
    ("a header leans on what others include first",
     {"authd/token/jws.h": "#pragma once\nextern size_t m;\n"},
     "authd/token/jws.h: does not compile"),
    ("a header that is wrong", {"lib/wire.h": "#pragma once\nint f(\n"},
     "lib/wire.h: does not compile"),
    ("a header that warns", {"lib/wire.h": "#pragma once\nstatic int unused(void) { }\n"},
     "lib/wire.h: does not compile"),
    ("no #pragma once", {"authd/base/span.h": "#include <stddef.h>\n"}, "not #pragma once"),
    ("#pragma once in a comment only", {"lib/wire.h": "/* #pragma once */\nint f(void);\n"},
     "not #pragma once"),
    ("#pragma once after an include", {"lib/wire.h": "#include <stddef.h>\n#pragma once\n"},
     "not #pragma once"),
    ("the public header without a guard", {"include/authd.h": "#pragma once\nint authd_f(void);\n"},
     "include guard"),
    ("a guard that guards another name",
     {"include/authd.h": GUARDED.replace("define AUTHD_H", "define AUTH_H")}, "include guard"),
    ("the public header is not C89",
     {"include/authd.h": GUARDED.replace("int authd_f(void);", "int authd_f(void); // C99\n")},
     "include/authd.h: does not compile alone"),
    ("the public header uses C99 types bare",
     {"include/authd.h": GUARDED.replace("int authd_f(void);", "long long authd_f(void);")},
     "include/authd.h: does not compile alone"),
    ("another include comes first",
     {"authd/base/span.c": '#include <string.h>\n#include "base/span.h"\n'}, "own header"),
    ("the own header is not included", {"lib/wire.c": "int f;\n"}, "own header"),
    ("a header of the same name elsewhere is not one's own",
     {"authd/base/span.c": '#include "token/span.h"\n'}, "own header"),
]


def main(arguments):
    if arguments[0] == "--selftest":
        return tree.selftest(lambda root: check_with(root, arguments[1:], SELFTEST_FLAGS), GOOD,
                             ROWS)
    root, build, compiler = pathlib.Path(arguments[0]), pathlib.Path(arguments[1]), arguments[2:]
    complaints = check_with(root, compiler, build_flags(build))
    print("\n".join(complaints))
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
