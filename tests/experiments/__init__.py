"""Claims of the papers, put to the test; docs/experiments tells what came out."""
