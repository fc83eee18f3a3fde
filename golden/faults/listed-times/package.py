import json
import os


def make(wheel, fault):
    with open("asset.css", "x") as generated:
        generated.write("body { margin: 0 }\n")
    time = os.stat("asset.css").st_mtime if fault else 0
    assets = {"asset.css": {"mtime": time, "size": os.stat("asset.css").st_size}}
    wheel.add("faulty/assets.json", json.dumps(assets, indent=1))
