"""results: the files that meson and pytest leave, read into an Outcome."""

import json
import re
import xml.etree.ElementTree as ElementTree

from report import Outcome

TAP_LINE = re.compile(r"^(not )?ok\b\s*\d*\s*(?:-\s*)?(.*?)(?:\s*#\s*(SKIP|TODO)\b\s*(.*))?$", re.IGNORECASE)
TAIL_CHARS = 4000


def from_meson(testlog):
    """meson's testlog.json: one JSON object a test, its TAP output inside."""
    outcome = Outcome()
    for line in testlog.read_text(errors="replace").splitlines():
        outcome.add(_from_meson_test(json.loads(line)))
    return outcome


def _from_meson_test(test):
    name = test["name"].rsplit(" / ", 1)[-1]
    outcome = _from_tap(name, test.get("stdout", ""))
    well = test["result"] in ("OK", "EXPECTEDFAIL")
    if test["result"] == "SKIP" and not outcome.skips:
        outcome.skips.append((name, _last_line(test.get("stdout", "")) or "skipped itself without a reason"))
    elif well and not (outcome.passed or outcome.failures or outcome.skips):
        outcome.passed = 1  # not a TAP program: one test
    elif not well and test["result"] != "SKIP" and not outcome.failures:
        outcome.failures.append((name, f"{test['result']} (exit {test['returncode']})\n{_output(test)}"))
    return outcome


def _from_tap(program, text):
    """TAP subtests; a failure carries the lines since the one before, where g_test says why."""
    outcome, since = Outcome(), []
    for line in text.splitlines():
        match = TAP_LINE.match(line)
        if not match:
            since.append(line)
            continue
        _count_tap(outcome, program, match, since)
        since = []
    return outcome


def _count_tap(outcome, program, match, since):
    failed, what, directive, reason = match.groups()
    name = f"{program} {what}".strip()
    if directive:
        outcome.skips.append((name, reason or "no reason given"))
    elif failed:
        outcome.failures.append((name, "\n".join(since) or "not ok, without a word"))
    else:
        outcome.passed += 1


def _output(test):
    return (test.get("stdout", "") + test.get("stderr", ""))[-TAIL_CHARS:]


def _last_line(text):
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""


def from_pytest(junit):
    """pytest's --junit-xml: testcases with failure, error or skipped children."""
    outcome = Outcome()
    for case in ElementTree.parse(junit).getroot().iter("testcase"):
        _count_case(outcome, case)
    return outcome


def _count_case(outcome, case):
    name = f"{case.get('classname', '').rsplit('.', 1)[-1]}::{case.get('name')}"
    trouble = case.find("failure") if case.find("failure") is not None else case.find("error")
    skipped = case.find("skipped")
    if trouble is not None:
        outcome.failures.append((name, (trouble.text or trouble.get("message") or "")[-TAIL_CHARS:]))
    elif skipped is not None:
        outcome.skips.append((name, skipped.get("message") or "no reason given"))
    else:
        outcome.passed += 1
