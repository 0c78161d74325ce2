"""The dashboard's pages as the operator has written them; as they are shipped where these cannot be read."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import TemplateError

from community.page_templates import SHIPPED, PageTemplates, Words

FOLDER, REPORTS = "dashboard", "reports"
"""Where pages and words lie, and the words that are shared: what KPIs are called."""
UNREADABLE = (ValueError, TemplateError, OSError)

log = logging.getLogger(__name__)


class Written:
    """Pages and words. What is wrong in an operator's is logged, and no page is lost for it."""

    def __init__(self, playbook_dir: Path) -> None:
        self._own = PageTemplates(playbook_dir, FOLDER, REPORTS)
        self._shipped = PageTemplates(SHIPPED.parent, FOLDER, REPORTS)

    def words(self) -> Words:
        """The words of all locales."""
        try:
            return self._own.words()
        except UNREADABLE as error:
            _tell(error)
            return self._shipped.words()

    def words_of(self, locale: str, default: str) -> Mapping[str, str]:
        """The words in a locale; those that it lacks as they are shipped."""
        shipped = self._shipped.words_of(locale, default)
        try:
            return {**shipped, **self._own.words_of(locale, default)}
        except UNREADABLE as error:
            _tell(error)
            return shipped

    def render(self, page: str, locale: str, default: str, context: Mapping[str, Any]) -> str:
        """A page in a locale."""
        try:
            return self._own.render(page, locale, default, context)
        except UNREADABLE as error:
            _tell(error)
            return self._shipped.render(page, locale, default, context)

    def find(self, name: str) -> Path:
        """The file of that name."""
        return self._own.find(name)


def _tell(error: Exception) -> None:
    log.warning("dashboard: templates/%s is not as it should be, shown as shipped: %s", FOLDER, error)
