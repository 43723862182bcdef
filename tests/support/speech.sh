#!/bin/bash
#
# speech.sh DIR: two clips of recorded speech, DIR/alice.wav and DIR/bob.wav,
# 6 to 8 s each, 8 kHz mono 16 bit, for the microphones of the test's phones.
# Made from the prompts of Debian's asterisk-core-sounds-en-wav.

set -euo pipefail

PROMPTS=${PROMPTS:-/usr/share/asterisk/sounds/en_US_f_Allison}
[[ $# -eq 1 ]] || { echo "usage: speech.sh DIR" >&2; exit 1; }
[[ -d $PROMPTS ]] || {
	echo "speech.sh: $PROMPTS: no recorded speech here:" \
	     "apt-get install asterisk-core-sounds-en-wav" >&2
	exit 1
}

# clip NAME PROMPT…: joined, at most 8 s, the level the same in all clips.
clip() {
	local out=$1
	shift
	sox -V1 "${@/#/$PROMPTS/}" -r 8000 -c 1 -b 16 -e signed-integer "$out" \
		trim 0 8 gain -n -3
}

mkdir -p "$1"
clip "$1/alice.wav" queue-youarenext.wav queue-thankyou.wav vm-goodbye.wav
clip "$1/bob.wav" vm-intro.wav demo-thanks.wav
