"""Who the members are, where they came from, may we write to them."""
