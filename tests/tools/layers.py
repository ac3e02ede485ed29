"""layers: includes in authd/ go down only, as authd/LAYERS says and docs/ARCHITECTURE.md repeats.

LAYERS has one line a layer, "name: layers that it may include", each of them named further up. What
must hold whatever LAYERS says stands in the tables below.
"""

import sys

import tree

# Who must never know whom: layer, layer that it may not include.
STRANGERS = [
    ("net", "token"),
    ("token", "net"),
    ("verdict", "net"),
    ("users", "net"),
    ("login", "net"),
]
# Who never touches a socket, and whose header would.
SOCKETLESS = ("token", "verdict", "users", "login")
SOCKET_HEADERS = ("sys/socket.h", "netinet/", "arpa/inet.h", "curl/", "microhttpd.h", "gio/")
# Units of authd/ itself that may read the settings; a name ending in * is a prefix.
CONFIG_UNITS = ("main", "daemon", "report", "config*")


def parse_layers(text):
    """({layer: set of layers}, complaints)."""
    layers, complaints = {}, []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        name, colon, below = line.partition(":")
        if not colon or not name.strip():
            complaints.append(f"authd/LAYERS:{number}: not \"layer: layers\"")
            continue
        for lower in below.split():
            if lower not in layers:
                complaints.append(f"authd/LAYERS:{number}: {lower} is not named further up")
        layers[name.strip()] = set(below.split())
    return layers, complaints


def invariant_complaints(layers):
    return [f"authd/LAYERS: {layer} may not know {stranger}"
            for layer, stranger in STRANGERS if stranger in layers.get(layer, ())]


def judge_include(layer, kind, name, layers):
    """What is wrong with this include of a file of that layer; None when nothing is."""
    if kind == "angle":
        touches = layer in SOCKETLESS and name.startswith(SOCKET_HEADERS)
        return f"{layer} never touches a socket" if touches else None
    target, slash, _ = name.partition("/")
    if not slash:
        return f"write \"{layer}/{name}\"; of authd/ itself a layer knows nothing"
    if (layer, target) in STRANGERS:
        return f"{layer} may not know {target}"
    if target != layer and target not in layers[layer]:
        return f"{layer} may not include {target} (authd/LAYERS)"
    return None


def layer_complaints(root, path, layers):
    layer = path.parts[1]
    if layer not in layers:
        return [f"{path}: no layer {layer} in authd/LAYERS"]
    found = []
    for line, kind, name in tree.includes(root, path):
        trouble = judge_include(layer, kind, name, layers)
        if trouble:
            found.append(f"{path}:{line}: {trouble}")
    return found


def reads_settings(stem):
    return any(stem.startswith(unit[:-1]) if unit.endswith("*") else stem == unit
               for unit in CONFIG_UNITS)


def top_complaints(root, path):
    """A file of authd/ itself: above all layers, but the settings are for a few."""
    if reads_settings(path.stem):
        return []
    return [f"{path}:{line}: only main and daemon include config.h"
            for line, kind, name in tree.includes(root, path)
            if kind == "quote" and name.rpartition("/")[2] == "config.h"]


def documented_block(text):
    """The first fenced block after a line of prose with the word LAYERS; None without one."""
    named, block = False, None
    for line in text.splitlines():
        fence = line.startswith("```")
        if block is None:
            named = named or "LAYERS" in line
            block = [] if fence else None
        elif not fence:
            block.append(line)
        elif named:
            return "\n".join(block)
        else:
            block = None
    return None


def normal(block):
    return [" ".join(line.split()) for line in block.splitlines() if line.strip()]


def document_complaints(root, layers_text):
    path = root / "docs/ARCHITECTURE.md"
    if not path.exists():
        return []
    block = documented_block(path.read_text(encoding="utf-8"))
    if block is None:
        return ["docs/ARCHITECTURE.md: no fenced block after a line with LAYERS"]
    if normal(block) != normal(layers_text):
        return ["docs/ARCHITECTURE.md: its layers differ from authd/LAYERS"]
    return []


def check(root):
    path = root / "authd/LAYERS"
    if not path.exists():
        return ["authd/LAYERS: not there"]
    text = path.read_text(encoding="utf-8")
    layers, complaints = parse_layers(text)
    complaints += invariant_complaints(layers) + document_complaints(root, text)
    for source in tree.sources(root, ["authd"]):
        if len(source.parts) == 2:
            complaints += top_complaints(root, source)
        else:
            complaints += layer_complaints(root, source, layers)
    return complaints


GOOD = {
    "authd/LAYERS": "base:\nnet:     base\ntoken:   base\nissuer:  net token base\n"
                    "verdict: issuer token base\n",
    "docs/ARCHITECTURE.md": "Layers (authd/LAYERS):\n\n```\nbase:\nnet: base\ntoken: base\n"
                            "issuer: net token base\nverdict: issuer token base\n```\n",
    "authd/base/span.h": "#pragma once\n#include <stddef.h>\n",
    "authd/net/listen.c": '#include "net/listen.h"\n#include "base/span.h"\n'
                          "#include <sys/socket.h>\n",
    "authd/token/jws.c": '#include "token/jws.h"\n/* not so:\n#include "net/fetch.h"\n*/\n',
    "authd/issuer/issuer.c": '#include "net/fetch.h"\n#include "token/jwk.h"\n',
    "authd/verdict/check.c": '#include "issuer/view.h"\n',
    "authd/main.c": '#include "config.h"\n',
    "authd/config_text.h": '#include "config.h"\n',
    "tools/authctl.c": '#include "config.h"\n',
}
ROWS = [
    ("an include that goes up", {"authd/base/span.h": '#include "token/jws.h"\n'},
     "authd/base/span.h:1: base may not include token"),
    ("the second line is the one named",
     {"authd/token/jws.c": '#include "token/jws.h"\n#include "verdict/check.h"\n'},
     "authd/token/jws.c:2: token may not include verdict"),
    ("net knows token", {"authd/net/listen.c": '#include "token/jws.h"\n'},
     "net may not know token"),
    ("token knows net", {"authd/token/jws.c": '  #  include "net/fetch.h"\n'},
     "token may not know net"),
    ("verdict knows net", {"authd/verdict/check.c": '#include "net/fetch.h"\n'},
     "verdict may not know net"),
    ("LAYERS itself lets verdict know net",
     {"authd/LAYERS": GOOD["authd/LAYERS"].replace("verdict: ", "verdict: net "),
      "docs/ARCHITECTURE.md": None}, "authd/LAYERS: verdict may not know net"),
    ("verdict opens a socket", {"authd/verdict/check.c": "#include <sys/socket.h>\n"},
     "verdict never touches a socket"),
    ("token asks curl", {"authd/token/jws.c": "#include <curl/curl.h>\n"},
     "token never touches a socket"),
    ("a layer includes config.h", {"authd/token/jws.c": '#include "config.h"\n'},
     "of authd/ itself"),
    ("a neighbour without its folder", {"authd/token/jws.c": '#include "alg.h"\n'},
     'write "token/alg.h"'),
    ("the worker includes config.h", {"authd/worker.c": '#include "config.h"\n'},
     "authd/worker.c:1: only main and daemon"),
    ("a folder that LAYERS does not name", {"authd/util/x.c": "\n"}, "no layer util"),
    ("LAYERS names a layer before it is there",
     {"authd/LAYERS": "base: net\nnet: base\n", "docs/ARCHITECTURE.md": None},
     "net is not named further up"),
    ("a line of LAYERS without a colon",
     {"authd/LAYERS": GOOD["authd/LAYERS"] + "api\n"}, "authd/LAYERS:6: not"),
    ("no LAYERS at all", {"authd/LAYERS": None}, "not there"),
    ("the document says something else",
     {"docs/ARCHITECTURE.md": GOOD["docs/ARCHITECTURE.md"].replace("net: base", "net: token")},
     "differ"),
    ("the document names LAYERS in another block only",
     {"docs/ARCHITECTURE.md": "```\nauthd/ LAYERS main\n```\nwords\n```\nbase:\n```\n"},
     "no fenced block"),
    ("another block comes before",
     {"docs/ARCHITECTURE.md": "```\nLAYERS\n```\n" + GOOD["docs/ARCHITECTURE.md"]}, None),
    ("the document says nothing", {"docs/ARCHITECTURE.md": "# LAYERS\n"}, "no fenced block"),
    ("no document yet", {"docs/ARCHITECTURE.md": None}, None),
]

if __name__ == "__main__":
    sys.exit(tree.main(check, GOOD, ROWS))
