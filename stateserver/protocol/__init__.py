"""The blasting system's wire protocol: frames, commands and what each byte of them says (spec page 1)."""
