"""The table of bench-directory: a column for each side, and the ratios of
redirectd to Kamailio."""

from report import Row, table

import directory_sides


def _query_rows(size, settings):
    at, path = f"{size:,} contacts", ("query", str(size))
    full, steady = (*path, "saturated"), (*path, "steady")
    rate = settings["rate"]
    return [
        Row(f"queries per second, {at}", (*full, "per_s"), "{:,.0f}"),
        Row("  CPU per query then, us", (*full, "cpu_us"), "{:.1f}"),
        Row("  of it redis-server",
            (*full, "cpu_of_us", "redis-server"), "{:.1f}", ratio=False),
        Row("  share of the core then", (*full, "busy"), "{:.2f}",
            ratio=False),
        Row("  lost", (*full, "loss"), "{:.3%}", ratio=False),
        Row(f"  CPU per query at {rate:,}/s, us", (*steady, "cpu_us"),
            "{:.1f}"),
        Row("  latency then, p50 us", (*steady, "p50_us"), "{:.0f}"),
        Row("  latency then, p99 us", (*steady, "p99_us"), "{:.0f}"),
    ]


def _rows(settings):
    last = settings["sizes"][-1]
    rows = []
    for size in settings["sizes"]:
        rows += _query_rows(size, settings)
    for kind, title in (("register", "registrations per second, new"),
                        ("refresh", "registrations per second, again")):
        rows += [Row(f"{title}, up to {last:,}", (kind, "per_s"), "{:,.0f}"),
                 Row("  CPU each, us", (kind, "cpu_us"), "{:.1f}"),
                 Row("  of it redis-server",
                     (kind, "cpu_of_us", "redis-server"), "{:.1f}",
                     ratio=False),
                 Row("  share of the core then", (kind, "busy"), "{:.2f}",
                     ratio=False)]
    return rows + [
        Row("memory per contact, bytes", ("memory", "total"), "{:,.0f}"),
        Row("  of it redis-server", ("memory", "of", "redis-server"),
            "{:,.0f}", ratio=False),
        Row(f"ready again with {last:,}, s", ("start", "seconds"), "{:.2f}",
            ratio=False),
        Row("most of the core that other processes had", ("others",), "{:.2f}",
            ratio=False),
        Row("least idle share of the load", ("load_idle",), "{:.2f}",
            ratio=False),
    ]


def text(header, sides, results, settings):
    """All of it: header is [(what, value)], results {side name: [run]} with
    the runs in the order of the rounds."""
    pairs = [(a, b) for a, b in directory_sides.RATIOS
             if a in sides and b in sides]
    lines = [[f"median (lowest–highest) of {settings['rounds']}"]
             + [s.name for s in sides]
             + [f"{a.short} : {b.short}" for a, b in pairs]]
    for row in _rows(settings):
        line = [row.title] + [row.cell(results[s.name]) for s in sides] \
            + [row.ratio_cell(results[a.name], results[b.name])
               for a, b in pairs]
        if any(c not in ("-", "") for c in line[1:]):
            lines.append(line)
    return "\n".join(f"{what}: {value}" for what, value in header) \
        + "\n\n" + table(lines)
