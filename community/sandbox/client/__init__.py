"""An asynchronous client of the control interface, for tests, benchmarks and the simulator."""

from community.sandbox.client.administration import Administration
from community.sandbox.client.circumstances import Circumstances
from community.sandbox.client.connection import Chat, SandboxError
from community.sandbox.client.creating import Creating
from community.sandbox.client.journal import Journal
from community.sandbox.client.paying import Paying
from community.sandbox.client.sights import Sights
from community.sandbox.client.state import State

__all__ = ["Chat", "SandboxClient", "SandboxError"]


class SandboxClient(Creating, Administration, Paying, Sights, Journal, Circumstances, State):
    """``async with SandboxClient("http://127.0.0.1:8081") as sandbox: …``

    A bot left out means the first one. `at` is the sandbox date of a gesture in seconds, now by default.
    """
