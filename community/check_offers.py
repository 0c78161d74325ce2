"""The check of plans and offers against each other, and against the steps that bring them."""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping

from community.playbook import Playbook
from community.playbook_offers import IN_STARS, MOST_STARS, RENEWABLE, STARS, Offer, TermPlan

Found = tuple[tuple[str | int, ...], str]
"""Where in the playbook, and what is wrong there."""


def offer_problems(playbook: Playbook) -> Iterator[Found]:
    """Plans and offers that are named and not there, said twice, or cannot be."""
    for key, plan in playbook.plans.items():
        yield from title_problems(("plans", key), plan.title, playbook.community.locales)
        yield from ((("plans", key, part), what) for part, what in _of_plan(playbook, key, plan))
    prefixes = Counter(offer.prefix for offer in playbook.offers.values())
    for key, offer in playbook.offers.items():
        yield from ((("offers", key, part), what) for part, what in _of_offer(playbook, offer))
        if prefixes[offer.prefix] > 1:
            yield ("offers", key, "prefix"), f"prefix {offer.prefix} is another offer's too; each must be different"
    yield from ((("problem", "offer"), what) for what in _no_offer(playbook, playbook.problem.offer))
    yield from _of_steps(playbook)


def _of_plan(playbook: Playbook, key: str, plan: TermPlan) -> Iterator[tuple[str, str]]:
    if plan.trial and (plan.price or plan.prices):
        yield "price", "a trial is free; remove the price, or trial"
    if plan.prices and not plan.price:
        yield "prices", "price is missing, which stands for all where one is shown; write one of these there"
    currencies = Counter(price.currency for price in (plan.price, *plan.prices) if price)
    for currency, times in currencies.items():
        if times > 1:
            yield "prices", f"{currency} is used {times} times, with the price; each currency once"
    if any(price.minor == 0 for price in (plan.price, *plan.prices) if price):
        yield "price", "nothing cannot be paid; leave the price empty, or give one"
    for resource in plan.library:
        found = playbook.resource(resource)
        if found is None:
            yield "library", f"{resource} is no resource; add it to resources"
        elif found.on_entry:
            yield (
                "library",
                f"{resource} is given to everyone on entry, whom it would not open for; set on_entry: false",
            )
    yield from (("includes", what) for what in _unknown(playbook, plan.includes))
    for other in plan.includes:
        if other == key or (other in playbook.plans and playbook.plans[other].includes):
            yield "includes", f"{other} is a bundle itself; name what is in it"
    if plan.renews:
        yield from (("renews", what) for what in _not_renewable(plan))


def _not_renewable(plan: TermPlan) -> Iterator[str]:
    """Why a plan that is to renew by itself cannot be subscribed to."""
    stars, money = (
        plan.price_in(STARS),
        [price for price in (plan.price, *plan.prices) if price and price.currency != STARS],
    )
    if plan.trial:
        yield "a trial is not paid for, so it cannot renew; remove renews, or trial"
    elif not (stars or money):
        yield "it has no price, so nobody can subscribe to it; give it one, or remove renews"
    elif plan.length not in RENEWABLE:
        yield "only what lasts 1mo, 3mo or 1y can be subscribed to; change its length, or remove renews"
    elif stars and stars.minor > MOST_STARS and plan.length == IN_STARS:
        yield f"Telegram takes at most {MOST_STARS} XTR a month by subscription; lower that price, or remove renews"
    elif not money and plan.length != IN_STARS:
        yield "Telegram renews Stars by the month only; give it a price in money, make its length 1mo, or remove renews"


def title_problems(where: tuple[str | int, ...], title: Mapping[str, str], locales: Collection[str]) -> Iterator[Found]:
    """Languages that a title lacks, or has too many."""
    if missing := set(locales) - title.keys():
        yield (*where, "title"), f"title is missing in {', '.join(sorted(missing))}; add it"
    for locale in sorted(title.keys() - set(locales)):
        yield (*where, "title", locale), f"{locale} is not in community.locales; add it there"


def _of_offer(playbook: Playbook, offer: Offer) -> Iterator[tuple[str, str]]:
    yield from (("opens", what) for what in _unknown(playbook, [offer.opens] if offer.opens else []))
    yield from (("plans", what) for what in _unknown(playbook, offer.plans))
    if offer.percent == 0:
        yield "percent", "takes nothing off; give more than 0"
    money = {amount.currency for amount in (offer.amount, offer.price, offer.minimum) if amount}
    if len(money) > 1:
        yield "minimum", f"is in another currency ({' and '.join(sorted(money))}); give both in one"
    for plan in offer.plans:
        price = playbook.plans[plan].price if plan in playbook.plans else None
        if plan in playbook.plans and price is None:
            yield "plans", f"plan {plan} has no price to take anything off; give it one, or remove it here"
        elif price and money - {price.currency, *(other.currency for other in playbook.plans[plan].prices)}:
            yield "plans", f"plan {plan} is priced in {price.currency}, the offer in {min(money)}; it would be refused"


def _of_steps(playbook: Playbook) -> Iterator[Found]:
    for name, stage in playbook.stages.items():
        for index, step in enumerate(stage.steps):
            where = ("stages", name, "steps", index)
            yield from (((*where, "plans"), what) for what in _unknown(playbook, step.plans))
            yield from (((*where, "offer"), what) for what in _no_offer(playbook, step.offer))


def _no_offer(playbook: Playbook, key: str | None) -> Iterator[str]:
    if key and key not in playbook.offers:
        yield f"offer {key} is not in the playbook; known: {', '.join(playbook.offers) or 'none'}"


def _unknown(playbook: Playbook, plans: Iterable[str]) -> Iterator[str]:
    for plan in plans:
        if plan not in playbook.plans:
            yield f"plan {plan} is not in the playbook; known: {', '.join(playbook.plans) or 'none'}"
