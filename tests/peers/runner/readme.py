"""The matrix as the README holds it."""

import os

from runner.cells import CASES, CLIENT, SERVER, Cell
from runner.peers import ABSTRACT, ETCD, PROXIES, UNIX

BEGIN, END = "<!-- tests/peers/run -->", "<!-- /tests/peers/run -->"
SIGNS = {UNIX: "u", ABSTRACT: "a"}

LEGEND = """\
First its client with our server, then its server with our client: `u` passed over `unix:`, `a` over `unix-abstract:`
(where the peer has such names), `F` failed, a number: cannot, for the reason below, nor with its own other half."""


def markdown(matrix, peers, versions):
    """The table, what its peers are, and why a cell is empty."""
    reasons = Reasons()
    rows = [["case", *(peer.heading for peer in peers)], None]
    rows += [[case, *(cell(matrix.results, peer, case, reasons) for peer in peers)] for case in CASES]
    blocks = []
    if peers:
        blocks += [table(rows), LEGEND]
        blocks += filter(None, ["\n".join(f"{number}. {reason}" for reason, number in reasons.numbers.items())])
    named = ", ".join(versions[peer.name] for peer in peers)
    sentences = [through_proxies(matrix, versions), of_etcd(matrix, versions), totals(matrix)]
    blocks.append(paragraph(f"{named}." if peers else "", *sentences))
    return "\n\n".join(blocks)


def check_readme(matrix, readme, block):
    """Compares what is between the markers; refreshes it if that is asked for."""
    text = readme.read_text()
    before, _, rest = text.partition(BEGIN)
    held, _, after = rest.partition(END)
    if not after:
        raise SystemExit(f"tests/peers/run: {readme} has no {BEGIN} .. {END}")
    same = held.strip() == block
    if not same and os.environ.get("WIREPATH_BLESS") == "1":
        readme.write_text(f"{before}{BEGIN}\n\n{block}\n\n{END}{after}")
    elif not same:
        print("failed: README.md holds another matrix; WIREPATH_BLESS=1 tests/peers/run refreshes it")
        matrix.results[Cell("README.md", "", "", "")] = "failed"


class Reasons:
    """Numbers for reasons, in the order of their first use."""

    def __init__(self):
        self.numbers = {}

    def number(self, reason):
        return str(self.numbers.setdefault(reason, len(self.numbers) + 1))


def cell(results, peer, case, reasons):
    """Both directions of one peer."""
    return " ".join(half(results, peer, direction, case, reasons) for direction in (CLIENT, SERVER))


def half(results, peer, direction, case, reasons):
    signs = {}
    for scheme in peer.schemes:
        result = results[Cell(peer.name, direction, scheme, case)]
        if result == "passed":
            signs[SIGNS[scheme]] = None
        elif result == "failed":
            signs["F"] = None
        else:
            signs[reasons.number(result.removeprefix("cannot: "))] = None
    return "".join(signs)


def through_proxies(matrix, versions):
    """How many cells pass through each proxy."""
    through = [f"{versions[proxy]} {counts(matrix, proxy)}" for proxy in PROXIES if ran(matrix, proxy)]
    return f"Through proxies, wirepath's client and grpc-go's: {', '.join(through)}." if through else ""


def of_etcd(matrix, versions):
    """Whether a client and a server in use get on through ours."""
    if not ran(matrix, ETCD):
        return ""
    return f"etcdctl to {versions[ETCD]} through wirepath's server and client: {counts(matrix, ETCD)}."


def ran(matrix, peer):
    return any(cell.peer == peer for cell in matrix.results)


def counts(matrix, peer):
    results = [result for cell, result in matrix.results.items() if cell.peer == peer]
    passed, cannot = (sum(result.startswith(kind) for result in results) for kind in ("passed", "cannot"))
    return f"{passed} of {len(results) - cannot}"


def totals(matrix):
    return f"With the soaks and our own two halves: {matrix.passed} passed, {matrix.failed} failed."


def table(rows):
    """A Markdown table; None is the line below the heading."""
    widths = [max(len(row[column]) for row in rows if row) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = ["-" * width for width in widths] if row is None else map(str.ljust, row, widths)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def paragraph(*sentences):
    """Filled to 120 columns."""
    lines = [""]
    for word in " ".join(filter(None, sentences)).split():
        if len(lines[-1]) + len(word) >= 120:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return "\n".join(lines)
