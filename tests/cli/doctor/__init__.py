"""Tests of what ``ollama-recorder doctor`` looks at."""
