"""The report that a blaster signs and files, drawn page by page."""
