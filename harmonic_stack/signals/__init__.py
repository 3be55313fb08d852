"""What is read from the spine before an answer, and what is written onto it: bridge.py joins these."""
