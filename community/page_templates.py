"""The pages that a buyer sees, and the dashboard's: Jinja files and words that operators may change, in a sandbox."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from jinja2 import FileSystemLoader

from community.wording import HTML

FOLDER = "pages"
SHIPPED = Path(__file__).parent.parent / "templates" / FOLDER
WORDS = "words.yaml"
STYLE = "style.css"
PRODUCT, ORDER, LIBRARY = "product.html.j2", "order.html.j2", "library.html.j2"

Words = Mapping[str, Mapping[str, str]]


class PageTemplates:
    """Pages of a playbook's folder; what it has not is taken from those shipped. Changes are seen at once."""

    def __init__(self, playbook_dir: Path, folder: str = FOLDER) -> None:
        self.folders = [playbook_dir / folder, SHIPPED.with_name(folder)]
        self._jinja = HTML.overlay(loader=FileSystemLoader(self.folders), auto_reload=True)

    def render(self, page: str, locale: str, default: str, context: Mapping[str, Any]) -> str:
        """The page in a locale, else with the words of the default one. Raises what Jinja raises."""
        mine = self.words_of(locale, default)
        return self._jinja.get_template(page).render({**context, "locale": locale, "words": mine})

    def words_of(self, locale: str, default: str) -> Mapping[str, str]:
        """The words in a locale; those that it lacks in the default one, else in English."""
        words = self.words()
        return {**words.get("en", {}), **words.get(default, {}), **words.get(locale, {})}

    def words(self) -> Words:
        """The words of all locales. Raises ValueError for a file that is none."""
        file = self.find(WORDS)
        return _read(file, file.stat().st_mtime_ns)

    def find(self, name: str) -> Path:
        """The file of that name, the folder's own before the shipped one."""
        return next(folder / name for folder in self.folders if (folder / name).is_file())


@lru_cache(maxsize=4)
def _read(file: Path, _changed: int) -> Words:
    try:
        words = yaml.safe_load(file.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ValueError(f"{file.name}: no YAML ({str(error).splitlines()[0]})") from None
    if not isinstance(words, dict) or not all(isinstance(each, dict) for each in words.values()):
        raise ValueError(f"{file.name}: write the words under each locale")
    return {str(locale): {str(key): str(word) for key, word in each.items()} for locale, each in words.items()}
