"""symbols: each shared library gives out what it should and needs what it may, nothing else.

What should be given out is read from what others rely on: the functions that the header declares and
the version script lists, which must be the same; of a module whose header is the system's, the script
alone. What may be needed is in the table.
Beside that: no stack that can be executed, no relocation in the text, all symbols bound at load.

    symbols.py ROOT NAME LIBRARY      NAME is a row of LIBRARIES
    symbols.py --selftest COMPILER…
"""

import pathlib
import re
import subprocess
import sys
import tempfile

import tree

COMMENT = re.compile(r"/\*.*?\*/", re.S)


def functions_of_header(text):
    """The names that a header declares as functions."""
    code = re.sub(r"^[ \t]*#.*$", "", tree.code_only(text), flags=re.M)
    return set(re.findall(r"\b(\w+)\s*\([^()]*\)\s*;", code))


def symbols_of_map(text):
    """{symbol: version} of a version script; what is local is not in it."""
    found = {}
    text = re.sub(r"#.*", "", COMMENT.sub("", text))
    for version, body in re.findall(r"(\w*)\s*\{(.*?)\}", text, re.S):
        public = re.sub(r"local\s*:.*", "", body, flags=re.S)
        for symbol in re.findall(r"(\w+)\s*;", public):
            found[symbol] = version
    return found


def declared_symbols(root, header, script):
    """(symbols with their versions, complaints)."""
    versions = symbols_of_map(tree.read(root, script))
    declared = functions_of_header(tree.read(root, header)) if header else set(versions)
    complaints = [f"{header}: {name} is not in {script}" for name in sorted(declared - set(versions))]
    complaints += [f"{script}: {name} is not declared in {header}"
                   for name in sorted(set(versions) - declared)]
    return versions, complaints


# name: (header that declares what it gives out, None: the system's; version script; soname, None: of a
# module that is loaded by its path; libraries that it may need)
LIBRARIES = {
    "libauthd": ("include/authd.h", "lib/libauthd.map", "libauthd.so.1", {"libc.so.6"}),
    "libnss_authd": ("nss/nss_authd.h", "nss/libnss_authd.map", "libnss_authd.so.2", {"libc.so.6"}),
    "pam_authd": (None, "pam/pam_authd.map", None, {"libc.so.6", "libpam.so.0"}),
}


def output_of(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def exported(library):
    """{symbol: version or ""} of what the library defines for others; a version's own name aside."""
    found = {}
    for line in output_of("nm", "-D", "--defined-only", "--with-symbol-versions", library).splitlines():
        kind, name = line.split()[-2:]
        if kind != "A":
            symbol, _, version = name.partition("@")
            found[symbol] = version.lstrip("@")
    return found


def symbol_complaints(library, wanted):
    found = exported(library)
    complaints = [f"gives out {name}, which nobody declared" for name in sorted(set(found) - set(wanted))]
    complaints += [f"does not give out {name}" for name in sorted(set(wanted) - set(found))]
    complaints += [f"gives out {name} as version {found[name] or '(none)'}, not {wanted[name]}"
                   for name in sorted(set(found) & set(wanted)) if found[name] != wanted[name]]
    return complaints


def dynamic_complaints(library, soname, may_need):
    dynamic = output_of("readelf", "--wide", "--dynamic", "--program-headers", library)
    needed = set(re.findall(r"\(NEEDED\).*\[(.+)\]", dynamic))
    complaints = [f"needs {name}" for name in sorted(needed - may_need)]
    if soname and re.findall(r"\(SONAME\).*\[(.+)\]", dynamic) != [soname]:
        complaints.append(f"is not called {soname}")
    if re.search(r"\(TEXTREL\)", dynamic):
        complaints.append("has relocations in its text")
    if not re.search(r"\bBIND_NOW\b|\bNOW\b", dynamic):
        complaints.append("binds lazily: link it with -z now")
    if re.search(r"GNU_STACK.*\bRWE\b", dynamic):
        complaints.append("wants a stack that can be executed")
    return complaints


def check(root, name, library):
    header, script, soname, may_need = LIBRARIES[name]
    wanted, complaints = declared_symbols(root, header, script)
    found = symbol_complaints(library, wanted) + dynamic_complaints(library, soname, may_need)
    return complaints + [f"{pathlib.Path(library).name}: {complaint}" for complaint in found]


# --- the self-test: libraries made for it ------------------------------------------------------

HEADER = "/* int authd_not_this(void); */\n#define AUTHD_X 1\nint authd_a(void);\n" \
         "const char *authd_b(int x,\n                    int y);\n"
MAP = "# x: y;\nAUTHD_1 {\nglobal:\n authd_a;\n authd_b;\nlocal:\n *;\n};\n"
CODE = "int authd_a(void) { return hidden(); }\n" \
       "const char *authd_b(int x, int y) { (void) x; (void) y; return 0; }\n"
HIDDEN = "int hidden(void);\nint hidden(void) { return 1; }\n"
LINK = ["-Wl,-soname,libauthd.so.1", "-Wl,-z,now"]
ROWS = [
    ("as it should be", {}, None),
    ("a symbol too many", {"built_map": MAP.replace(" authd_b;", " authd_b;\n hidden;")},
     "gives out hidden"),
    ("no version script", {"link": LINK, "scripted": False}, "gives out hidden"),
    ("a function that is declared and not there", {"header": HEADER + "void authd_c(void);\n"},
     "authd_c is not in lib/libauthd.map"),
    ("a function that the script alone knows", {"header": "int authd_a(void);\n"},
     "authd_b is not declared"),
    ("a function of the script that is not in the code",
     {"map": MAP.replace(" authd_b;", " authd_b;\n authd_c;"),
      "header": HEADER + "int authd_c(void);\n"}, "does not give out authd_c"),
    ("a script whose symbols have no version", {"map": MAP.replace("AUTHD_1 ", "")}, None),
    ("another version's name", {"built_map": MAP.replace("AUTHD_1", "AUTHD_2")},
     "as version AUTHD_2, not AUTHD_1"),
    ("a library more", {"code": "double cos(double);\n" + CODE.replace("hidden()", "(int) cos(hidden())"),
                        "link": [*LINK, "-lm"]}, "needs libm.so.6"),
    ("another soname", {"link": ["-Wl,-soname,libauthd.so.2", "-Wl,-z,now"]}, "is not called"),
    ("lazy binding", {"link": ["-Wl,-soname,libauthd.so.1", "-Wl,-z,lazy"]}, "binds lazily"),
    ("a stack that can be executed", {"link": [*LINK, "-Wl,-z,execstack"]}, "stack"),
]


def complaints_of_row(compiler, changes):
    with tempfile.TemporaryDirectory(prefix="authd-check-") as folder:
        root = pathlib.Path(folder)
        texts = {"include/authd.h": changes.get("header", HEADER),
                 "lib/libauthd.map": changes.get("map", MAP),
                 "built.map": changes.get("built_map", changes.get("map", MAP)),
                 "x.c": HIDDEN + changes.get("header", HEADER) + changes.get("code", CODE)}
        for name, text in texts.items():
            (root / name).parent.mkdir(exist_ok=True)
            (root / name).write_text(text, encoding="utf-8")
        script = [f"-Wl,--version-script={root / 'built.map'}"] if changes.get("scripted", True) else []
        library = str(root / "libauthd.so")
        subprocess.run([*compiler, "-shared", "-fPIC", "-fno-builtin", "-o", library, str(root / "x.c"), *script,
                        *changes.get("link", LINK)], check=True, capture_output=True)
        return check(root, "libauthd", library)


def selftest(compiler):
    print(f"1..{len(ROWS)}")
    n_failed = 0
    for number, (sentence, changes, wanted) in enumerate(ROWS, 1):
        complaints = complaints_of_row(compiler, changes)
        well = any(wanted in c for c in complaints) if wanted else not complaints
        n_failed += not well
        print(f"{'ok' if well else 'not ok'} {number} - {sentence}")
        if not well:
            print(f"# wanted {wanted!r}, got {complaints}")
    return 1 if n_failed else 0


def main(arguments):
    if arguments[0] == "--selftest":
        return selftest(arguments[1:])
    complaints = check(pathlib.Path(arguments[0]), arguments[1], arguments[2])
    print("\n".join(complaints))
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
