"""Starting and migrating the application. Not part of the wheel."""
