"""The control interface under /control: JSON over HTTP, for tests, the simulator and the page.

One module per topic; importing this package registers their routes.
"""

from community.sandbox.control import circumstances, creating, journal, paying, sights, state, view
from community.sandbox.control.registry import ROUTES, control_app

__all__ = ["ROUTES", "circumstances", "control_app", "creating", "journal", "paying", "sights", "state", "view"]
