"""Rendering: from a copy's name, a locale and a context to what Telegram is sent."""

from collections.abc import Mapping
from typing import Any

from jinja2 import TemplateSyntaxError
from pydantic import ValidationError

from community.bundle import Bundle
from community.copy_contexts import standard_context
from community.errors import SopError
from community.wording import Button, Rendered, Wording
from community.yaml_source import YamlError

__all__ = ["Button", "RenderError", "Rendered", "Renderer"]


class RenderError(SopError):
    """A message could not be rendered; the message names the copy, the locale and what is missing."""


class Renderer:
    """Renders the copy of one bundle. Compiles each copy once, when first used."""

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle
        self._compiled: dict[tuple[str, str], tuple[Wording, dict[str, Any]]] = {}

    def render(self, template: str, locale: str, context: Mapping[str, Any]) -> Rendered:
        """Fill in the copy `template` (such as `welcome_drip/day_1`) in `locale`, else in the community's locale.

        `context`: `member` {name, first_name, locale}, `message_id`, `bot` (username), `link` (key → address) and what
        the copy of that name is given besides (docs/playbook.md). `community` and `resources` are added here.
        Names come cleaned (`community.members.names`) but not escaped. Raises RenderError.
        """
        wording, standard = self._compiled.get((template, locale)) or self._compile(template, locale)
        try:
            return wording.render({**standard, **context})
        except Exception as error:  # copy may raise anything, and one bad message must not stop the others
            raise RenderError(f"{template} in {locale}: {error}; run `sop check`, correct the copy, publish") from error

    def _compile(self, template: str, locale: str) -> tuple[Wording, dict[str, Any]]:
        source = self._bundle.copy_source(template, locale)
        if source is None:
            raise RenderError(f"{template}: no such copy in this bundle; write it, run `sop check`, publish")
        try:
            wording = Wording(source)
        except (TemplateSyntaxError, ValidationError, YamlError) as error:
            raise RenderError(f"{template} in {locale}: {error}; run `sop check`, correct it, publish") from error
        self._compiled[template, locale] = wording, standard_context(self._bundle.playbook, locale)
        return self._compiled[template, locale]
