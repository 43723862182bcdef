"""A proxy that has no room left: new calls are refused first, and what ends
one never."""

from calls import offer_of
from robust import deploy, hang_up, talking  # noqa: F401
from support.net import wait_until


def starve(site, megabytes):
    """As much memory as proxy1 may have; it is always more than 1 MB."""
    site.proxy1.configure({**site.proxy1.conf,
                           "limits": {"memory": megabytes}})
    before = site.proxy1.log().count("configuration reloaded")
    site.proxy1.reload()
    wait_until(lambda: site.proxy1.log().count("configuration reloaded")
               > before, 10, "a reload")


def refused(answer):
    return answer.status == 503 and int(answer.get("Retry-After")) > 0


def test_new_calls_are_refused_first(deploy):
    """Neither calls nor registrations nor requests within a call, but the call
    that is up is ended as ever; and with room again all is well."""
    site = deploy()
    alice, bob = site.pair()
    call, leg = talking(alice, bob)
    starve(site, 1)
    late = alice.invite(bob.aor, offer_of(alice))
    assert refused(late.wait_final())
    assert refused(alice.register())
    assert refused(alice.final(call.request("INFO")))
    assert site.proxy1.metric("overload") >= 3
    assert not bob.messages(lambda m: m.method == "INFO")
    hang_up(call, leg)
    site.settled()
    starve(site, 0)
    hang_up(*talking(alice, bob))
    site.unhurt()


def test_a_call_that_rings_may_be_cancelled_or_answered(deploy):
    """What has begun goes on: CANCEL, responses, ACK."""
    site = deploy()
    alice, bob = site.pair()
    first = alice.invite(bob.aor, offer_of(alice))
    ringing = bob.incoming()
    second = alice.invite(bob.aor, offer_of(alice))
    other = bob.incoming()
    starve(site, 1)
    ringing.ring()
    first.wait_status(180)
    other.ring()
    second.wait_status(180)
    assert alice.final(first.cancel()).status == 200
    assert first.wait_final().status == 487
    other.answer(offer_of(bob))
    second.wait_status(200)
    second.ack()
    other.wait_ack()
    hang_up(second, other)
    site.settled()


def test_a_refusal_leaves_nothing(deploy):
    """Neither a transaction nor a request: refusing costs no memory."""
    site = deploy()
    alice, bob = site.pair()
    starve(site, 1)
    before = site.proxy1.metric("transactions")
    for _ in range(20):
        assert refused(alice.invite(bob.aor, offer_of(alice)).wait_final())
    assert site.proxy1.metric("transactions") == before
    assert site.proxy1.metric("requests_open") == 0
