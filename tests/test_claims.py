"""The ledger: verdicts are those proved, a flawed statement is refuted, numerical checks agree."""

import subprocess
import sys

import pytest
import sympy

from homotopy.claims import LEDGER, BrokenProof, Claim, Evidence, Identity, Verdict, find
from homotopy.claims.claim import vanishes

# Read off the notes and theory §7 by hand; all others hold as written.
CORRECTED = {
    "Definition 1",
    "Definition 2",
    "Definition 6, regulariser",
    "linearised damped response",
    "leave-one-out formula (000)",
    "𝒬 and leverage",
    "OLS influence function",
    "influence is a Newton step",
    "GF regularity",
    "rows scaled by ε",
    "0.9, T = ∞",
    "dg/dτ",
    "dℰ/dτ",
    "stationary step",
    "0.14, derivative",
}
FAILS = {
    "Definition 1 (000)",
    "leverage footnote",
    "example X = Id",
    "0.13, Lotka–Volterra",
    "greedy: ε = 0 is optimal",
    "linear decay has no closed form",
    "Figure 4: H ≠ Id is to blame",
    "Wronskian footnote",
}
entries = pytest.mark.parametrize("claim", LEDGER, ids=[claim.key for claim in LEDGER])


@entries
def test_verdicts_are_proved(claim):
    expected = Verdict.holds
    if claim.key in CORRECTED:
        expected = Verdict.corrected
    if claim.key in FAILS:
        expected = Verdict.fails
    assert claim.verdict() is expected
    assert claim.steps and claim.where


@entries
@pytest.mark.parametrize("factor", [-1, 2])
def test_a_flipped_sign_or_a_wrong_factor_is_refuted(claim, factor):
    assert not claim.statement.holds(factor)


@pytest.mark.parametrize(
    "check", {claim.check: claim.key for claim in LEDGER}.items(), ids=lambda item: item[1]
)
def test_numbers_agree(check):
    evidence = check[0]()
    assert evidence.passed, evidence


def test_keys_are_unique_and_named_in_full():
    keys = [claim.key for claim in LEDGER]
    assert len(set(keys)) == len(keys)
    assert CORRECTED | FAILS <= set(keys)
    assert find("0.10").key == "0.10" and find("0.9").key == "0.9, T = ∞"
    with pytest.raises(KeyError, match="there is no such claim"):
        find("Theorem 99")
    with pytest.raises(KeyError, match="several claims begin so"):
        find("Definition")


def test_zero_is_proved_and_not_sampled():
    a, b = sympy.symbols("a b")
    assert vanishes((a + b) ** 2 - a**2 - 2 * a * b - b**2)
    assert vanishes(sympy.exp(a) * sympy.exp(-a) - 1)
    assert not vanishes((a + b) ** 2 - a**2 - b**2)
    assert not vanishes(a * sympy.Rational(1, 10**9))


def test_a_wrong_record_breaks():
    x = sympy.Symbol("x")
    true = Identity("x = x", lambda k: [x - k * x])
    false = Identity("x = 2x", lambda k: [x - 2 * k * x])
    passes = lambda: Evidence("", 0.0, 0.0)  # noqa: E731
    assert Claim("a", "b", true, ("",), passes).verdict() is Verdict.holds
    for written, correct, message in (
        (true, true, "holds as written"),
        (false, None, "no correction"),
        (false, false, "does not hold"),
    ):
        with pytest.raises(BrokenProof, match=message):
            Claim("a", "b", written, ("",), passes, correct=correct).verdict()
    assert not Evidence("", float("nan"), 1.0).passed


def run(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "homotopy.cli", "claims", *arguments],
        capture_output=True, text=True, encoding="utf-8",
    )  # fmt: skip


def test_the_command():
    table = run("--latex")
    assert table.returncode == 0, table.stderr
    assert table.stdout.count(r"\\") == 1 + len(LEDGER)
    one = run("0.10", "--check")
    assert one.returncode == 0 and "holds" in one.stdout and "check:" in one.stdout
    wrong = run("99")
    assert wrong.returncode == 2 and "there is no such claim" in wrong.stderr
    both = run("--markdown", "--latex")
    assert both.returncode == 2 and "--latex" in both.stderr
