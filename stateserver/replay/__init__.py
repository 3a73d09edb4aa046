"""A journal from a file or the log, folded again from its beginning (spec page 4, Replay)."""
