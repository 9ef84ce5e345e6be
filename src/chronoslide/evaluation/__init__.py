"""Maps and inventories against the manual inventories: the figures of `reports/metrics.json`."""
