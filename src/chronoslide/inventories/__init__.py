"""Probability to landslides to what they tell: a part a step, on what all of them ask of polygons.

`outlines` draws the landslides of a map, `multitemporal` tracks them through the years, `comparison` holds two
inventories against each other, `statistics` sums one up, `review` hands one to people. The parts do not know of each
other, except that tracking subtracts rasters as `outlines` makes them. `usable`, `matching` and `pixels` serve all.
"""
