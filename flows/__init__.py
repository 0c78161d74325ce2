"""The SOP's stages as Prefect flows: orchestration only."""
