# SPDX-License-Identifier: Apache-2.0
"""Conditions with deadlines: the only way to wait in this suite."""

import time


SELDOM = 0.03  # s


class Late(AssertionError):
    """A condition did not come true before its deadline."""


def now():
    """CLOCK_MONOTONIC in seconds: the clock of the watcher and of the clients."""
    return time.clock_gettime(time.CLOCK_MONOTONIC)


def until(condition, seconds, what, step=0.005):
    """Returns the first true value of condition(); raises Late after `seconds`.

    `what` finishes the sentence "waited in vain for ...", or is a function that does. The longer it takes, the more
    rarely it is asked, for several tests share the machine: an answer is late by `step`, or by a twentieth of the wait
    up to SELDOM."""
    begun = now()
    deadline = begun + seconds
    while True:
        value = condition()
        if value:
            return value
        at = now()
        if at >= deadline:
            raise Late(f"waited {seconds} s in vain for {what() if callable(what) else what}")
        time.sleep(max(step, min((at - begun) / 20, SELDOM)))
