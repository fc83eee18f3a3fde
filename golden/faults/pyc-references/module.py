def one():
    return ("a b c", 1.5, 10**20)


def two():
    return ("d e f", 2.5, 10**21)
