"""Messages waiting and sent: enqueue, claim, render, pace, deliver, settle, halt."""
