"""Where runs are executed for the daemon: warm child processes, watched and replaced."""
