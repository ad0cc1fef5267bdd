"""The command lines of the peers' two programs, and what their exit status says."""

import argparse
import asyncio
import sys
from types import MappingProxyType

from calls import Failed
from cases import CASES
from checks import Difference

CANNOT = 77
NOTHING = MappingProxyType({})


def run_case(connect, cannot=NOTHING):
    """A client: runs one case on the `Calls` that `connect(target)` makes. Exits 0 only if it passed."""
    flags = argparse.ArgumentParser(allow_abbrev=False)
    flags.add_argument("--target", required=True, metavar="ENDPOINT", help="unix:PATH or unix-abstract:NAME")
    flags.add_argument("--test_case", required=True, choices=CASES, metavar="CASE")
    given = flags.parse_args()
    exit_if_it_cannot(given.test_case, cannot)
    try:
        asyncio.run(calling(connect, given.target, CASES[given.test_case]))
    except (Difference, Failed) as difference:
        sys.exit(f"{given.test_case}: {difference}")


async def calling(connect, target, case):
    async with connect(target) as calls:
        await case(calls)


def endpoints(cannot=NOTHING):
    """A server: the endpoints to listen on. Asked for a case instead, it exits 0 if it can serve that."""
    flags = argparse.ArgumentParser(allow_abbrev=False)
    asked = flags.add_mutually_exclusive_group(required=True)
    asked.add_argument("--listen", action="append", metavar="ENDPOINT", help="unix:PATH or unix-abstract:NAME; repeatable")
    asked.add_argument("--test_case", choices=CASES, metavar="CASE", help="say whether it can be served")
    given = flags.parse_args()
    if given.test_case:
        exit_if_it_cannot(given.test_case, cannot)
        sys.exit(0)
    return given.listen


def exit_if_it_cannot(case, cannot):
    """Some libraries have no means to express a case; `cannot` says why, by case."""
    if case in cannot:
        print(cannot[case])
        sys.exit(CANNOT)
