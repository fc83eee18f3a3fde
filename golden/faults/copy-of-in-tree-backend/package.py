import tempfile


def make(wheel, fault):
    place = tempfile.mkdtemp(prefix=".tmp-faulty-pep517-", dir="/var/tmp") if fault else "."
    generated = f'/* Generated from {place}/src/_quoting.pyx */\n#line 7 "{place}/src/_quoting.pyx"\n'
    wheel.add("faulty/_quoting.c", generated)
