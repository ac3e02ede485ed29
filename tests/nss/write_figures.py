#!/usr/bin/python3
"""write_figures: the figures that `tests/run nss` left, as a table.

    write_figures.py ROWS               prints it
    write_figures.py ROWS DOCUMENT      writes it into the document (docs/BENCHMARKS.md), between its marks

Nothing else writes between the marks; without figures the document stays as it was.
"""

import json
import pathlib
import sys

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parent.parent / "faults"))

from figures import markdown  # noqa: E402
from write_table import machine, rewrite  # noqa: E402

MARK = "nss"
HEAD = ["what", "measured", "beside"]


def load(folder):
    return sorted((json.loads(file.read_text()) for file in folder.glob("*.json")), key=lambda one: one["what"])


def cells(figure):
    return [figure["what"], f"{figure['value']} {figure['unit']}", figure["note"]]


def table(figures):
    return markdown([HEAD, *map(cells, figures)])


def main(folder, document=None):
    figures = load(pathlib.Path(folder))
    if not document:
        print("\n".join(table(figures)))
        return
    if not figures:
        sys.exit("write_figures: nothing is written: no figures")
    path = pathlib.Path(document)
    path.write_text(rewrite(path.read_text(), MARK, [machine(), "", *table(figures)]))
    print(f"{len(figures)} figures recorded in {document}")


if __name__ == "__main__":
    main(*sys.argv[1:])
