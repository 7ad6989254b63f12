"""The figures as a table with the budgets, and as a picture."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

#: measure → contestant → samples
Samples = dict[str, dict[str, list[dict[str, float]]]]

OURS: Final = "jupyter-vnc"
PEERS: Final = ("jupyter-server-proxy", "websockify")
FLOOR: Final = "splice"
#: Stands for the better of the peers in a budget.
BETTER: Final = "the better peer"


@dataclass(frozen=True)
class Row:
    """A line of the table."""

    title: str
    measure: str
    value: str
    unit: str
    scale: float
    #: The peer, and our maximum share of its value; with ``more_is_better``, the minimum.
    budgets: Mapping[str, float] = field(default_factory=dict)
    #: Our maximum, in the row's unit.
    limit: float = 0.0
    more_is_better: bool = False


ROWS: Final = (
    Row(
        "CPU for a gigabyte to the browser", "pour", "cpu", "s", 1,
        {"jupyter-server-proxy": 0.45, "websockify": 0.40, FLOOR: 1.5},
    ),
    Row("Throughput of one session", "pour", "rate", "MB/s", 1e-6, {BETTER: 1.4}, more_is_better=True),
    Row("Small update beside a session that runs flat out, p99", "small updates", "p99", "ms", 1e3, {BETTER: 0.5}),
    Row(
        "Jupyter's own answer beside 8 sessions flat out, p99", "Jupyter's requests", "p99", "ms", 1e3,
        {"jupyter-server-proxy": 0.5},
    ),
    Row("Memory of an idle session", "idle", "memory", "KiB", 1 / 1024, limit=100),
    Row("Memory for a browser that never reads", "never reads", "memory", "MiB", 2**-20, limit=8),
    *(
        row
        for sessions in (1, 8, 32)
        for row in (
            Row(f"A desktop's traffic, {sessions} at once: CPU a minute", f"replay {sessions}", "cpu", "ms", 1e3),
            Row(f"A desktop's traffic, {sessions} at once: delay, p99", f"replay {sessions}", "p99", "ms", 1e3),
        )
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Verdict:
    """Whether a budget is met."""

    text: str
    met: bool


def values(samples: Samples, row: Row, contestant: str) -> list[float]:
    """The samples of a row, in its unit."""
    return [sample[row.value] * row.scale for sample in samples.get(row.measure, {}).get(contestant, ())]


def verdicts(samples: Samples, row: Row) -> list[Verdict]:
    """Judge a row by its budgets; peers that were not measured are passed over."""
    if not (ours := values(samples, row, OURS)):
        return []
    own, judged = statistics.median(ours), []
    if row.limit:
        judged.append(Verdict(f"under {row.limit:g} {row.unit}", own < row.limit))
    for whom, share in row.budgets.items():
        measured = [values(samples, row, name) for name in (PEERS if whom == BETTER else (whom,))]
        medians = [statistics.median(found) for found in measured if found]
        if medians:
            theirs = (max if row.more_is_better else min)(medians)
            ratio = own / theirs if theirs else float("inf")
            word, met = ("at least", ratio >= share) if row.more_is_better else ("at most", ratio <= share)
            judged.append(Verdict(f"{ratio:.2f} of {whom} ({word} {share:g})", met))
    return judged


def table(samples: Samples) -> str:
    """All rows as Markdown: median (lowest to highest) of each contestant, and what the budgets say."""
    names = [name for name in (OURS, *PEERS, FLOOR) if any(name in found for found in samples.values())]
    lines = [["", *names, "budget"], ["---"] * (len(names) + 2)]
    for row in ROWS:
        if row.measure in samples:
            cells = [_cell(values(samples, row, name)) for name in names]
            said = [one.text if one.met else f"{one.text} **missed**" for one in verdicts(samples, row)]
            lines.append([f"{row.title} ({row.unit})", *cells, "; ".join(said)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def missed(samples: Samples) -> list[str]:
    """The budgets that are not met."""
    return [f"{row.title}: {one.text}" for row in ROWS for one in verdicts(samples, row) if not one.met]


def _cell(found: Sequence[float]) -> str:
    if not found:
        return "-"
    middle = _number(statistics.median(found))
    return middle if len(found) == 1 else f"{middle} ({_number(min(found))} to {_number(max(found))})"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def plot(samples: Samples, path: Path) -> None:
    """Draw the rows that have peers, each contestant a bar with its spread; the format is the path's suffix."""
    from matplotlib import rcParams  # noqa: PLC0415 - only needed for drawing
    from matplotlib.figure import Figure  # noqa: PLC0415

    rcParams["svg.hashsalt"] = "jupyter-vnc"
    rcParams["svg.fonttype"] = "none"
    rows = [row for row in ROWS if any(name in samples.get(row.measure, {}) for name in PEERS)]
    lines = (len(rows) + 1) // 2
    figure = Figure(figsize=(11, 1.7 * lines), layout="tight")
    axes = figure.subplots(lines, 2, squeeze=False)
    colours = dict(zip((OURS, *PEERS, FLOOR), ("#1565c0", "#ef6c00", "#6d4c41", "#9e9e9e"), strict=True))
    for row, axis in zip(rows, axes.flat, strict=False):
        found = {name: values(samples, row, name) for name in colours if values(samples, row, name)}
        middles = [statistics.median(one) for one in found.values()]
        spread = [[m - min(one) for m, one in zip(middles, found.values(), strict=True)],
                  [max(one) - m for m, one in zip(middles, found.values(), strict=True)]]  # fmt: skip
        axis.barh(list(found), middles, xerr=spread, color=[colours[name] for name in found], ecolor="#333")
        axis.set_title(f"{row.title} ({row.unit}); {'more' if row.more_is_better else 'less'} is better", fontsize=8)
        axis.tick_params(labelsize=7)
        axis.invert_yaxis()
        for side in ("top", "right"):
            axis.spines[side].set_visible(False)
    for axis in list(axes.flat)[len(rows) :]:
        axis.set_visible(False)
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None, facecolor="white")
