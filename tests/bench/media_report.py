"""The table of bench-media: a block for each number of sessions, a column for
each side, and their ratios."""

from report import Row, table

import media_sides
from media import steady_rates


def _steady_rows(rate):
    at, path = f"at {rate:,}/s", ("steady", str(rate))
    return [
        Row(f"CPU per packet {at}, us", (*path, "core_us"), "{:.2f}"),
        Row("  of it in the relay's process, us", (*path, "cpu_us"),
            "{:.2f}"),
        Row("  latency, p50 us", (*path, "p50_us"), "{:.0f}"),
        Row("  latency, p99 us", (*path, "p99_us"), "{:.0f}"),
        Row("  loss", (*path, "loss"), "{:.3%}", ratio=False),
        Row("  core used by others, at least", (*path, "others"), "{:.2f}",
            ratio=False),
    ]


def _rows(sessions, settings):
    return [
        Row("packets/s without loss", ("highest", "packets_per_s"),
            "{:,.0f}", ("capped",)),
        Row("  CPU per packet then, us", ("highest", "core_us"), "{:.2f}"),
        Row("  share of the core then", ("highest", "core"), "{:.2f}",
            ratio=False),
        *(row for rate in steady_rates(sessions, settings)
          for row in _steady_rows(rate)),
        Row("forwarded by the kernel", ("fast_share",), "{:.1%}",
            ratio=False),
        Row("sessions set up per second", ("set_up", "per_s"), "{:,.0f}"),
        Row("  CPU each, us", ("set_up", "cpu_us"), "{:.0f}"),
        Row("user memory per session, bytes", ("memory", "user"), "{:,.0f}"),
        Row("kernel memory per session, bytes", ("memory", "kernel"),
            "{:,.0f}", ratio=False),
        Row("processes", ("processes",), "{:.0f}", ratio=False),
    ]


def _block(sides, runs, sessions, settings):
    """runs: {side name: [run]}."""
    pairs = [(a, b) for a, b in media_sides.RATIOS
             if a in sides and b in sides]
    lines = [[f"{sessions:,} sessions"] + [s.name for s in sides]
             + [f"{a.short} : {b.short}" for a, b in pairs]]
    for row in _rows(sessions, settings):
        line = [row.title] + [row.cell(runs[s.name]) for s in sides] \
            + [row.ratio_cell(runs[a.name], runs[b.name]) for a, b in pairs]
        if any(c not in ("-", "") for c in line[1:]):
            lines.append(line)
    return table(lines)


def text(header, sides, results, settings):
    """All of it: header is [(what, value)], results {sessions: {side name:
    [run]}} with the runs in the order of the rounds."""
    blocks = [_block(sides, runs, sessions, settings)
              for sessions, runs in results.items()]
    return "\n".join(f"{what}: {value}" for what, value in header) \
        + "\n\n" + "\n\n".join(blocks)
