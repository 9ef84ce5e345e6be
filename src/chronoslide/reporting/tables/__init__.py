"""The report's tables as values, a module a subject; `cells` is what a table is made of."""
