"""From the results of the earlier stages to tables, figures, a Markdown summary and one self-contained page.

The last room on the way from scene to inventory: it computes nothing that a result depends on, it shows.
"""
