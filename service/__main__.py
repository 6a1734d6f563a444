"""``python -m service`` is ``ollama-recorder``."""

from service.cli import main

main()
