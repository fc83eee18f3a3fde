import os
import time


def make(wheel, fault):
    wheel.add("faulty/module.py", 'GREETING = "hello"\n')
    to_date = time.localtime if fault else time.gmtime
    # Two days later: no time zone may lead to a year that a zip cannot store.
    epoch = int(os.environ["SOURCE_DATE_EPOCH"]) + 2 * 86400
    wheel.times["faulty/module.py"] = to_date(epoch)[:6]
