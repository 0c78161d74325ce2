"""A synthetic community for the demonstration: who lives in it, what they do, and whether they were treated well."""
