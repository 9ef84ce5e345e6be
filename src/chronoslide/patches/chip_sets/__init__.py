"""Patch sets made by others: how their folders are laid out, what their files hold, in which units and sides.

Stands beside the sampling: what a site gives by way of scenes, masks and windows, such a set gives ready cut. `layouts`
finds the chips by the names of files and folders, `files` reads one, `units` brings its values to the storage
convention, `sides` cuts it to the wanted side, and `reading` does all of it.
"""
