"""Inventories of single years -> one through time: identities, states, what is new each year, the balance of the stock.

`reading` and `preparing` take anybody's polygons, `linking`, `succession` and `lives` are the steps of `tracking`, and
`tracked_layers`, `tracked_style` and `tracked_writer` make the GeoPackage.
"""
