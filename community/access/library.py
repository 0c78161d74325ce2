"""The library: resources that plans give, for as long as one of them is held."""

from collections.abc import Iterable

from community.playbook import Playbook
from community.playbook_offers import library_of


def given_with(playbook: Playbook, plans: Iterable[str]) -> list[str]:
    """Keys of the resources that these plans give; none of a plan that the playbook has no more."""
    return library_of(playbook.plans[plan] for plan in plans if plan in playbook.plans)


def plans_with(playbook: Playbook, key: str) -> list[str]:
    """The plans that give the resource."""
    return [name for name, plan in playbook.plans.items() if key in plan.library]
