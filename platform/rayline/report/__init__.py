"""Pages for people: the report of a run, the profile of a data set. Plots are drawn here only."""
