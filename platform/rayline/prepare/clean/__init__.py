"""Row by row corrections, before anything is learnt; one algorithm a file."""
