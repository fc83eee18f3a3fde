GREETING = "hello, world"


def greet():
    return ["hello, world", 1.25]
