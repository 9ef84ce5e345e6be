"""Other tools on the same scene and the same floating-point work, in an environment of their own."""
