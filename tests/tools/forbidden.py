"""forbidden: words that must not stand in what ships, each with the reason it is told with.

Words in comments and strings are not code and may stand, but for TODO and its like. Arrays of
variable length cannot be told by a word: the compiler refuses them, so its flags must be set.
"""

import re
import sys

import tree

FOLDERS = ("authd", "lib", "pam", "nss")
CALL = r"\b{}\s*\("
# (pattern, reason), looked for in code
CODE = [
    (r"\bgoto\b", "no goto: clean up by g_autoptr or return early"),
    *[(CALL.format(word), f"{word}: the stack is not for sizes that others choose")
      for word in ("alloca", "__builtin_alloca", "g_alloca", "g_alloca0", "g_newa", "g_newa0",
                   "strdupa", "strndupa")],
    *[(CALL.format(word), f"{word}: writes without a bound")
      for word in ("strcpy", "stpcpy", "strcat", "sprintf", "vsprintf", "gets")],
    *[(CALL.format(word), f"{word}: no shell") for word in ("system", "popen")],
    (r"\bjwt_(decode|valid|verify|checker)\w*\s*\(", "libjwt never decides: it signs only"),
]
# looked for in the whole text
TEXT = [(r"\b(TODO|FIXME|XXX)\b", "finish it or file an issue")]
# of authd/ alone: reason, and who may all the same
AUTHD_INCLUDES = {"jwt.h": ("libjwt never decides: only clientauth signs with it",
                            "authd/issuer/clientauth.c")}
FLAGS = ("-Wvla", "-Walloca", "werror=true")


def matches(path, text, table):
    for pattern, reason in table:
        for match in re.finditer(pattern, text):
            yield f"{path}:{tree.line_of(text, match.start())}: {reason}"


def include_complaints(root, path):
    for line, _, name in tree.includes(root, path):
        reason, may = AUTHD_INCLUDES.get(name.rpartition("/")[2], (None, None))
        if reason and path.parts[0] == "authd" and str(path) != may:
            yield f"{path}:{line}: {name}: {reason}"


def flag_complaints(root):
    path = root / "meson.build"
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    code = re.sub(r"#.*", "", text)
    return [f"meson.build: {flag} is not set: nothing else refuses arrays of variable length"
            for flag in FLAGS if f"'{flag}'" not in code]


def check(root):
    complaints = flag_complaints(root)
    for path in tree.sources(root, FOLDERS):
        text = tree.read(root, path)
        complaints += matches(path, tree.code_only(text), CODE)
        complaints += matches(path, text, TEXT)
        complaints += include_complaints(root, path)
    return complaints


GOOD = {
    "meson.build": "project('x', default_options: ['werror=true'])\nadd('-Wvla', '-Walloca')\n",
    "authd/a.c": '#include <stdio.h>\n/* never strcpy( or goto, and system( */\n'
                 'int f(char *s) { return snprintf(s, 4, "goto gets("); }\n'
                 "int my_system(int); int no_strcpy(int);\n",
    "lib/a.h": "int f(void); // goto\n",
    "authd/issuer/clientauth.c": "#include <jwt.h>\nint f(void) { return jwt_encode_str(); }\n",
    "tools/devidp/sign.c": "#include <jwt.h>\n",
}


def broken(line):
    return {"authd/b.c": "\n" + line + "\n"}


ROWS = [(f"{call} in authd/", broken(f"int f(void) {{ {call}; }}"), "authd/b.c:2: ")
        for call in ("alloca(4)", "strcpy(a, b)", "sprintf (a, b)", "gets(a)", "system(a)",
                     "g_newa(int, 3)", "strcat(a, b)", "popen(a, b)", "goto out")]
ROWS += [
    ("a word after a string that holds a quote", broken('f("\\""); goto x;'), "no goto"),
    ("a word after a character that is a quote", broken("f('\"'); goto x; f('\"');"), "no goto"),
    ("a word in lib/", {"lib/b.h": "static void f(void) { goto x; }\n"}, "lib/b.h:1: no goto"),
    ("a word in pam/", {"pam/b.c": "void f(void) { goto x; }\n"}, "pam/b.c:1: no goto"),
    ("a TODO in a comment", broken("/* TODO: later */"), "finish it"),
    ("jwt.h under authd/", broken("#include <jwt.h>"), "libjwt never decides"),
    ("jwt.h in quotes", broken('#include "jwt.h"'), "libjwt never decides"),
    ("libjwt that decides", broken("int f(void) { return jwt_decode(a, b, c, d); }"),
     "authd/b.c:2: libjwt never decides"),
    ("-Wvla taken out", {"meson.build": GOOD["meson.build"].replace("'-Wvla', ", "")},
     "-Wvla is not"),
    ("-Wvla commented out", {"meson.build": GOOD["meson.build"].replace("add", "# add")},
     "-Wvla is not"),
    ("warnings that are no errors",
     {"meson.build": GOOD["meson.build"].replace("=true", "=false")}, "werror=true is not"),
]

if __name__ == "__main__":
    sys.exit(tree.main(check, GOOD, ROWS))
