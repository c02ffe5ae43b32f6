# SPDX-License-Identifier: BSD-3-Clause
"""Where things are. Everything derives from the repository, OUTSOCK_BUILD, OUTSOCK_CACHE and
OUTSOCK_TESTBED (the testbed's name: two names are two independent laboratories)."""

import os
import re

from .report import Failure

REPO = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.realpath(__file__)))))
BUILD = os.path.abspath(os.environ.get("OUTSOCK_BUILD") or os.path.join(REPO, "build"))
CACHE = os.path.abspath(os.environ.get("OUTSOCK_CACHE") or "/var/cache/outsock")
RUN = "/run/outsock-testbed"


def testbed_name():
    name = os.environ.get("OUTSOCK_TESTBED") or "default"
    # The name becomes part of namespace names and of socket paths (107 bytes at most).
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,15}", name):
        raise Failure(f"OUTSOCK_TESTBED={name!r} is no usable name",
                      "use up to 16 letters a-z, digits and -")
    return name


def daemon():
    return os.path.join(BUILD, "dataplane", "outsockd")


def module(version):
    return os.path.join(BUILD, "guest-kmod", version, "outsock.ko")
