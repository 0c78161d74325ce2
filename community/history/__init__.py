"""Moving in and out: an existing community's history and its list of members come in, the records go out as files."""
