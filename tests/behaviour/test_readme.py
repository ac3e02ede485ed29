"""README.md shows what authctl really says: the scenario is run and the texts compared.

What differs from run to run (times, pids, ids, addresses, folders) is put into one form on both sides.
Run with AUTHD_README_WRITE=1 to write the blocks anew; then read them.
"""

import os
import re
from pathlib import Path

import pytest
from conftest import issuer_section

pytestmark = pytest.mark.devidp

README = Path(__file__).resolve().parents[2] / "README.md"
POLICY = """
[policy warehouse]
audience = warehouse
scopes = warehouse:read
roles = warehouse:picker
"""
# What stands for what in the texts that are shown to people.
SHOWN = [
    (r"http://127\.0\.0\.1:\d+/realms/authd", "https://sso.example.com/realms/holodeck"),
    (r"/\S*/authd\.sock", "/run/authd/authd.sock"),
    (r"/\S*/authd\.conf", "/etc/authd/authd.conf"),
    (r"/\S*/state\.db", "/var/lib/authd/state.db"),
]
# What is not compared.
VARIES = [
    (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID"),
    (r"(?<![\w-])[\w-]{43}(?![\w-])", "KID"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "TIME"),
    (r"\d+", "N"),
    (r"N(m|h) Ns|Ns", "DURATION"),
    (r"-{2,}|[ ]+", " "),
]


def replaced(text, table):
    for pattern, word in table:
        text = re.sub(pattern, word, text)
    return text


def block(name):
    found = re.search(rf"<!-- {name} -->\n```\n(.*?)```\n", README.read_text(), re.DOTALL)
    assert found, f"README.md has no block {name}"
    return found.group(1)


def aligned(text):
    """Replacing words moves columns: those of each run of lines that form a table are laid anew."""
    rows = [re.split(r" {2,}", line.strip()) if re.search(r"\S {2,}\S", line) else None for line in text.splitlines()]
    lines, at = text.splitlines(), 0
    while at < len(lines):
        end = at
        while end < len(lines) and rows[end] and len(rows[end]) > 2:
            end += 1
        widths = [max(map(len, column)) for column in zip(*rows[at:end])] if end > at else []
        for i in range(at, end):
            lines[i] = "  ".join(cell.ljust(width) for cell, width in zip(rows[i], widths)).rstrip()
        at = max(end, at + 1)
    return "\n".join(lines) + "\n"


def compare(name, said):
    shown = aligned(replaced(said, SHOWN))
    if os.environ.get("AUTHD_README_WRITE"):
        text = README.read_text().replace(f"<!-- {name} -->\n```\n{block(name)}```", f"<!-- {name} -->\n```\n{shown}```")
        README.write_text(text)
    assert replaced(block(name), VARIES) == replaced(shown, VARIES)


@pytest.fixture
def warehouse(daemon, provider):
    daemon.write(issuer_section(provider), POLICY, allow_development_issuers="true")
    daemon.start()
    return daemon


def test_the_refused_explanation_is_real(warehouse, provider):
    done = warehouse.authctl("explain", "--policy", "warehouse", input=provider.token("orders-es256", "alice"))
    assert done.returncode == 1
    compare("authctl explain", "$ authctl explain --policy warehouse < token\n" + done.stdout)


def test_the_status_is_real(warehouse, provider):
    for user in ("alice", "bob", None):
        warehouse.check(provider.token("orders-es256", user), "warehouse")
    done = warehouse.authctl("status")
    assert done.returncode == 0
    compare("authctl status", "$ authctl status\n" + done.stdout)
