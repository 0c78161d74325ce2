"""Which terms follow each other, and until when somebody is covered."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, strategies as st

from community.access.coverage import chain_after, ended, follower, held, last_of_coverage, over, overlaps, overtaken
from community.access.models import Term

START = datetime(2026, 1, 1, tzinfo=UTC)


def day(number: int) -> datetime:
    return START + timedelta(days=number)


def term(number: int, starts: int, ends: int | None, line: str = "membership", *, revoked: bool = False) -> Term:
    ends_at = None if ends is None else day(ends)
    return Term(
        id=number, member_id=1, plan="p", line=line, starts_at=day(starts), ends_at=ends_at,
        counted_from_at=day(starts), changed_at=START, revoked_at=START if revoked else None, source="staff",
        granted_by="x",
    )  # fmt: skip


def test_coverage_goes_on_where_one_ends_and_another_begins() -> None:
    first, second, late, life = term(1, 0, 10), term(2, 10, 20), term(3, 21, 30), term(4, 20, None)
    assert last_of_coverage([late, second, first], day(0)) is second
    assert last_of_coverage([first, second, late], day(20)) is None
    assert last_of_coverage([first, second, late], day(21)) is late
    assert last_of_coverage([first, second, late, life], day(3)) is life
    assert last_of_coverage([term(5, 0, 30), term(6, 5, 10)], day(6)).id == 5  # type: ignore[union-attr]
    assert last_of_coverage([], day(0)) is None


def test_what_ends_at_the_same_moment_does_not_follow() -> None:
    one, other, after = term(1, 0, 10), term(2, 5, 10), term(3, 10, 20)
    assert (follower([one, other], one), follower([one, other], other)) == (None, None)
    assert follower([one, other, after], one) is after
    assert overtaken([one, other], after) == [one, other]


def test_what_had_ended_before_is_overtaken_only_the_last_of_it() -> None:
    assert overtaken([term(1, 0, 5), term(2, 5, 9)], term(3, 12, 20)) == [term(2, 5, 9)]


def test_a_chain_has_no_gap() -> None:
    first, second, third = term(1, 0, 10), term(2, 10, 20), term(3, 20, None)
    assert chain_after([third, second], first) == [second, third]
    assert chain_after([third], first) == []
    assert chain_after([second], third) == []


def test_what_is_held_line_by_line() -> None:
    terms = [
        term(1, 0, 10), term(2, 10, 20), term(3, 5, 40, "pack"), term(4, 30, 50, "course"),
        term(5, 0, None, revoked=True), term(6, 0, 3, "gone"),
    ]  # fmt: skip
    found = {each.term.line: (each.term.id, each.last.id) for each in held(terms, day(6))}
    assert found == {"membership": (1, 2), "pack": (3, 3), "course": (4, 4)}
    assert held(terms, day(60)) == []
    assert ended(terms, day(60)).id == 4  # type: ignore[union-attr]
    assert ended(terms, day(2)) is None


def test_the_milestone_of_an_end_is_of_its_day_in_utc() -> None:
    late = term(7, 0, 10)
    late.ends_at = datetime.fromisoformat("2026-02-01T06:00+08:00")
    assert over(late) == "over:7:2026-01-31"


spans = st.tuples(st.integers(0, 30), st.one_of(st.none(), st.integers(1, 20)))


@given(spans, spans)
def test_two_overlap_when_they_share_a_moment(one: tuple[int, int | None], two: tuple[int, int | None]) -> None:
    first, second = (term(n, at, None if long is None else at + long) for n, (at, long) in enumerate((one, two)))
    moments = [first.starts_at, second.starts_at]
    shared = any(
        each.starts_at <= at and (each.ends_at is None or at < each.ends_at)
        and other.starts_at <= at and (other.ends_at is None or at < other.ends_at)
        for each, other in ((first, second),) for at in moments
    )  # fmt: skip
    assert overlaps(first, second.starts_at, second.ends_at) is shared
    assert overlaps(second, first.starts_at, first.ends_at) is shared
