"""What the figures were measured on."""

import os
import platform
import resource
from contextlib import contextmanager
from pathlib import Path

from world import core_split


# Everything measured, daemons and load alike, goes before other work on the
# machine, which then disturbs less.
NICE = -10
_AUTOGROUP = Path("/proc/self/autogroup")


FILES_MAX = 65536


def raise_limits():
    """File descriptors for the daemons, which inherit it; how many."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY or hard > FILES_MAX:
        hard = FILES_MAX
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def stay_with_load():
    """Keep this process off the daemons' cores. They are chosen before."""
    os.sched_setaffinity(0, core_split()["phones"])


@contextmanager
def priority():
    """Run what is inside, and what it starts, at NICE, where that is allowed.
    With autogroups the kernel weighs sessions, not processes, so ours gets it
    too, for the time being."""
    before = None
    try:
        os.nice(NICE)
        before = _AUTOGROUP.read_text().split()[-1]
        _AUTOGROUP.write_text(str(NICE))
    except OSError:
        pass
    try:
        yield
    finally:
        if before is not None:
            _AUTOGROUP.write_text(before)


def _field(path, name):
    for line in Path(path).read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return "?"


def _os():
    for line in Path("/etc/os-release").read_text().splitlines():
        if line.startswith("PRETTY_NAME="):
            return line.partition("=")[2].strip('"')
    return platform.system()


def describe():
    """[(what, value)]."""
    cores = core_split()
    cpuinfo = "/proc/cpuinfo"
    virtual = " (virtual machine)" if "hypervisor" in _field(
        cpuinfo, "flags").split() else ""
    memory_kb = int(_field("/proc/meminfo", "MemTotal").split()[0])
    shared = set(cores["servers"]) & set(cores["phones"])
    servers = ",".join(map(str, cores["servers"]))
    phones = ",".join(map(str, cores["phones"]))
    return [
        ("CPU", _field(cpuinfo, "model name") + virtual),
        ("cores", f"{len(set(cores['servers'] + cores['phones']))}; daemons "
                  f"on {servers}, load on {phones}"
                  + (" (THE SAME: figures say little)" if shared else "")),
        ("memory", f"{memory_kb / 2**20:.1f} GiB"),
        ("kernel", f"{platform.release()} {platform.machine()}"),
        ("system", _os()),
    ]
