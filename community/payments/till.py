"""Where payments are settled: the surroundings of one transaction."""

from dataclasses import dataclass
from datetime import datetime

from community.bundle import Bundle
from community.database.pool import Connection
from community.playbook import Playbook


@dataclass(frozen=True, slots=True)
class Till:
    """The connection, within a transaction; the playbook and copy in force; SOP time; and which bot speaks."""

    conn: Connection
    bundle: Bundle
    at: datetime
    bot_id: int

    @property
    def playbook(self) -> Playbook:
        """The playbook in force."""
        return self.bundle.playbook
