"""What happens, as Prefect events on which operators hang automations of their own. Nothing of ours depends on one."""

from typing import Any
from uuid import NAMESPACE_URL, uuid5

from prefect.events import emit_event


def happened(what: str, stage: str, once: str | None = None, **payload: Any) -> None:
    """Emit `sop.<what>` about the stage: of a batch one, by numbers, never by names.

    Of the same `once` the server takes one, however often a run that is repeated says so.
    """
    emit_event(
        f"sop.{what}",
        {"prefect.resource.id": f"sop.stage.{stage}"},
        payload=payload,
        id=uuid5(NAMESPACE_URL, f"sop.{what}:{stage}:{once}") if once else None,
    )
