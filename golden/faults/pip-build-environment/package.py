import tempfile


def make(wheel, fault):
    overlay = "/build/environment"
    if fault:
        overlay = tempfile.mkdtemp(prefix="pip-build-env-", dir="/var/tmp")
    wheel.add("faulty/config.py", f'INCLUDE = "{overlay}/overlay/include/python3"\n')
