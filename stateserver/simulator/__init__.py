"""Stands in for equipment and Packet Servers: it puts frames on the packets topic, sealed as theirs are."""
