import os


def make(wheel, fault):
    with open("made.py", "x") as made:
        made.write('GREETING = "hello"\n')
    mode = os.stat("made.py").st_mode & 0o777 if fault else 0o644
    wheel.add("faulty/made.py", 'GREETING = "hello"\n', mode)
