"""What stands in for the functions that copy may call, when it is checked."""

from community.errors import PlaybookError
from community.playbook import Playbook


def sample_moment(_at: str) -> str:
    """Stands in for the sender's `moment` and `day`."""
    return "30 Nov, 20:00"


def link_keys(playbook: Playbook) -> set[str]:
    """What `link(…)` may name: resources and tracked entry links."""
    return {resource.key for resource in playbook.resources} | {link.token for link in playbook.links}


def sample_link(playbook: Playbook | None, key: str) -> str:
    """Stands in for the sender's `link`, as long as links get.

    Raises PlaybookError for a key that is nowhere in the playbook.
    """
    if playbook and key not in link_keys(playbook):
        raise PlaybookError(f"link {key!r} is neither a resource nor a link of the playbook")
    return f"https://{'x' * 60}.example/l/{key}.{'x' * 24}?a=1&b=2"


def sample_page(plan: str, coupon: str | None = None) -> str:
    """Stands in for the sender's `page`: the address of the page on which a plan is sold."""
    return f"https://{'x' * 60}.example/buy/{plan}?m={'x' * 30}&coupon={coupon or ''}"
