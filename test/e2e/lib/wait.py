# SPDX-License-Identifier: Apache-2.0
"""Conditions with deadlines: the only way to wait in this suite."""

import time


class Late(AssertionError):
    """A condition did not come true before its deadline."""


def now():
    """CLOCK_MONOTONIC in seconds: the clock of the watcher and of the clients."""
    return time.clock_gettime(time.CLOCK_MONOTONIC)


def until(condition, seconds, what, step=0.005):
    """Returns the first true value of condition(); raises Late after `seconds`.

    `what` finishes the sentence "waited in vain for ...", or is a function that does."""
    deadline = now() + seconds
    while True:
        value = condition()
        if value:
            return value
        if now() >= deadline:
            raise Late(f"waited {seconds} s in vain for {what() if callable(what) else what}")
        time.sleep(step)
