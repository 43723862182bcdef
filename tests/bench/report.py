"""The table: medians of both sides, and the ratio between them."""

from statistics import median


def _get(run, path):
    for key in path:
        if run is None:
            return None
        run = run.get(key)
    return run


def _values(runs, path):
    return [v for v in (_get(r, path) for r in runs) if v is not None]


class Row:
    """One line of the table. path leads to the figure within one side's run;
    capped to whether the load was the limit."""

    def __init__(self, title, path, form, capped=None, ratio=True):
        self.title = title
        self.path = path
        self.form = form
        self.capped = capped
        self.ratio = ratio

    def cell(self, runs):
        values = _values(runs, self.path)
        if not values:
            return "-"
        text = self.form.format(median(values))
        if self.capped and any(_values(runs, self.capped)):
            text = "≥ " + text
        if len(values) > 1:
            text += " ({}–{})".format(self.form.format(min(values)),
                                      self.form.format(max(values)))
        return text

    def ratio_cell(self, ours, theirs):
        """Median of the pairs' ratios, ours to theirs."""
        if not self.ratio:
            return ""
        pairs = [(_get(a, self.path), _get(b, self.path))
                 for a, b in zip(ours, theirs)]
        ratios = [a / b for a, b in pairs if a is not None and b]
        return f"{median(ratios):.2f}" if ratios else ""


def _program_rows(sides):
    for side in sides:
        for program in side.programs:
            yield Row(f"  of it {program}",
                      ("calls", "steady", "cpu_us", program), "{:.0f}",
                      ratio=False)


def _cost_rows(sides):
    for title, part, form in (
            ("system calls per message", "syscalls", "{:.2f}"),
            ("memory per call that is up, bytes", "held", "{:.0f}"),
            ("memory per finished transaction, bytes", "ended", "{:.0f}")):
        yield Row(title, ("costs", part, "total"), form)
        for side in sides:
            for program in side.programs:
                yield Row(f"  of it {program}", ("costs", part, program), form,
                          ratio=False)


def rows(sides, settings):
    rate, pps = settings["call_rate"], settings["packet_rate"]
    high, top = ("calls", "highest"), ("packets", "highest")
    low = ("packets", "steady")
    return [
        Row("calls per second, highest without failure",
            (*high, "calls_per_s"), "{:.0f}", ("calls", "capped")),
        Row("  share of one core then", (*high, "busy"), "{:.2f}",
            ratio=False),
        Row("CPU per call then, us", (*high, "cpu_total"), "{:.0f}"),
        Row(f"CPU per call at {rate}/s, us", ("calls", "steady", "cpu_total"),
            "{:.0f}"),
        *_program_rows(sides),
        *_cost_rows(sides),
        Row("packets per second, highest with loss ≤ 0.1 %",
            (*top, "packets_per_s"), "{:.0f}", ("packets", "capped")),
        Row("  share of one core then", (*top, "busy"), "{:.2f}",
            ratio=False),
        Row("CPU per packet then, us", (*top, "cpu_us"), "{:.2f}"),
        Row(f"CPU per packet at {pps}/s, us", (*low, "cpu_us"), "{:.2f}"),
        Row(f"latency at {pps}/s, p50 us", (*low, "p50_us"), "{:.0f}"),
        Row(f"latency at {pps}/s, p99 us", (*low, "p99_us"), "{:.0f}"),
        Row(f"loss at {pps}/s", (*low, "loss"), "{:.4%}",
            ratio=False),
        Row("most of the core that other processes had", ("others",), "{:.2f}",
            ratio=False),
        Row("memory after the calls, MB", ("memory_mb", "total"), "{:.0f}"),
    ]


def table(lines):
    width = [max(len(line[i]) for line in lines)
             for i in range(len(lines[0]))]
    lines.insert(1, ["-" * w for w in width])
    return "\n".join("| " + " | ".join(
        cell.ljust(w) for cell, w in zip(line, width)) + " |"
        for line in lines)


def text(header, sides, results, settings):
    """All of it: header is [(what, value)], results {side name: [run]} with
    the runs in the order of the pairs."""
    out = [f"{what}: {value}" for what, value in header]
    title = ["median (lowest–highest) of %d" % len(results[sides[0].name])]
    title += [s.name for s in sides]
    both = len(sides) == 2
    lines = [title + (["ratio"] if both else [])]
    for row in rows(sides, settings):
        runs = [results[s.name] for s in sides]
        line = [row.title] + [row.cell(r) for r in runs]
        if both:
            line.append(row.ratio_cell(*runs))
        if any(c not in ("-", "") for c in line[1:]):
            lines.append(line)
    return "\n".join([*out, "", table(lines)])
