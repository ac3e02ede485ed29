#!/usr/bin/python3
"""write_table: the rows that `tests/run faults` left, as a table, and some of them beside peers' as a second.

    write_table.py ROWS               prints them
    write_table.py ROWS DOCUMENT      writes them into the document (docs/BENCHMARKS.md), between their marks

Nothing else writes between the marks. A row with a wrong answer leaves the document as it was; a
figure that no row has is written as not recorded, and said.
"""

import os
import pathlib
import platform
import sys
import time

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parent.parent / "bench"))

import figures  # noqa: E402
import to_beat  # noqa: E402
from record import processor  # noqa: E402

def machine():
    system = platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
    return f"Measured {time.strftime('%Y-%m-%d')} on {os.cpu_count()} cores of {processor()}, {system}."


def tables(rows):
    """{mark: lines}"""
    return {
        "faults": [machine(), "", *figures.table(rows)],
        "to beat": [*to_beat.LEGEND, "", *figures.markdown(to_beat.lines(rows))],
    }


def rewrite(text, mark, lines):
    begin, end = f"<!-- {mark}: begin -->", f"<!-- {mark}: end -->"
    before, found_begin, rest = text.partition(begin)
    _, found_end, after = rest.partition(end)
    if not found_begin or not found_end:
        sys.exit(f"write_table: the document lacks {begin} or {end}")
    return "\n".join([before + begin, *lines, end + after])


def write(path, rows):
    text = path.read_text()
    for mark, lines in tables(rows).items():
        text = rewrite(text, mark, lines)
    path.write_text(text)


def main(folder, document=None):
    rows = figures.load(pathlib.Path(folder))
    if not document:
        print("\n".join(line for lines in tables(rows).values() for line in [*lines, ""]))
        return
    wrong = [row["row"] for row in rows if row["examples"]]
    if wrong or not rows:
        sys.exit(f"write_table: nothing is written: {', '.join(wrong) or 'no rows'}")
    write(pathlib.Path(document), rows)
    for name in to_beat.missing(rows):
        print(f"not recorded: {name}")
    print(f"{len(rows)} rows recorded in {document}")


if __name__ == "__main__":
    main(*sys.argv[1:])
