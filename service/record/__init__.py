"""What an exchange was and what its bytes meant: pure functions and frozen facts, no I/O."""
