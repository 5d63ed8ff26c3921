"""Models of others: GGUF files read, checked and turned into what the old PC's engine runs."""
