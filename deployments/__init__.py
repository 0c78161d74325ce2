"""Composition root: wires the core, the flows and Prefect together. Wiring only."""
