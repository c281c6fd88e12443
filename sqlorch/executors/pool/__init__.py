"""One run driven by several worker processes, forked from a process that has the project open."""
