"""For readers: how the recorder is, in words and in numbers. Reads the journal, never the hot path."""
