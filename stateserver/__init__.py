"""State Server: watches blasting systems, keeps their state and the record of every blast."""

__version__ = "0.1.0"
