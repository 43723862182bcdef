"""The highest load that is still carried."""

import math
import time
from dataclasses import dataclass, field


@dataclass
class Attempt:
    """One step at one rate. limited: it was the load that could not be made.
    disturbed: others used the core, so a failure says nothing."""
    rate: float
    good: bool
    limited: bool = False
    disturbed: bool = False
    figures: dict = field(default_factory=dict)


OTHERS_MAX = 0.1
_TRIES = 2
_TRIES_DISTURBED = 5


class Search:
    """Rates rise by `factor` until one fails twice; then the gap between the
    best good and the lowest failed one is halved `refine` times. No step
    begins after `seconds`."""

    def __init__(self, attempt, factor, seconds, refine=2):
        self._attempt = attempt
        self.factor = factor
        self.refine = refine
        self.deadline = time.monotonic() + seconds

    def _in_time(self):
        return time.monotonic() < self.deadline

    def _try(self, rate):
        """Another chance for what failed: on a shared machine one step may
        lose packets to somebody else's work."""
        for tries in range(1, _TRIES_DISTURBED + 1):
            got = self._attempt(rate)
            enough = tries >= _TRIES and not got.disturbed
            if got.good or enough or not self._in_time():
                break
        return got

    def run(self, start):
        """(best good attempt or None, whether the load was the limit)."""
        best, failed = None, None
        rate = start
        while self._in_time() and rate >= start / 64:
            got = self._try(rate)
            if got.good:
                best = got
            else:
                failed = got
            if best and failed:
                break
            rate = rate * self.factor if got.good else rate / self.factor
        if best and failed:
            best, failed = self._narrow(best, failed)
        return best, bool(failed and failed.limited)

    def _narrow(self, best, failed):
        for _ in range(self.refine):
            if not self._in_time():
                break
            got = self._try(math.sqrt(best.rate * failed.rate))
            if got.good:
                best = got
            else:
                failed = got
        return best, failed
