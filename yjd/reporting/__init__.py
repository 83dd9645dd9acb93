"""Reports on a release: words, tables, charts and rendered documents, all from what was released."""
