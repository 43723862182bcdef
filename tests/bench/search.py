"""The highest load that is still carried."""

import math
import time
from dataclasses import dataclass, field

OTHERS_MAX = 0.1  # above, an attempt counts as disturbed
_TRIES = 2
_TRIES_DISTURBED = 5


@dataclass
class Attempt:
    """One step; made is the rate it really had. limited: the load could not
    be made, but what was made was carried. disturbed: others used the core, so
    a failure says nothing."""
    made: float
    good: bool
    limited: bool = False
    disturbed: bool = False
    figures: dict = field(default_factory=dict)

    def describe(self, rate):
        words = [w for w, so in (("good", self.good), ("failed", not self.good),
                                 ("load was the limit", self.limited),
                                 ("disturbed", self.disturbed)) if so]
        return f"  {rate:.0f}/s: {', '.join(words)}: {self.figures}"


def tell(text):
    """Hears of every step; replaced by who wants to listen."""


def calmest(attempt, rate):
    """One measurement at a rate; a second one where the first failed or was
    disturbed, and of the two the one that says more."""
    first = attempt(rate)
    tell(first.describe(rate))
    if first.good and not first.disturbed:
        return first
    second = attempt(rate)
    tell(second.describe(rate))
    return min(first, second, key=lambda a: (
        not a.good, a.figures.get("others", 1.0)))


class Search:
    """Rates rise by `factor` until one fails twice; then the gap between the
    best good and the lowest failed one is halved `refine` times, unless it
    was the load that failed. No step begins after `seconds`."""

    def __init__(self, attempt, factor, seconds, refine=2):
        self._attempt = attempt
        self.factor = factor
        self.refine = refine
        self.deadline = time.monotonic() + seconds
        self.best = None
        self.limited = False
        self._good_rate = self._bad_rate = None

    def _in_time(self):
        return time.monotonic() < self.deadline

    def _try(self, rate):
        """Another chance for what failed: on a shared machine one step may
        lose packets to somebody else's work."""
        for tries in range(1, _TRIES_DISTURBED + 1):
            got = self._attempt(rate)
            tell(got.describe(rate))
            enough = tries >= _TRIES and not got.disturbed
            if got.good or enough or not self._in_time():
                break
        if got.good:
            self._good_rate = rate
        else:
            self.limited, self._bad_rate = got.limited, rate
        if got.good or (got.limited and
                        (not self.best or got.made > self.best.made)):
            self.best = got
        return got

    def run(self, start):
        """(best good attempt or None, whether the load was the limit)."""
        rate = start
        while self._in_time() and rate >= start / 64:
            good = self._try(rate).good
            if self.best and self._bad_rate:
                break
            rate = rate * self.factor if good else rate / self.factor
        for _ in range(self.refine):
            if not self._good_rate or not self._bad_rate or self.limited \
                    or not self._in_time():
                break
            self._try(math.sqrt(self._good_rate * self._bad_rate))
        return self.best, self.limited
