import time


def make(wheel, fault):
    day = time.strftime("%Y%m%d") if fault else "19800101"
    wheel.add("faulty/_version.py", f'__version__ = "1.0.1.dev3+g0123abc.d{day}"\n')
