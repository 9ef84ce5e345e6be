"""Speed, memory and accuracy of whole commands; `make bench` prints the table and keeps `results.json`."""
