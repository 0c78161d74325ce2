"""The playbook that the tests of insight count by."""

import pytest

from community.bundle import Bundle
from community.playbook import Playbook


@pytest.fixture
def playbook(bundle: Bundle) -> Playbook:
    """As shipped, in force."""
    return bundle.playbook
