"""What sends messages to people: Apprise for every service it knows, and a file."""
