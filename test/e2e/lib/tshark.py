# SPDX-License-Identifier: Apache-2.0
"""What tshark thinks of a capture, without its start for each: that takes 0.3 s of CPU, the look at a capture 0.2 ms.

One tshark runs beside each of our processes that judges. It reads from a pipe, one capture after the other as if they
were one, with a packet of ours behind each. That packet matches what tshark is to look for: its number tells that all
before it have been seen, and the numbers that come before its own are those of packets that are not as they should."""

import atexit
import os
import select
import struct
import subprocess
import tempfile

from lib import pcap
from lib.wait import now

SECONDS = 60  # for one capture
END_TYPE = 0x88b5  # an Ethernet type for experiments: nobody else's
END = struct.pack("<IIII", 0, 0, 60, 60) + bytes(12) + struct.pack("!H", END_TYPE) + bytes(46)


class _Tshark:
    """Judges whatever captures have this header, by one filter and under one set of preferences."""

    def __init__(self, header, filter_, prefs):
        self.asked = header, filter_, prefs
        self._said = tempfile.TemporaryFile()
        # -T fields, like -V, has it work out each packet in full: without, some errors go unnoticed.
        argv = ["tshark", "-r", "-", "-l", "-T", "fields", "-e", "frame.number", *_options(prefs),
                "-Y", f"({filter_}) || eth.type == {END_TYPE:#x}"]
        self._popen = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._said,
                                       bufsize=0, start_new_session=True)
        os.set_blocking(self._popen.stdin.fileno(), False)
        self._unsent = header
        self._packets = 0

    def matches(self, records):
        """Which of these packets match; the first is number 1."""
        before, end = self._packets, self._packets + len(records) + 1
        self._packets = end
        self._unsent += b"".join(records) + END
        numbers = [int(line) for line in self._answer(b"%d" % end).split()]
        return [number - before for number in numbers[:-1]]

    def _answer(self, last):
        """All lines up to this one. We must write and read at once, or it could be that we both wait to write."""
        stdin, stdout = self._popen.stdin, self._popen.stdout
        deadline, answer = now() + SECONDS, b""
        while not answer.endswith(b"\n") or answer.split()[-1] != last:
            ready = select.select([stdout], [stdin] if self._unsent else [], [], max(0, deadline - now()))
            if not any(ready):
                raise RuntimeError(f"no answer from tshark in {SECONDS} s, but for {answer!r}; {self._last_words()}")
            if ready[1]:
                self._unsent = self._unsent[stdin.write(self._unsent) or 0:]
            if ready[0]:
                more = stdout.read(65536)
                if not more:
                    raise RuntimeError(f"tshark has ended; {self._last_words()}")
                answer += more
        return answer

    def _last_words(self):
        self._said.seek(0)
        return f"it said:\n{self._said.read()[-2000:].decode(errors='replace')}"

    def end(self):
        self._popen.kill()
        self._popen.wait()
        for file in (self._popen.stdin, self._popen.stdout, self._said):
            file.close()


def _options(prefs):
    return [word for name, value in prefs.items() for word in ("-o", f"{name}:{value}")]


_running = None


def matches(capture, filter_, prefs):
    """The numbers of the packets in a capture that match a display filter under these preferences.

    Raises RuntimeError when tshark could not look at all of them."""
    global _running
    records = list(pcap.records(capture))
    with open(capture, "rb") as f:
        asked = f.read(24), filter_, prefs
    if _running and _running.asked != asked:
        end()
    try:
        if not _running:
            _running = _Tshark(*asked)
        return _running.matches([record for _, record in records])
    except (OSError, RuntimeError) as e:
        end()  # the next capture gets another
        raise RuntimeError(f"cannot judge {capture}: {e}") from e
    finally:
        if not all(_leaves_nothing(frame) for frame, _ in records):
            end()


def _leaves_nothing(frame):
    """Whether tshark forgets this packet as soon as it has seen it. Fragments it keeps, for those that follow."""
    kind, packet = frame[12:14], frame[14:]
    if kind == b"\x08\x00":
        return packet[9:10] == b"\x70" and not int.from_bytes(packet[6:8], "big") & 0x3fff
    return kind == b"\x08\x06" or (kind == b"\x86\xdd" and packet[6:7] in (b"\x70", b"\x3a"))


def describe(capture, numbers, prefs):
    """What tshark writes about these packets."""
    these = f"frame.number in {{{', '.join(map(str, numbers))}}}"
    argv = ["tshark", "-r", capture, "-V", *_options(prefs), "-Y", these]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=SECONDS, start_new_session=True)
    return done.stdout or done.stderr


@atexit.register
def end():
    """Ends the tshark that runs, if one does."""
    global _running
    if _running:
        ended, _running = _running, None
        ended.end()
