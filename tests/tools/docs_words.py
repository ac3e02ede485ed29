"""docs_words: what the manual and the contract name is what the code has, both ways.

The code's tables come from the program words, which prints them: settings (authd.conf.5: section, order, kind,
default; and authd.conf.example), reasons (authd.8 REASONS, and the enum of the OpenAPI file), routes (its paths
and methods). Log events and metric families are read from the sources, where each is a literal. Every page
passes mandoc's lint at the level of warnings.

    docs_words.py ROOT WORDS      docs_words.py --selftest
"""

import json
import pathlib
import re
import shutil
import subprocess
import sys

import tree
import yaml

SETTINGS_PAGE = "docs/man/authd.conf.5"
DAEMON_PAGE = "docs/man/authd.8"
EXAMPLE = "docs/authd.conf.example"
CONTRACT = "include/authd.openapi.yaml"
SELFTEST_WORDS = "words.json"
SINGLE_SECTIONS = ("authd", "users")
MACROS = ("No", "Ql", "Li", "Cm", "Pa")
METHODS = ("get", "put", "post", "delete", "options", "patch")
EVENT = re.compile(r'\blog_event\(\s*([^,]+),\s*(?:"(\w+)"|(\S))')
FAMILY = re.compile(r'\bmetric_family_new\(\s*([^,]+),\s*(\w+),\s*(?:"(\w+)"|(\S))')


def section(text, name):
    """The lines of a page below .Sh NAME."""
    found = re.search(rf"^\.Sh {re.escape(name)}\n(.*?)(?=^\.Sh |\Z)", text, re.M | re.S)
    return found.group(1) if found else ""


def items(text):
    """(head, body) of each outermost .It, macros left in."""
    depth, found = 0, []
    for line in text.splitlines():
        depth += line.startswith(".Bl") - line.startswith(".El")
        if line.startswith(".It ") and depth == 1:
            found.append((line[len(".It "):], []))
        elif found:
            found[-1][1].append(line)
    return [(head, "\n".join(body)) for head, body in found]


def plain(text):
    """Without macro words and the punctuation of mdoc."""
    return " ".join(word for word in text.split() if word not in MACROS)


def difference(where, documented, known):
    """Complaints for words on one side only, and for another order."""
    complaints = [f"{where}: {word} is not there" for word in known if word not in documented]
    complaints += [f"{where}: {word} is not in the code" for word in documented if word not in known]
    if not complaints and documented != known:
        complaints.append(f"{where}: not in the order of the code: {' '.join(documented)}")
    return complaints


# Settings.

def setting_complaints(where, setting, note, body):
    """note is what stands in brackets behind the key: "path, default /run/authd/authd.sock"."""
    kind, _, fallback = note.partition(",")
    complaints = []
    if kind != setting["kind"]:
        complaints.append(f"{where}: {setting['key']} is a {setting['kind']}, not a {kind}")
    told = fallback.strip().removeprefix("default ")
    elements = [element.strip() for element in setting["fallback"].split(";") if element.strip()]
    if setting["fallback"] != told and not all(element in body for element in elements or ["\0"]):
        if elements or re.match(r"[\d/]", told):
            complaints.append(f"{where}: {setting['key']} has the default {setting['fallback']!r}, not {told!r}")
    return complaints


def settings_complaints(root, words):
    page, complaints = tree.read(root, SETTINGS_PAGE), []
    for name in dict.fromkeys(setting["section"] for setting in words["settings"]):
        title = f"[{name}]" if name in SINGLE_SECTIONS else f"[{name} NAME]"
        where = f"{SETTINGS_PAGE} {title}"
        known = {setting["key"]: setting for setting in words["settings"] if setting["section"] == name}
        found = [(re.fullmatch(r"Cm (\S+) No \((.*)\)", head), body) for head, body in items(section(page, title))]
        shown = {match.group(1): (plain(match.group(2)), body) for match, body in found if match}
        complaints += difference(where, list(shown), list(known))
        for key in [key for key in known if key in shown]:
            complaints += setting_complaints(where, known[key], *shown[key])
    return complaints


def example_complaints(root, words):
    known = {(setting["section"], setting["key"]) for setting in words["settings"]}
    name, complaints = None, []
    for number, line in enumerate(tree.read(root, EXAMPLE).splitlines(), 1):
        title = re.match(r"(?:# )?\[(\w+)", line)
        name = title.group(1) if title else name
        key = re.match(r"(?:# )?(\w+) = ", line)
        if key and (name, key.group(1)) not in known:
            complaints.append(f"{EXAMPLE}:{number}: no setting {key.group(1)} in [{name}]")
    return complaints


# Reasons.

def reason_note(reason):
    parts = [reason["verdict"], str(reason["status"]), reason.get("bearer_error")]
    return ", ".join(part for part in parts if part)


def page_reasons_complaints(root, words):
    found = [(re.fullmatch(r"Li (\w+) No \((.*)\)", head), body)
             for head, body in items(section(tree.read(root, DAEMON_PAGE), "REASONS"))]
    shown = {match.group(1): (match.group(2), body) for match, body in found if match}
    where = f"{DAEMON_PAGE} REASONS"
    complaints = difference(where, list(shown), [reason["word"] for reason in words["reasons"]])
    for reason in words["reasons"]:
        note, body = shown.get(reason["word"], (None, ""))
        if note is not None and note != reason_note(reason):
            complaints.append(f"{where}: {reason['word']} is ({reason_note(reason)}), not ({note})")
        if note is not None and not body.replace("\n", " ").startswith(reason["sentence"]):
            complaints.append(f"{where}: {reason['word']} does not begin with {reason['sentence']!r}")
    return complaints


def reasons_complaints(root, words):
    contract = yaml.safe_load(tree.read(root, CONTRACT))
    known = [reason["word"] for reason in words["reasons"]]
    return page_reasons_complaints(root, words) + difference(
        f"{CONTRACT} Reason", contract["components"]["schemas"]["Reason"]["enum"], known)


# Routes.

def routes_complaints(root, words):
    paths = yaml.safe_load(tree.read(root, CONTRACT))["paths"]
    # "/auth/{policy}" is the table's "/auth/".
    shown = {re.sub(r"\{\w+\}$", "", path): sorted(method for method in METHODS if method in operations)
             for path, operations in paths.items()}
    known = {route["path"]: sorted(route["methods"].lower().split()) for route in words["routes"]}
    complaints = difference(f"{CONTRACT} paths", sorted(shown), sorted(known))
    return complaints + [f"{CONTRACT} {path}: methods {shown[path]}, in the code {known[path]}"
                         for path in known if path in shown and shown[path] != known[path]]


# Words that stand in the sources.

def source_words(root, pattern):
    """({word}, complaints) of a call whose word must be a literal; its last two groups are the literal or not."""
    words, complaints = set(), []
    for path in tree.sources(root, ["authd"], (".c",)):
        text = tree.read(root, path)
        for match in pattern.finditer(text):
            if match.groups()[-2]:
                words.add(match.groups()[-2])
            else:
                complaints.append(f"{path}:{tree.line_of(text, match.start())}: the word is not a literal")
    return words, complaints


def source_words_complaints(root, pattern, name):
    known, complaints = source_words(root, pattern)
    shown = [plain(head) for head, _ in items(section(tree.read(root, DAEMON_PAGE), name))]
    return complaints + difference(f"{DAEMON_PAGE} {name}", sorted(shown), sorted(known))


# Pages.

def lint_complaints(root):
    if not shutil.which("mandoc"):
        return ["mandoc is not installed: no page was linted"]
    complaints = []
    for page in sorted((root / "docs/man").glob("*.[1-8]")):
        run = subprocess.run(["mandoc", "-Tlint", "-Wwarning", page], capture_output=True, text=True, check=False)
        complaints += [line.replace(f"{root}/", "") for line in run.stdout.splitlines()]
    return complaints


def check(root, words):
    return (settings_complaints(root, words) + example_complaints(root, words) + reasons_complaints(root, words) +
            routes_complaints(root, words) + source_words_complaints(root, EVENT, "LOG EVENTS") +
            source_words_complaints(root, FAMILY, "METRICS") + lint_complaints(root))


PAGE_HEAD = ".Dd November 24, 2026\n.Dt {} {}\n.Os\n.Sh NAME\n.Nm it\n.Nd what it is\n"
GOOD_WORDS = {
    "settings": [
        {"section": "authd", "key": "socket", "kind": "path", "fallback": "/run/a"},
        {"section": "authd", "key": "listen", "kind": "list", "fallback": ""},
        {"section": "policy", "key": "headers", "kind": "list", "fallback": "X={sub};Y={email}"},
    ],
    "reasons": [
        {"word": "unavailable", "verdict": "unavailable", "status": 503, "sentence": "Could not ask."},
        {"word": "expired", "verdict": "invalid", "status": 401, "bearer_error": "invalid_token",
         "sentence": "The token has expired."},
    ],
    "routes": [{"path": "/livez", "methods": "GET"}, {"path": "/auth/", "methods": "GET POST"}],
}
GOOD_SETTINGS = PAGE_HEAD.format("A", 5) + """.Sh [authd]
.Bl -tag -width Ds
.It Cm socket No (path, default Pa /run/a )
Where.
.It Cm listen No (list, default none)
What.
.El
.Sh [policy NAME]
.Bl -tag -width Ds
.It Cm headers No (list, default below)
X={sub};
Y={email}
.El
"""
GOOD_DAEMON = PAGE_HEAD.format("A", 8) + """.Sh REASONS
.Bl -tag -width Ds
.It Li unavailable No (unavailable, 503)
Could not ask.
.It Li expired No (invalid, 401, invalid_token)
The token
has expired.
Get another.
.El
.Sh METRICS
.Bl -tag -width Ds
.It Li authd_ready
1.
.El
.Sh LOG EVENTS
.Bl -tag -width Ds
.It Li started
It did.
.El
"""
GOOD_CONTRACT = """paths:
  /livez: {get: {}}
  /auth/{policy}: {get: {}, post: {}, parameters: []}
components: {schemas: {Reason: {enum: [unavailable, expired]}}}
"""
GOOD = {
    SELFTEST_WORDS: json.dumps(GOOD_WORDS),
    SETTINGS_PAGE: GOOD_SETTINGS,
    DAEMON_PAGE: GOOD_DAEMON,
    EXAMPLE: "# Words.\n[authd]\nsocket = /run/a\n# listen = x\n[policy p]\n# headers = X={sub}\n",
    CONTRACT: GOOD_CONTRACT,
    "authd/main.c": 'log_event(LOG_LEVEL_NOTICE,\n "started", "It is up.");\n'
                    'metric_family_new(registry, METRIC_GAUGE,\n "authd_ready", "1", NULL);\n',
}


def without(page, *lines):
    for line in lines:
        assert line in page, line
        page = page.replace(line, "")
    return page


def changed(text, old, new):
    assert old in text, old
    return text.replace(old, new)


ROWS = [
    ("a setting is not documented",
     {SETTINGS_PAGE: without(GOOD_SETTINGS, ".It Cm listen No (list, default none)\n")}, "listen is not there"),
    ("a setting is documented that is gone",
     {SELFTEST_WORDS: json.dumps({**GOOD_WORDS, "settings": GOOD_WORDS["settings"][::2]})},
     "listen is not in the code"),
    ("the settings are in another order",
     {SELFTEST_WORDS: json.dumps({**GOOD_WORDS, "settings": [GOOD_WORDS["settings"][i] for i in (1, 0, 2)]})},
     "not in the order"),
    ("a setting has another kind",
     {SETTINGS_PAGE: changed(GOOD_SETTINGS, "(list, default none)", "(text, default none)")},
     "listen is a list, not a text"),
    ("a setting has another default", {SETTINGS_PAGE: changed(GOOD_SETTINGS, "/run/a", "/run/b")},
     "socket has the default '/run/a', not '/run/b'"),
    ("a setting without a default is given one",
     {SETTINGS_PAGE: changed(GOOD_SETTINGS, "default none", "default 127.0.0.1:1")}, "listen has the default ''"),
    ("one element of a default list is missing", {SETTINGS_PAGE: without(GOOD_SETTINGS, "Y={email}\n")},
     "headers has the default"),
    ("a setting stands in the wrong section of the example",
     {EXAMPLE: "[authd]\nsocket = /run/a\n# headers = X={sub}\n"}, "example:3: no setting headers in [authd]"),
    ("a reason is not in the manual",
     {DAEMON_PAGE: without(GOOD_DAEMON, ".It Li unavailable No (unavailable, 503)\nCould not ask.\n")},
     "REASONS: unavailable is not there"),
    ("a reason has another status", {DAEMON_PAGE: changed(GOOD_DAEMON, "401,", "403,")},
     "expired is (invalid, 401, invalid_token)"),
    ("a reason has another RFC 6750 error", {DAEMON_PAGE: changed(GOOD_DAEMON, "invalid_token", "invalid_request")},
     "expired is (invalid, 401, invalid_token)"),
    ("a reason has another meaning", {DAEMON_PAGE: changed(GOOD_DAEMON, "has expired", "was revoked")},
     "does not begin with"),
    ("a reason is not in the contract", {CONTRACT: changed(GOOD_CONTRACT, ", expired", "")},
     "Reason: expired is not there"),
    ("the contract has a reason of its own", {CONTRACT: changed(GOOD_CONTRACT, ", expired", ", expired, odd")},
     "Reason: odd is not in the code"),
    ("a route is not in the contract", {CONTRACT: without(GOOD_CONTRACT, "  /livez: {get: {}}\n")},
     "paths: /livez is not there"),
    ("a path is in the contract alone",
     {CONTRACT: changed(GOOD_CONTRACT, "/livez:", "/livez: {get: {}}\n  /odd:")},
     "paths: /odd is not in the code"),
    ("a method is not in the contract", {CONTRACT: changed(GOOD_CONTRACT, ", post: {}", "")}, "/auth/: methods ['get']"),
    ("an event is not documented", {DAEMON_PAGE: without(GOOD_DAEMON, ".It Li started\nIt did.\n")},
     "LOG EVENTS: started is not there"),
    ("an event is documented that nobody logs", {"authd/main.c": changed(GOOD["authd/main.c"], "started", "begun")},
     "LOG EVENTS: started is not in the code"),
    ("an event's word is made up when it is logged",
     {"authd/odd.c": '\nlog_event(LOG_LEVEL_INFO, words[i], "It.");\n'}, "authd/odd.c:2: the word is not a literal"),
    ("a metric is not documented", {DAEMON_PAGE: without(GOOD_DAEMON, ".It Li authd_ready\n1.\n")},
     "METRICS: authd_ready is not there"),
    ("a page is no mdoc", {"docs/man/authctl.1": ".Sh NAME\n.Nm authctl\n.El\n"}, "docs/man/authctl.1:"),
]


def main(arguments):
    if arguments == ["--selftest"]:
        return tree.selftest(lambda root: check(root, json.loads(tree.read(root, SELFTEST_WORDS))), GOOD, ROWS)
    run = subprocess.run([arguments[1]], capture_output=True, check=True)
    complaints = check(pathlib.Path(arguments[0]), json.loads(run.stdout))
    print("\n".join(complaints))
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
