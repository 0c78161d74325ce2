"""The rehearsal of a campaign (SOP 1.5): each entry link is walked as strangers do, on an installation of its own."""
