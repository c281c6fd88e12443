"""The command line, one command a file; heavy imports wait until a command runs."""
