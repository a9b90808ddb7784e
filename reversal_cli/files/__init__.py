"""Files and folders: written whole or not at all, read or refused in one line."""
