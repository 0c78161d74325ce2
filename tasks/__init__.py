"""The Prefect tasks shared by the flows: what an operator wants a line for in a run."""
