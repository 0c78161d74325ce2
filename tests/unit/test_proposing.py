"""When a proposal is tried again."""

from prefect.states import Failed

from community.errors import SopError, VersionChanged
from tasks.proposing import propose_due, version_changed


def test_only_for_a_newer_version() -> None:
    assert propose_due.retry_condition_fn is version_changed
    assert version_changed(propose_due, None, Failed(data=VersionChanged("x")))
    assert not version_changed(propose_due, None, Failed(data=SopError("x")))
