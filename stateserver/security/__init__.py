"""Who may write and read: key ring, sealed records, tokens, sessions. Secrets never leave it in words."""
