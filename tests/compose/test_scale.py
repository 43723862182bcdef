"""A relay too few: more are started while calls are up, and taken away."""

CALLS = 24  # on three relays: one without any is one chance in 5,600


def test_relays_join_while_calls_go_on(phoning):
    phoning.scale(1)
    talk = phoning.call("first", "second")
    old, = phoning.relays()
    phoning.scale(3)
    relays = set(phoning.relays())
    assert len(relays) == 3 and old in relays
    listening = talk.listen()
    one, other = phoning.scripted("first"), phoning.scripted("third")
    calls = phoning.scripted_calls(one, other, CALLS)
    assert {c.relay for c in calls} == relays
    held = phoning.sessions()
    held[old] -= 1
    assert held == {ip: sum(c.relay == ip for c in calls) for ip in relays}
    listening.check()
    for call in calls:
        call.hang_up()
    talk.hang_up("callee")
    phoning.settled()
    phoning.scale(1)
    call, = phoning.scripted_calls(one, other, 1)
    assert [call.relay] == list(phoning.relays())
    call.hang_up()
