"""What members do: append-only events, partitioned by month, and the milestones that stages take as goals."""
