"""One module a step; revisions are four digits and count up."""
