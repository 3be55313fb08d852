"""What holds for every test."""

import signal

# A shell hands an ignored SIGINT to what it starts in the background, and every program that we start would inherit it:
# then none of those that test what Ctrl-C does could be stopped.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
