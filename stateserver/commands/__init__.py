"""One module a sub command: each holds the click command `command`, and no more than the wiring it needs."""
