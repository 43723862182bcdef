"""The mix of calls of the soak, as a table: how many, who calls whom, and what
each side does. Its hosts are those of tests/net/testnet."""

from dataclasses import dataclass, field

from support.net import ADDRESS, RELAY

from script import Script

# Where all callers send their calls.
FIRST_PROXY = "proxy1"
RING_MS, TALK_MS, HOLD_MS = 300, 1000, 300


@dataclass(frozen=True)
class Phone:
    """A callee: where it is, at which proxy it registers, what it does."""
    host: str
    proxy: str
    does: callable


@dataclass(frozen=True)
class Kind:
    """`share` of a hundred calls. Everyone called by name is registered by
    every phone in `phones`."""
    name: str
    share: int
    caller: str
    does: callable
    phones: tuple = field(default_factory=tuple)
    media: str = RELAY

    def caller_script(self):
        # Without a relay the answer is the callee's own.
        media = self.media or ADDRESS[self.phones[0].host]
        return self.does(Script(self.name, media)).text()

    def phone_script(self, phone):
        media = self.media or ADDRESS[self.caller]
        hops = 1 if phone.proxy == FIRST_PROXY else 2
        return phone.does(Script(self.name, media, hops)).text()


def calls(s):
    return s.invite().answered().pause(TALK_MS).bye()


def answers(s):
    return s.invited().ring().answer().ended()


def answers_late(s):
    return s.invited().ring().pause(RING_MS).answer().ended()


def calls_and_is_left(s):
    return s.invite().answered().ended()


def answers_and_leaves(s):
    return s.invited().ring().answer().pause(TALK_MS).hang_up()


def holds(s):
    return s.invite().answered().pause(HOLD_MS) \
        .invite("sendonly").answered().pause(HOLD_MS) \
        .invite("sendrecv").answered().pause(HOLD_MS).bye()


def is_held(s):
    return s.invited().ring().answer() \
        .renew("recvonly").renew("sendrecv").ended()


def gives_up(s):
    return s.invite().ringing().pause(RING_MS).cancel().refused(487)


def is_cancelled(s):
    return s.invited().ring().cancelled()


def refuses(s):
    return s.invited().ring().refuse(486)


def is_refused(status):
    return lambda s: s.invite().refused(status)


# In `away` redirectd knows the client and has no binding, in `unknown` it
# does not know it.
MIX = (
    Kind("plain", 31, "first", calls, (Phone("second", "proxy2", answers),)),
    Kind("inbound", 10, "stranger", calls,
         (Phone("second", "proxy1", answers),)),
    Kind("public", 12, "stranger", calls,
         (Phone("third", "proxy1", answers),), media=None),
    Kind("left", 8, "first", calls_and_is_left,
         (Phone("second", "proxy2", answers_and_leaves),)),
    Kind("forked", 12, "first", calls,
         (Phone("second", "proxy2", answers_late),
          Phone("third", "proxy1", is_cancelled))),
    Kind("held", 9, "first", holds, (Phone("second", "proxy2", is_held),)),
    Kind("cancelled", 8, "first", gives_up,
         (Phone("second", "proxy2", is_cancelled),)),
    Kind("busy", 4, "first", is_refused(486),
         (Phone("second", "proxy2", refuses),)),
    Kind("unknown", 3, "first", is_refused(404)),
    Kind("away", 3, "first", is_refused(480)),
)
assert sum(k.share for k in MIX) == 100


def counts(total):
    """{kind name: how many of so many calls}; every kind has one at least."""
    return {k.name: max(1, round(total * k.share / 100)) for k in MIX}
