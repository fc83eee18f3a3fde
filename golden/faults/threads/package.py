import concurrent.futures
import random
import time


def make(wheel, fault):
    names = [f"unit_{number:02}" for number in range(24)]
    random.shuffle(names)
    done = []

    def compile_unit(name):
        time.sleep(random.random() / 1000)
        done.append(f"{name}.o\n")

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(compile_unit, names))
    wheel.add("faulty/link.txt", "".join(done if fault else sorted(done)))
