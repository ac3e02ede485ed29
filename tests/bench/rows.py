"""rows: the same rows as ratio.h prints, for sides that are programs.

Two sides are measured in turn in one run; a row is the median of the rounds' quotients. A goal that
is missed is printed as missed and fails nothing: these machines are noisy.
"""

import os
import statistics

ROUNDS = 7


def rounds():
    """RATIO_ROUNDS of ratio.h, or fewer with AUTHD_BENCH_ROUNDS set."""
    text = os.environ.get("AUTHD_BENCH_ROUNDS", "")
    return int(text) if text.isdigit() and 1 <= int(text) <= ROUNDS else ROUNDS


def row(name, value, op, goal):
    met = value >= goal if op == ">=" else value <= goal
    print(f"ratio {name} {value:.3f} goal {op} {goal:g}{'' if met else '  # missed'}", flush=True)


def remark(text):
    print(f"#   {text}", flush=True)


def measure(name, ours, theirs, op, goal):
    """ours and theirs give a rate each time they are called."""
    pairs = [(ours(), theirs()) for _ in range(rounds())]
    row(name, statistics.median(a / b for a, b in pairs), op, goal)
    ours_median, theirs_median = (statistics.median(side) for side in zip(*pairs))
    remark(f"{ours_median:.0f}/s against {theirs_median:.0f}/s (medians of {len(pairs)})")
