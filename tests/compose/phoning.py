"""Calls of one test: real phones that talk without end, so that whatever
happens to the site, the sound of that moment is there to be compared; and
scripted ones, where many calls are wanted.

    call = phoning.call("first", "second")
    ...
    call.still_heard()
    call.hang_up()
"""

import itertools
import wave
from pathlib import Path

from containers import Program
from support.net import PROXY1, PROXY2, wait_until
from support.phones import Baresip, seconds_recorded
from support.sip import UA
from support.sipmsg import sdp

SERVED_BY = {"first": PROXY1, "second": PROXY2, "third": PROXY2}
CLIPS = {"alice": "alice.wav", "bob": "bob.wav"}
REPEATS = 30  # of a clip of 6 s at least: longer than any test's call
LISTEN = 5.0  # seconds that are compared
RATE = 8000
HEADER = 44
HEARD = 0.8  # correlation


def repeat(clip, to):
    """What is said again and again."""
    with wave.open(str(clip)) as one, wave.open(str(to), "wb") as all_:
        all_.setparams(one.getparams())
        all_.writeframes(one.readframes(one.getnframes()) * REPEATS)
    return to


def cut(recording, start, seconds, to):
    """A part of a recording that goes on."""
    first = HEADER + 2 * int(RATE * start)
    end = first + 2 * int(RATE * seconds)
    frames = Path(recording).read_bytes()[first:end]
    with wave.open(str(to), "wb") as w:
        w.setframerate(RATE)
        w.setnchannels(1)
        w.setsampwidth(2)
        w.writeframes(frames)
    return to


class RealCall:
    """A call between two real phones."""

    def __init__(self, phoning, caller, callee):
        self.phoning, self.caller, self.callee = phoning, caller, callee

    @property
    def call_id(self):
        return self.caller.call_id

    def listen(self):
        """What is heard from now on; check() of it says that each hears what
        the other says."""
        return Listening(self.phoning, self.caller, self.callee)

    def still_heard(self):
        self.listen().check()

    def hang_up(self, who="caller"):
        one = self.caller if who == "caller" else self.callee
        one.hangup()
        self.caller.wait_event("CALL_CLOSED")
        self.callee.wait_event("CALL_CLOSED")


class Listening:
    """A moment of a call, and what was said and heard in the seconds after."""

    def __init__(self, phoning, one, other):
        self.phoning = phoning
        self.ways = [(speaker, self._length(speaker.said()),
                      listener, self._length(listener.heard()))
                     for speaker, listener in ((one, other), (other, one))]

    @staticmethod
    def _length(recording):
        return seconds_recorded(recording) if recording else 0

    def check(self):
        for speaker, said, listener, heard in self.ways:
            match, _ = self.phoning.heard(
                self._part(speaker.said, said, LISTEN),
                self._part(listener.heard, heard, LISTEN + 1))
            assert match > HEARD, f"{listener.user} hears {speaker.user}"

    def _part(self, recording, start, seconds):
        wait_until(lambda: self._length(recording()) >= start + seconds, 30,
                   lambda: f"{seconds} s more of {recording()}", interval=0.1)
        return cut(recording(), start, seconds, self.phoning.scrap())


class Phoning:
    def __init__(self, net, speech, heard):
        self.net, self.heard = net, heard
        self.dir = Path(net.folder)
        self.says = {user: repeat(speech / clip, self.dir / f"{user}-says.wav")
                     for user, clip in CLIPS.items()}
        self._here = []
        self._serial = itertools.count(1)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        while self._here:
            self._here.pop().close()

    def scrap(self):
        return self.dir / f"part-{next(self._serial)}.wav"

    def own(self, phone):
        self._here.append(phone)
        return phone

    # Phones.

    def phone(self, host, name, proxy=None, user=None, password=None):
        """A real phone, registered; says alice's or bob's words."""
        n = next(self._serial)
        phone = Baresip(self.net, host, user or f"{name}{n}",
                        proxy or SERVED_BY[host], self.says[name],
                        port=5060 + 2 * n, control=4444 + n,
                        rtp=10000 + 100 * n, password=password)
        self.own(phone)
        phone.wait_registered()
        return phone

    def call(self, caller, callee, proxy=None):
        """A call between new phones on two hosts, the caller's at `proxy`."""
        return self.ring_up(self.phone(caller, "alice", proxy),
                            self.phone(callee, "bob"))

    def ring_up(self, alice, bob):
        alice.dial(f"sip:{bob.user}@{bob.domain}")
        alice.wait_event("CALL_ESTABLISHED")
        bob.wait_event("CALL_ESTABLISHED")
        assert alice.call_id == bob.call_id
        return RealCall(self, alice, bob)

    def scripted(self, host, proxy=None):
        """A phone that makes as many calls as one likes, registered."""
        n = next(self._serial)
        ua = UA(self.net, host, f"robot{n}", proxy or SERVED_BY[host],
                port=5060 + 2 * n)
        self.own(ua)
        assert ua.register().status == 200
        return ua

    def scripted_calls(self, caller, callee, count):
        """So many calls up; the address of each one's relay."""
        return [self._scripted_call(caller, callee) for _ in range(count)]

    @staticmethod
    def _scripted_call(caller, callee):
        call = caller.invite(callee.aor, sdp(caller.ip))
        leg = callee.incoming()
        leg.answer(sdp(callee.ip))
        ok = call.wait_status(200)
        call.ack()
        leg.wait_ack()
        return ScriptedCall(call, leg, ok.media[0][1])

    # What the site holds.

    def relays(self):
        """{address: relayd} of those that run."""
        return {self.net.ip(i): Program(self.net, i)
                for i in self.net.containers("relayd")}

    def sessions(self):
        return {ip: int(relay.metric("sessions"))
                for ip, relay in self.relays().items()}

    def pool(self):
        """The addresses of the relays that the directory knows."""
        return {r["relay"].rpartition(":")[0]
                for r in Program(self.net, "redirectd1").api("relays")}

    def wait_pool(self, addresses):
        """Until the directory has these relays, and the proxies too."""
        wait_until(lambda: self.pool() == set(addresses), 30,
                   lambda: f"a pool of {addresses}, now {self.pool()}",
                   interval=0.2)
        for proxy in ("proxyd1", "proxyd2"):
            Program(self.net, proxy).wait_metric(
                "relays_usable", lambda n: n == len(addresses), 30)

    def relay_of(self, call):
        """The address of the relay that has this call."""
        for ip, relay in self.relays().items():
            if any(s["call_id"] == call.call_id
                   for s in relay.api("sessions")["sessions"]):
                return ip
        raise LookupError(f"no relay has {call.call_id}")

    def scale(self, n, tag="latest"):
        """So many relays, all of them in the pool."""
        if len(self.net.containers("relayd")) != n:
            self.net.compose("up", "-d", "--no-recreate", "--scale",
                             f"relayd={n}", tag=tag)
        self.wait_pool(self.relays())

    def container(self, relay):
        """The container of the relay with this address."""
        return self.relays()[relay].host

    def settled(self):
        """Wait until no relay holds anything of any call."""
        wait_until(lambda: not any(self.sessions().values()), 20,
                   lambda: f"no sessions: {self.sessions()}", interval=0.2)


class ScriptedCall:
    def __init__(self, call, leg, relay):
        self.call, self.leg, self.relay = call, leg, relay

    def hang_up(self):
        assert self.call.bye().status == 200
        self.leg.wait_request("BYE")
