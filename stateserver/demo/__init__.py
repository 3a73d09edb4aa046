"""A whole State Server on one machine, to be seen at work: broker, worker, gateway, and a capture that is played."""
