"""What a hostile user or file tries, and whether it holds: make attack."""
