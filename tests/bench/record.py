#!/usr/bin/python3
"""record: runs the benchmarks and writes their figures into docs/BENCHMARKS.md.

    record.py BUILD_FOLDER [DOCUMENT]

The document says in tables what each figure is; only the cells between the two marks are written
here, from rows that a benchmark printed in this run. A row that no table knows, or a benchmark that
failed, leaves the document as it was.
"""

import json
import os
import pathlib
import platform
import re
import subprocess
import sys
import time

import rows

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
DOCUMENT = pathlib.Path(__file__).resolve().parent.parent.parent / "docs" / "BENCHMARKS.md"
MACHINE = "Measured"
NOT_MEASURED = "not yet measured"
LOGBASE = "testlog-record"
RATIO = re.compile(r"^ratio (\S+) ([\d.]+) goal (>=|<=) ([\d.]+)(.*)$", re.M)
MEMORY = re.compile(r"^(memory [^:\n]+): (.+)$", re.M)
TABLE_ROW = re.compile(r"^\| `([^`]+)` \| (.*) \| [^|]* \| [^|]* \|$")


class Trouble(Exception):
    """Why nothing was recorded, in one sentence."""


def run_benchmarks(build):
    """Everything that the benchmarks printed."""
    log = pathlib.Path(build) / "meson-logs" / f"{LOGBASE}.json"
    log.unlink(missing_ok=True)
    done = subprocess.run(["meson", "test", "-C", str(build), "--benchmark", "--logbase", LOGBASE], check=False)
    if done.returncode != 0 or not log.exists():
        raise Trouble("a benchmark failed; nothing was recorded")
    return "\n".join(json.loads(line).get("stdout", "") for line in log.read_text().splitlines())


def figures_of(output):
    """{name: (goal, figure)}"""
    found = {}
    for name, value, op, goal, rest in RATIO.findall(output):
        found[name] = (f"{op} {goal}", f"{float(value):.2f}{' (missed)' if 'missed' in rest else ''}")
    for name, text in MEMORY.findall(output):
        found[name] = ("", text)
    return found


def processor():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def library_version(name):
    done = subprocess.run(["pkg-config", "--modversion", name], capture_output=True, text=True, check=False)
    return f"{name} {done.stdout.strip() or 'unknown'}"


def machine():
    system = platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
    libraries = ", ".join(map(library_version, ("libmicrohttpd", "libcrypto", "jansson", "glib-2.0")))
    return (f"{MACHINE} {time.strftime('%Y-%m-%d')} on {os.cpu_count()} cores of {processor()}, {system}, "
            f"Linux {platform.release()}; {libraries}. Medians of {rows.rounds()}.")


def fill(line, figures, used):
    row = TABLE_ROW.match(line)
    if not row:
        return machine() if line.startswith(MACHINE) else line
    name, what = row.groups()
    used.add(name)
    goal, figure = figures.get(name, ("", NOT_MEASURED))
    return f"| `{name}` | {what} | {goal} | {figure} |"


def rewrite(text, figures):
    before, begin, rest = text.partition(BEGIN)
    tables, end, after = rest.partition(END)
    if not begin or not end:
        raise Trouble(f"the document lacks {BEGIN} or {END}")
    used = set()
    tables = "\n".join(fill(line, figures, used) for line in tables.split("\n"))
    strange = sorted(figures.keys() - used)
    if strange:
        raise Trouble(f"no table of the document has a row for: {', '.join(strange)}")
    return before + begin + tables + end + after


def main():
    if len(sys.argv) not in (2, 3):
        raise Trouble("record.py BUILD_FOLDER [DOCUMENT]")
    document = pathlib.Path(sys.argv[2]) if len(sys.argv) == 3 else DOCUMENT
    figures = figures_of(run_benchmarks(sys.argv[1]))
    document.write_text(rewrite(document.read_text(), figures))
    print(f"{len(figures)} figures recorded in {document}")


if __name__ == "__main__":
    try:
        main()
    except Trouble as trouble:
        sys.exit(f"record: {trouble}")
