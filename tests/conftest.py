"""What holds for every test."""

import signal

from hypothesis import settings

# A shell hands an ignored SIGINT to what it starts in the background, and every program that we start would inherit it:
# then none of those that test what Ctrl-C does could be stopped.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Properties are tried on the same examples every time, whatever else the machine does meanwhile; new ones are looked
# for by `make test-long`.
settings.register_profile("same", deadline=None, derandomize=True)
settings.register_profile("explore", deadline=None, max_examples=1000)
settings.load_profile("same")
