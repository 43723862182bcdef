"""What the soak found, for people, and what of it is a fault."""

from report import table
from watch import MARKS

# A heap may take pages by chance; what leaks, leaks with each call.
_GROWTH_MAX, _SLACK = 1.03, 512 << 10
# Before, memory still grows to what is kept for 32 s.
_PLATEAU_S = 40


def lost(figures):
    """[(party, how many of its calls did not end as they should)]."""
    return [(p["party"], p["calls"] - p["good"]) for p in figures["parties"]
            if p["good"] != p["calls"]]


def _judged(figures):
    """Whether half of the calls take longer than anything is kept."""
    return figures["calls"] / figures["rate"] / 2 > _PLATEAU_S


def grown(figures):
    """[(daemon, bytes at 50 %, at 100 %)] of those that grew."""
    half, end = figures["memory"]["50"], figures["memory"]["100"]
    return [(d, half[d], end[d]) for d in half
            if end[d] > half[d] * _GROWTH_MAX + _SLACK]


def faults(figures):
    """Lines; none when all is well."""
    out = [f"lost: {n} calls of {party}" for party, n in lost(figures)]
    out += [f"left: {what}" for what in figures["remains"]["left"]]
    if _judged(figures):
        out += [f"memory grew: {d} {a} -> {b} bytes"
                for d, a, b in grown(figures)]
    return out


def _calls_table(figures):
    lines = [["calls", "of", "ended well", "failed", "messages repeated"]]
    for p in figures["parties"]:
        lines.append([p["party"], str(p["calls"]), str(p["good"]),
                      str(p["failed"]), str(p["repeated"])])
    return table(lines)


def _memory_table(figures):
    daemons = list(figures["cpu_us"])
    lines = [["", *daemons]]
    for when in ("before", *map(str, MARKS), "after"):
        title = f"RSS at {when} %, MB" if when.isdigit() \
            else f"RSS {when}, MB"
        lines.append([title, *(f"{figures['memory'][when][d] / 1e6:.2f}"
                               for d in daemons)])
    lines.append(["CPU per call, us", *(f"{figures['cpu_us'][d]:.0f}"
                                        for d in daemons)])
    return table(lines)


def text(figures, found):
    remains = figures["remains"]
    out = [f"soak: {figures['calls']} calls in {figures['took_s']:.0f} s, "
           f"{figures['rate']} begun a second", "", _calls_table(figures), "",
           _memory_table(figures), "",
           f"left after {remains['after_s']:.0f} s: "
           + "; ".join(f"{d}: " + ", ".join(f"{g} {n}" for g, n in v.items())
                       for d, v in remains["found"].items())]
    if not _judged(figures):
        out.append("memory not judged: too few calls for what is kept 32 s "
                   "to level off")
    errors = [f"{d}: {name} {n}" for d, v in figures["errors"].items()
              for name, n in v.items()]
    out.append("errors counted: " + ("; ".join(errors) or "none"))
    if found:
        out += ["", *found, figures["complaints"]]
        out += [f"{d}: {log}" for d, log in figures["logs"].items() if log]
    out += ["", "soak: " + ("FAILED" if found else
                            "no call lost, nothing left")]
    return "\n".join(out)
