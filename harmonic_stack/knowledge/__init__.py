"""What single agents know: text files of theirs, cut into passages, of which the fitting ones go into their prompt."""
