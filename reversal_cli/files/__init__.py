"""Reading files, with one line for what is wrong; writing files and folders, whole or not at all."""
