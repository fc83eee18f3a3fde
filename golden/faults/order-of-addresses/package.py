class Plugin:
    def __init__(self, number):
        self.name = f"plugin_{number}"


def make(wheel, fault):
    plugins = {Plugin(number) for number in range(5000)}
    names = [f"{plugin.name}\n" for plugin in plugins]
    wheel.add("faulty/plugins.txt", "".join(names if fault else sorted(names)))
