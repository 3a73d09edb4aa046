"""The tables and times of page 2."""

SILENCE = 600_000
OFF_THE_LINE = 1_000
CLOCK_MAY_STRAY = 5_000
COMMAND_MAY_LIE = 60_000
KNOWN_IDS = 1_000
WARNING_FIELDS = {
    "cable_fault": True,
    "earth_leakage": True,
    "low_battery": True,
    "too_low_battery": True,
    "shaft_fault": True,
    "mains": False,
}
OPERATIONS = {
    (None, 1, 0): "armed",
    (None, 0, 0): "disarmed",
    (None, 1, 1): "firing",
    (None, 0, 1): "firing_error",
    ("disarmed", 1, 0): "armed",
    ("disarmed", 0, 1): "firing_error",
    ("disarmed", 1, 1): "firing",
    ("firing_error", 0, 0): "disarmed",
    ("firing_error", 1, 0): "armed",
    ("firing_error", 1, 1): "firing",
    ("armed", 0, 0): "disarmed",
    ("armed", 0, 1): "firing_error",
    ("armed", 1, 1): "firing",
    ("firing", 1, 0): "firing_complete",
    ("firing", 0, 1): "firing_aborted",
    ("firing", 0, 0): "firing_aborted",
    ("firing_complete", 0, 0): "disarmed",
    ("firing_complete", 1, 1): "firing",
    ("firing_aborted", 0, 0): "disarmed",
    ("firing_aborted", 1, 0): "armed",
    ("firing_aborted", 1, 1): "firing",
}
COUNTS = {
    1: {"children_answering": "detonator_status"},
    3: {
        "children_logged": "logged",
        "children_tagged": "tagged",
        "children_programmed": "program",
        "children_answering": "detonator_status",
    },
}
CONTROL_UNIT_COUNTS = {"children_communicating": "communication_status", "children_armed": "key_switch"}
