"""Images of any size, and how they become inputs of one."""
