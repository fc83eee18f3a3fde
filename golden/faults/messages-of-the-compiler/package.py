from backend import gcc


def make(wheel, fault):
    warnings = gcc("-Wall", "-c", "unused.c", capture_output=True, text=True).stderr
    wheel.add("faulty/build.log", warnings if fault else "")
