"""heard, the judge of whether speech came through, on pairs whose relation is
known (no root needed)."""

import subprocess
import wave

import pytest


def sox(*args):
    subprocess.run(["sox", "-V1", *map(str, args)], check=True)


def through_g711(src, dst, tmp, *effects):
    sox(src, "-e", "mu-law", tmp / "g711.wav")
    sox(tmp / "g711.wav", "-b", 16, "-e", "signed-integer", dst, *effects)
    return dst


def rewrite(src, dst, change):
    """dst is src with its samples (bytes) changed."""
    with wave.open(str(src)) as r, wave.open(str(dst), "wb") as w:
        w.setparams(r.getparams())
        w.writeframes(change(r.readframes(r.getnframes())))
    return dst


@pytest.fixture
def alice(speech):
    return speech / "alice.wav"


def test_delayed_and_g711_coded(alice, heard, tmp_path):
    out = through_g711(alice, tmp_path / "out.wav", tmp_path, "pad", 0.34, 2)
    correlation, lag = heard(alice, out)
    assert correlation > 0.97 and lag == 0.34


def test_quieter(alice, heard, tmp_path):
    sox(alice, tmp_path / "out.wav", "vol", 0.3)
    assert heard(alice, tmp_path / "out.wav")[0] > 0.97


def test_dropped_start(alice, heard, tmp_path):
    sox(alice, tmp_path / "out.wav", "trim", 1.1)
    correlation, lag = heard(alice, tmp_path / "out.wav")
    assert correlation > 0.97 and lag == -1.1


def test_a_few_packets_lost(alice, heard, tmp_path):
    def lose(data):
        packets = [data[i:i + 320] for i in range(0, len(data), 320)]
        return b"".join(bytes(len(p)) if i % 25 == 7 else p
                        for i, p in enumerate(packets))
    out = rewrite(alice, tmp_path / "out.wav", lose)
    assert heard(alice, out)[0] > 0.9


def test_a_jitter_buffer_that_slips(alice, heard, tmp_path):
    def slip(data):
        middle = len(data) // 640 * 320
        return data[:middle] + bytes(640) + data[middle:]
    out = rewrite(alice, tmp_path / "out.wav", slip)
    assert heard(alice, out)[0] > 0.85


def test_a_third_missing_is_noticed(alice, heard, tmp_path):
    out = rewrite(alice, tmp_path / "out.wav",
                  lambda d: d[:len(d) // 3] + bytes(len(d) - len(d) // 3))
    assert heard(alice, out)[0] < 0.8


def test_other_speech(alice, speech, heard):
    assert heard(alice, speech / "bob.wav")[0] < 0.5
    assert heard(speech / "bob.wav", alice)[0] < 0.5


def test_silence(alice, heard, tmp_path):
    out = rewrite(alice, tmp_path / "out.wav", lambda d: bytes(len(d)))
    assert heard(alice, out)[0] == 0
    assert heard(out, alice)[0] == 0


def test_too_little_heard(alice, heard, tmp_path):
    sox(alice, tmp_path / "out.wav", "trim", 0, 0.8)
    assert heard(alice, tmp_path / "out.wav")[0] == 0


def test_not_a_recording(alice, heard, tmp_path):
    (tmp_path / "text.wav").write_text("RIFF of another kind")
    with pytest.raises(RuntimeError, match="not a WAV file of 16 bit"):
        heard(alice, tmp_path / "text.wav")
    with pytest.raises(RuntimeError, match="No such file"):
        heard(alice, tmp_path / "none.wav")
    sox(alice, "-r", 16000, tmp_path / "fast.wav")
    with pytest.raises(RuntimeError, match="8 kHz"):
        heard(alice, tmp_path / "fast.wav")
