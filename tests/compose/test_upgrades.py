"""Every daemon is replaced by one of another image while calls are up: none is
cut, none is refused for good."""

DRAIN = 60
SERVICES = ("proxyd1", "proxyd2", "redirectd1", "redirectd2", "redis")


def release(site, host):
    return site.labels(host).get("release")


def test_all_but_the_relays_are_replaced_under_a_call(site, phoning):
    """It passes both proxies; after each step somebody calls."""
    talk = phoning.call("first", "second")
    one, other = phoning.scripted("first"), phoning.scripted("third")
    moments = [talk.listen()]
    for service in SERVICES:
        assert release(site, service) is None
        site.compose("up", "-d", "--no-deps", service, tag="next")
        moments.append(talk.listen())
        site.wait_healthy(service)
        assert release(site, service) == "next"
        call, = phoning.scripted_calls(one, other, 1)
        call.hang_up()
    for moment in moments:
        moment.check()
    talk.hang_up()


def test_a_relay_is_drained_and_replaced(site, phoning):
    """It takes no more calls; the one it has goes on until it is hung up, and
    then the relay ends, for another to take its place."""
    phoning.scale(2)
    talk = phoning.call("first", "second")
    leaving = phoning.relay_of(talk)
    staying, = set(phoning.relays()) - {leaving}
    container = phoning.container(leaving)
    stop = site.stop_later(container, DRAIN)
    phoning.wait_pool([staying])
    listening = talk.listen()
    one, other = phoning.scripted("first"), phoning.scripted("third")
    calls = phoning.scripted_calls(one, other, 12)
    assert {c.relay for c in calls} == {staying}
    listening.check()
    assert stop.poll() is None
    talk.hang_up()
    assert stop.wait(DRAIN) == 0
    assert site.inspect(container)["State"]["ExitCode"] == 0
    site.engine.docker("rm", container)

    phoning.scale(2, tag="next")
    new, = set(phoning.relays()) - {staying}
    assert release(site, phoning.container(new)) == "next"
    calls += phoning.scripted_calls(one, other, 12)
    assert {c.relay for c in calls} == {staying, new}
    for call in calls:
        call.hang_up()
