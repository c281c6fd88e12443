"""Great Expectations on the models of a run; the library is imported when the first of them is checked."""
