"""Groups, memberships, the entry gate, the collected group welcome."""
