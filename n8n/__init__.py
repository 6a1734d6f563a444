"""Templates for n8n, and their pictures."""
