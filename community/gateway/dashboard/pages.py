"""The dashboard's pages, in the order of the navigation. One more is one more line here, and its template."""

from community.gateway.dashboard import (
    board,
    funnel,
    groups,
    learning,
    lives,
    outbox,
    reports,
    retention,
    service,
    stages,
)
from community.gateway.dashboard.look import Page

PAGES: tuple[Page, ...] = (
    Page("board", board.show),
    Page("funnel", funnel.show, frozenset({"dates", "span", "source"})),
    Page("cohorts", retention.show, frozenset({"dates", "source"})),
    Page("stages", stages.show, frozenset({"dates", "group"})),
    Page("groups", groups.show, frozenset({"dates", "span", "group"})),
    Page("lives", lives.show, frozenset({"dates"})),
    Page("service", service.show),
    Page("outbox", outbox.show),
    Page("learning", learning.show, frozenset()),
    Page("reports", reports.show, frozenset()),
)
