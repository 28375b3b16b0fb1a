"""What loss and error mean, one module a task."""
