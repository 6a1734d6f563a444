"""What calls cost in joules, where this machine has a meter that may be read. An estimate, made beside exchanges."""
