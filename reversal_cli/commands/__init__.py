"""The commands of the command line, one file for each; `cli.py` puts them together."""
