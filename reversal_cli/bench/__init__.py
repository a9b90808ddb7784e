"""How fast this machine does the work of the tool: training steps, completions and rankings."""
