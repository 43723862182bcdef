"""What the daemons still have of calls that are over."""

import time

# Gauges by daemon that are 0 when nobody calls.
GAUGES = {
    "proxyd": ("sessions", "requests_open", "calls_followed", "calls_held",
               "transactions"),
    "relayd": ("sessions", "streams", "ports_quarantined"),
}
# proxyd asks the relay for its health, one question in 2 s, each remembered
# for 5 s (Timer K): not of calls.
HEALTH_MAX = 4
_ALLOWED = {"transactions": HEALTH_MAX}
# Transactions are kept 32 s (RFC 3261 17), ports 30 s (media.quarantine).
_WAIT_S = 60


def look(site):
    """{daemon: {gauge: how many}}, and the relay's free ports."""
    found = {}
    for name, daemon in site.all.items():
        gauges = GAUGES.get(daemon.program)
        if gauges:
            samples = daemon.metrics()
            found[name] = {g: int(samples[f"{daemon.program}_{g}"])
                           for g in gauges}
            if daemon.program == "relayd":
                found[name]["ports_free"] = int(samples["relayd_ports_free"])
    return found


def left(found, before):
    """What is there and should not be, as text; [] when all is well."""
    faults = [f"{daemon}: {gauge} {n}"
              for daemon, gauges in found.items() for gauge, n in
              gauges.items()
              if gauge != "ports_free" and n > _ALLOWED.get(gauge, 0)]
    return faults + [
        f"{daemon}: ports_free {gauges['ports_free']}, "
        f"{before[daemon]['ports_free']} before"
        for daemon, gauges in found.items() if "ports_free" in gauges
        and gauges["ports_free"] != before[daemon]["ports_free"]]


def wait(site, before):
    """Until nothing is left, or for a minute: {"found", "left", "after_s"}."""
    begun = time.monotonic()
    while True:
        found = look(site)
        faults = left(found, before)
        took = time.monotonic() - begun
        if not faults or took > _WAIT_S:
            return {"found": found, "left": faults, "after_s": took}
        time.sleep(0.5)
