"""The daemons' memory, CPU and error counters while calls go on."""

import re
import time
from pathlib import Path

import cpu

MARKS = (25, 50, 75, 100)
# Counters whose names say that something went wrong.
_BAD = re.compile(r"malformed|refused|failed|rejected|overload|error|lost|gone"
                  r"|expired|vanished|limited|banned|hung_up|timeout|busy"
                  r"|dropped|unknown|untrusted|overrun|broken|no_ports|full"
                  r"|exceeded|unusable|stale|foreign|repeat|in_use|short")
# What the mix makes happen: calls that end in a failure, clients that are not
# there.
_EXPECTED = {"proxyd_calls_failed_total", "proxyd_auth_failures_total",
             "redirectd_queries_unknown_total",
             "proxyd_redirect_failed_total"}


def rss(pid):
    """Resident memory in bytes."""
    for line in Path(f"/proc/{pid}/status").open():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"process {pid} under test has ended")


class Watch:
    def __init__(self, site, total):
        self.site, self.total = site, total
        self.memory = {}
        self._cpu = self._seconds()
        self._counters = self._errors_now()
        self.look("before")

    def _seconds(self):
        return {n: cpu.seconds([d.pid]) for n, d in self.site.all.items()}

    def look(self, when):
        self.memory[str(when)] = {n: rss(d.pid)
                                  for n, d in self.site.all.items()}

    def until(self, over):
        """Watch until it says so; memory at each mark, by the calls that have
        begun."""
        marks = list(MARKS)
        while not over():
            if marks[1:] and self._begun() >= self.total * marks[0] / 100:
                self.look(marks.pop(0))
            time.sleep(0.2)
        for mark in marks:
            self.look(mark)
        self._used = {n: s - self._cpu[n] for n, s in self._seconds().items()}

    def _begun(self):
        return self.site.proxy1.metric("calls")

    def cpu_us(self):
        """CPU per call, by daemon."""
        return {n: s / self.total * 1e6 for n, s in self._used.items()}

    def _errors_now(self):
        return {(n, name): v for n, d in self.site.all.items()
                for name, v in d.metrics().items()
                if name.endswith("_total") and _BAD.search(name)
                and name not in _EXPECTED}

    def errors(self):
        """{daemon: {counter: how many}} of those that are not 0."""
        grown = {}
        for (n, name), v in self._errors_now().items():
            more = int(v - self._counters[n, name])
            if more:
                grown.setdefault(n, {})[name] = more
        return grown
