"""The network, its loss, its metrics, how it is trained and how it is kept."""
