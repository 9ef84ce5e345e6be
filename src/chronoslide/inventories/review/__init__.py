"""What people say of a predicted inventory: the package they fill in, and what becomes of their decisions."""
