"""What members hold, and until when: terms of plans, granted, prolonged, cancelled, ended."""
