"""This box: its folders, ports, keys, logs and engine, and what is wrong with it."""
