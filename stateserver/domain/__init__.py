"""What the State Server makes of what it reads: units, warnings, operation, blasts (spec page 2). Pure."""
