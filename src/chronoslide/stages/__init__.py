"""One short module a stage: read parameters, open files, call the rooms, write results, log the run."""
