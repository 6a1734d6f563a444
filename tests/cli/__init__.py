"""Tests of the command line, one file a module of ``service/cli``."""
