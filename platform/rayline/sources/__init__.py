"""Where rows come from: fragments of a file, a frame or a bundled set, each read on its own."""
