"""to_beat: what peers are known to do on such a day, and what our rows found: the second table.

Ours come from the rows' JSON: a name in braces is a count of the row, or what it noted beside. The
peers' were measured elsewhere, once, and are copied.
"""

HEAD = ["what", "authd", "oauth2-proxy", "mod_auth_openidc", "Envoy 1.40"]
NOT_RECORDED = "not recorded"
UNKNOWN = "–"
FLOOD = "Flood: unknown kids over 64 connections, "
REMOVED = "Key set: a key removed, its tokens, cached ones too, refused within the refresh "
DISABLED = "Keycloak: realm key disabled, its tokens, cached ones too, refused within one refresh"
ACCEPTED = "{first_accepted_after_ms} ms, {wrongly_refused} refused"
FETCHES = "{fetches_a_second} ({strangers_a_second} kids a second)"
REFUSED = "{refused_after_s} s"
REFRESHES = f"{REFUSED}, refreshes: {{refreshes}}"
# what, {our row: (which it is, what it says)}, the peers in HEAD's order
LINES = [
    (
        "first token of a rotated key accepted after",
        {
            "Key set: rotated under load, the first token of the new key": ("", ACCEPTED),
            "Keycloak: rotated under load, the first token of the new key": ("Keycloak: ", ACCEPTED),
        },
        ("0.05 s", "0.05 s", "592 s, 4 960 refused (both fetch modes)"),
    ),
    (
        "fetches a second under a flood of unknown kids",
        {FLOOD + "5 000 a second": ("", FETCHES), FLOOD + "as fast as it goes": ("", FETCHES)},
        ("84 to 235", "208 to 363", UNKNOWN),
    ),
    (
        "an unknown kid while the provider hangs, answered within",
        {"Flood: unknown kids while the provider hangs": ("", "{answered_within_s} s")},
        ("12 to 65 s", "12 to 65 s", UNKNOWN),
    ),
    (
        "good tokens at a cold start with the provider dead, validated : refused",
        {"Outage: cold start with the provider dead, from the snapshot": ("", "{validated} : {wrongly_refused}")},
        ("none validated; with discovery it exits", "none validated", "none validated"),
    ),
    (
        "tokens of a removed key refused after",
        {
            REMOVED + "in the background": ("", REFRESHES),
            REMOVED + "that an unknown kid causes": ("with an unknown kid: ", REFRESHES),
            DISABLED: ("Keycloak, with an unknown kid: ", REFUSED),
        },
        ("not until an unknown kid comes", UNKNOWN, UNKNOWN),
    ),
]
LEGEND = [
    "Ours are from the rows above, on devidp where Keycloak is not named. The peers' were measured elsewhere, on a",
    f"2-core virtual machine against a real Keycloak 26; {UNKNOWN} was not measured there.",
]


def figure(rows, name, words):
    try:
        return words.format(**rows[name], **rows[name]["beside"])
    except KeyError:
        return NOT_RECORDED


def ours(rows, wanted):
    return "; ".join(which + figure(rows, name, words) for name, (which, words) in wanted.items())


def by_name(rows):
    return {row["row"]: row for row in rows}


def lines(rows):
    named = by_name(rows)
    return [HEAD, *([what, ours(named, wanted), *peers] for what, wanted, peers in LINES)]


def missing(rows):
    """The rows that a figure is missing of: not run, or written down before they noted it."""
    named = by_name(rows)
    return [name for _, wanted, _ in LINES for name, (_, words) in wanted.items()
            if figure(named, name, words) == NOT_RECORDED]
