"""What is remembered: runs, their nodes, every attempt, in one SQLite file."""
