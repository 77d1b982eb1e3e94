# SPDX-License-Identifier: Apache-2.0
"""Fixtures: a test network for each test, watched, judged at the end, and gone afterwards."""

import re
import shutil
import signal

import pytest

from lib.build import Build
from lib.pair import Pair


def pytest_configure():
    """A job in the background of a shell ignores these, and so would all that we start and interrupt."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Lets fixtures see how the test itself ended."""
    outcome = yield
    setattr(item, f"report_{call.when}", outcome.get_result())


@pytest.fixture(scope="session")
def build():
    return Build.from_environment()


@pytest.fixture
def soak(build):
    """Picks the length of a test: soak(short, full) is `short` but under `make soak`."""
    return lambda short, full: full if build.soak else short


@pytest.fixture
def folder(build, request):
    """For logs and captures; kept, and named in the report, when the test fails."""
    name = re.sub(r"[^\w.=-]+", "_", f"{request.node.module.__name__}.{request.node.name}")
    path = build.shared / "run" / name
    shutil.rmtree(path, ignore_errors=True)
    request.node.judged = True
    yield path
    if request.node.judged and request.node.report_call.passed:
        shutil.rmtree(path, ignore_errors=True)
    else:
        print(f"logs and capture: {path}")


@pytest.fixture
def pair(build, folder, request):
    """Two MySQL hosts and a client. What the watcher saw is judged when the test has passed."""
    with Pair(build, folder) as lan:
        yield lan
        if request.node.report_call.passed:
            request.node.judged = False
            lan.watcher.judge()
            request.node.judged = True
