import os
import time


def make(wheel, fault):
    to_date = time.localtime if fault else time.gmtime
    when = time.strftime("%Y-%m-%d %H:%M:%S", to_date(int(os.environ["SOURCE_DATE_EPOCH"])))
    wheel.add("faulty/_build.py", f'BUILT = "{when}"\n')
